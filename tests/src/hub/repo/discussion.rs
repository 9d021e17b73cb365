//! Discussions and pull requests, with their events.

use serde_json::{Value, json};

use super::RepoKey;

/// A discussion or a pull request.
#[derive(Clone, Debug)]
pub(in crate::hub) struct RepoDiscussion {
    pub(in crate::hub) num: u64,
    pub(in crate::hub) id: String,
    pub(in crate::hub) title: String,
    /// The name of the author's account.
    pub(in crate::hub) author: String,
    pub(in crate::hub) created_at: String,
    /// `draft`, `open`, `closed` or `merged`.
    pub(in crate::hub) status: &'static str,
    pub(in crate::hub) locked: bool,
    pub(in crate::hub) pull_request: Option<PullRequest>,
    pub(in crate::hub) events: Vec<RepoDiscussionEvent>,
}

/// What a pull request has beside a discussion.
#[derive(Clone, Debug)]
pub(in crate::hub) struct PullRequest {
    /// The full name of the branch that it changes.
    pub(in crate::hub) base: String,
    pub(in crate::hub) merge_commit: Option<String>,
}

/// An event of a discussion.
#[derive(Clone, Debug)]
pub(in crate::hub) struct RepoDiscussionEvent {
    pub(in crate::hub) id: String,
    pub(in crate::hub) author: String,
    pub(in crate::hub) created_at: String,
    pub(in crate::hub) what: EventData,
}

/// What happened.
#[derive(Clone, Debug)]
pub(in crate::hub) enum EventData {
    Comment { text: String, edited: bool, hidden: bool },
    Status(&'static str),
    Title { from: String, to: String },
    Commit { title: String, oid: String },
}

impl RepoDiscussionEvent {
    /// Returns the event in a response.
    pub(in crate::hub) fn json(&self) -> Value {
        let (kind, data) = match &self.what {
            EventData::Comment { text, edited, hidden } => {
                ("comment", self.comment(text, *edited, *hidden))
            }
            EventData::Status(status) => ("status-change", json!({ "status": status })),
            EventData::Title { from, to } => ("title-change", json!({ "from": from, "to": to })),
            EventData::Commit { title, oid } => ("commit", json!({ "subject": title, "oid": oid })),
        };
        json!({
            "id": self.id,
            "type": kind,
            "createdAt": self.created_at,
            "author": { "name": self.author, "type": "user" },
            "data": data,
        })
    }

    fn comment(&self, text: &str, edited: bool, hidden: bool) -> Value {
        let raw = if hidden { "This comment has been hidden" } else { text };
        json!({
            "edited": edited,
            "hidden": hidden,
            "latest": {
                "raw": raw,
                "html": format!("<p>{}</p>", raw.replace('&', "&amp;").replace('<', "&lt;")),
                "updatedAt": self.created_at,
                "author": { "name": self.author },
            },
            "numEdits": u8::from(edited),
            "history": [],
        })
    }
}

impl RepoDiscussion {
    /// Returns the discussion in a list.
    pub(in crate::hub) fn summary(&self, repo: &RepoKey) -> Value {
        json!({
            "num": self.num,
            "title": self.title,
            "status": self.status,
            "author": { "name": self.author, "type": "user" },
            "createdAt": self.created_at,
            "isPullRequest": self.pull_request.is_some(),
            "repo": { "name": repo.name, "type": repo.kind.name() },
            "numComments": self.events.iter().filter(|it| it.is_comment()).count(),
        })
    }

    /// Returns the discussion with its events.
    pub(in crate::hub) fn details(&self, repo: &RepoKey, diff: Option<String>) -> Value {
        let mut details = self.summary(repo);
        details["locked"] = json!(self.locked);
        details["events"] = self.events.iter().map(RepoDiscussionEvent::json).collect();
        if let Some(pull_request) = &self.pull_request {
            details["changes"] = json!({ "base": pull_request.base });
            if let Some(commit) = &pull_request.merge_commit {
                details["changes"]["mergeCommitId"] = json!(commit);
            }
            details["filesWithConflicts"] = json!([]);
        }
        if let Some(diff) = diff {
            details["diff"] = json!(diff);
        }
        details
    }

    /// Returns the full name of a pull request's ref.
    pub(in crate::hub) fn ref_name(&self) -> String {
        format!("refs/pr/{}", self.num)
    }
}

impl RepoDiscussionEvent {
    /// Returns whether it is a comment.
    pub(in crate::hub) fn is_comment(&self) -> bool {
        matches!(self.what, EventData::Comment { .. })
    }
}
