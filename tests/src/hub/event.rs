//! Events of repos, and the deliveries that they cause.

use serde_json::{Value, json};

use super::repo::discussion::{EventData, RepoDiscussion, RepoDiscussionEvent};
use super::repo::{Repo, RepoKey, RepoKind};
use super::state::HubState;
use super::webhook::TestDelivery;

/// Something that happened to a repo.
#[derive(Clone, Debug)]
pub(super) enum Event {
    /// The repo was created or deleted.
    Repo { action: &'static str },
    /// Refs changed: full name, old oid, new oid.
    Refs(Vec<(String, Option<String>, Option<String>)>),
    /// Files of a bucket changed.
    BucketFiles(Vec<Value>),
    /// The visibility changed.
    Visibility,
    /// A discussion was created, with its first comment, or changed.
    Discussion { action: &'static str, num: u64 },
    /// A comment was created or changed.
    Comment { action: &'static str, num: u64, id: String },
}

impl Event {
    fn action_and_scope(&self) -> (&'static str, &'static str) {
        match self {
            Self::Repo { action } => (action, "repo"),
            Self::Refs(_) | Self::BucketFiles(_) => ("update", "repo.content"),
            Self::Visibility => ("update", "repo.config"),
            Self::Discussion { action, .. } => (action, "discussion"),
            Self::Comment { action, .. } => (action, "discussion.comment"),
        }
    }
}

impl HubState {
    /// Makes a delivery for each webhook that an event is for.
    pub(super) fn emit(&mut self, key: &RepoKey, event: &Event) {
        let Some(repo) = self.repos.get(key).cloned() else { return };
        let scope = event.action_and_scope().1;
        let payload = self.payload(&repo, event);
        for at in 0..self.webhooks.len() {
            if !self.webhooks[at].delivers(key, scope) {
                continue;
            }
            let (log_id, webhook_id) = (self.new_id(), self.new_id());
            let webhook = &mut self.webhooks[at];
            let mut payload = payload.clone();
            payload["webhook"] = json!({ "id": webhook.id, "version": 3 });
            self.outbox.push((webhook.id.clone(), log_id.clone()));
            let attempts = Vec::new();
            webhook.deliveries.push(TestDelivery { log_id, webhook_id, payload, attempts });
        }
    }

    fn payload(&mut self, repo: &Repo, event: &Event) -> Value {
        let (action, scope) = event.action_and_scope();
        let mut payload = json!({
            "event": { "action": action, "scope": scope },
            "repo": self.repo_part(repo, scope),
        });
        match event {
            Event::Repo { .. } => {}
            Event::Refs(refs) => {
                let updated = |(name, old, new): &(String, Option<String>, Option<String>)| json!({ "ref": name, "oldSha": old, "newSha": new });
                payload["updatedRefs"] = refs.iter().map(updated).collect();
            }
            Event::BucketFiles(files) => payload["updatedFiles"] = json!(files),
            Event::Visibility => payload["updatedConfig"] = json!({ "private": repo.private }),
            Event::Discussion { action, num } => {
                let Some(discussion) = repo.discussions.get(num) else { return payload };
                payload["discussion"] = self.discussion_part(&repo.key, discussion);
                let first = discussion.events.iter().find(|event| event.is_comment());
                if let (&"create", Some(comment)) = (action, first) {
                    payload["comment"] = self.comment_part(&repo.key, discussion, comment);
                }
            }
            Event::Comment { num, id, .. } => {
                let Some(discussion) = repo.discussions.get(num) else { return payload };
                payload["discussion"] = self.discussion_part(&repo.key, discussion);
                if let Some(comment) = discussion.events.iter().find(|event| event.id == *id) {
                    payload["comment"] = self.comment_part(&repo.key, discussion, comment);
                }
            }
        }
        payload
    }

    fn repo_part(&mut self, repo: &Repo, scope: &str) -> Value {
        let key = &repo.key;
        let owner = self.id_of(key.owner());
        let mut part = json!({
            "type": key.kind.name(),
            "name": key.name,
            "id": repo.id,
            "private": repo.private,
            "url": { "web": format!("{}/{}", self.url, key.web_path()) },
            "owner": { "id": owner },
        });
        if key.kind != RepoKind::Bucket {
            part["url"]["api"] = json!(self.api_url(key));
            part["tags"] = json!(repo.tags);
            if scope.starts_with("repo") {
                part["headSha"] = json!(repo.head());
            }
        }
        if key.kind == RepoKind::Space {
            part["subdomain"] = json!(key.name.replace('/', "-"));
        }
        part
    }

    fn discussion_part(&mut self, key: &RepoKey, discussion: &RepoDiscussion) -> Value {
        let author = self.id_of(&discussion.author);
        let (web, api) = (self.web_url(key), self.api_url(key));
        let mut part = json!({
            "id": discussion.id,
            "num": discussion.num,
            "title": discussion.title,
            "author": { "id": author },
            "url": {
                "web": format!("{web}/discussions/{}", discussion.num),
                "api": format!("{api}/discussions/{}", discussion.num),
            },
            "isPullRequest": discussion.pull_request.is_some(),
            "status": discussion.status,
        });
        if let Some(pull_request) = &discussion.pull_request {
            part["changes"] = json!({ "base": pull_request.base });
            if let Some(commit) = &pull_request.merge_commit {
                part["changes"]["mergeCommitId"] = json!(commit);
            }
        }
        part
    }

    fn comment_part(
        &mut self,
        key: &RepoKey,
        discussion: &RepoDiscussion,
        comment: &RepoDiscussionEvent,
    ) -> Value {
        let author = self.id_of(&comment.author);
        let web = self.web_url(key);
        let mut part = json!({
            "id": comment.id,
            "author": { "id": author },
            "hidden": false,
            "url": { "web": format!("{web}/discussions/{}#{}", discussion.num, comment.id) },
        });
        match &comment.what {
            EventData::Comment { hidden: true, .. } => part["hidden"] = json!(true),
            EventData::Comment { text, .. } => part["content"] = json!(text),
            _ => {}
        }
        part
    }

    /// Returns a repo's URL on the web.
    pub(super) fn web_url(&self, key: &RepoKey) -> String {
        format!("{}/{}", self.url, key.web_path())
    }

    fn api_url(&self, key: &RepoKey) -> String {
        format!("{}/api/{}s/{}", self.url, key.kind.name(), key.name)
    }
}
