//! What people and bots do on the Hub, through its API or as a test says: each changes the state and causes deliveries.

use super::event::Event;
use super::repo::commit::{Change, CommitMessage, MAIN, apply};
use super::repo::discussion::{EventData, PullRequest, RepoDiscussion, RepoDiscussionEvent};
use super::repo::space::RepoSpace;
use super::repo::{Repo, RepoKey, RepoKind};
use super::state::HubState;
use serde_json::json;

impl HubState {
    /// Creates a repo with a first commit. Its owner's account is made when it is new.
    pub(super) fn create_repo(&mut self, key: &RepoKey, private: bool, sdk: Option<&str>) {
        self.account(key.owner());
        let message = CommitMessage { title: "initial commit".to_owned(), date: self.now() };
        let is_space = key.kind == RepoKind::Space;
        let mut repo = Repo {
            key: key.clone(),
            id: self.new_id(),
            private,
            tags: Vec::new(),
            created_at: message.date.clone(),
            commits: Default::default(),
            refs: Default::default(),
            discussions: Default::default(),
            copied: Default::default(),
            space: is_space.then(|| RepoSpace::new(sdk.unwrap_or("docker"), None)),
            bucket: Default::default(),
        };
        if key.kind != RepoKind::Bucket {
            let attributes = b"*.bin filter=lfs diff=lfs merge=lfs -text\n".to_vec();
            let changes = vec![Change::Add(".gitattributes".to_owned(), attributes)];
            if let Ok(oid) = repo.commit(None, changes, message) {
                repo.refs.insert(MAIN.to_owned(), oid);
            }
        }
        self.repos.insert(key.clone(), repo);
        self.emit(key, &Event::Repo { action: "create" });
    }

    /// Deletes a repo.
    pub(super) fn delete_repo(&mut self, key: &RepoKey) {
        self.emit(key, &Event::Repo { action: "delete" });
        self.repos.remove(key);
    }

    /// Makes a repo public or private.
    pub(super) fn set_private(&mut self, key: &RepoKey, private: bool) {
        if let Some(repo) = self.repos.get_mut(key) {
            repo.private = private;
            self.emit(key, &Event::Visibility);
        }
    }

    /// Commits to a branch, which is made when it is new, or to a pull request. Returns the oid.
    ///
    /// # Errors
    ///
    /// The path of a deleted file or folder that does not exist.
    pub(super) fn push(
        &mut self,
        key: &RepoKey,
        ref_name: &str,
        changes: Vec<Change>,
        title: &str,
    ) -> Result<String, String> {
        let message = CommitMessage { title: title.to_owned(), date: self.now() };
        let no_repo = || format!("{key} does not exist");
        let repo = self.repos.get_mut(key).ok_or_else(no_repo)?;
        let old = repo.refs.get(ref_name).cloned();
        let parent = old.clone().or_else(|| repo.head().map(str::to_owned));
        let oid = repo.commit(parent.as_deref(), changes, message)?;
        self.point(key, ref_name, Some(oid.clone()));
        Ok(oid)
    }

    /// Points a ref to a commit, or deletes it. A commit of a pull request is one of its events.
    pub(super) fn point(&mut self, key: &RepoKey, ref_name: &str, new: Option<String>) {
        let (id, created_at) = (self.new_id(), self.now());
        let Some(repo) = self.repos.get_mut(key) else { return };
        let old = match &new {
            Some(oid) => repo.refs.insert(ref_name.to_owned(), oid.clone()),
            None => repo.refs.remove(ref_name),
        };
        let num = ref_name.strip_prefix("refs/pr/").and_then(|num| num.parse().ok());
        let discussion = num.and_then(|num: u64| repo.discussions.get_mut(&num));
        if let (Some(space), MAIN, Some(oid)) = (&mut repo.space, ref_name, &new) {
            space.walk = self.builds.walk(oid);
        }
        let commit = new.as_ref().and_then(|oid| repo.commits.get(oid));
        if let (Some(discussion), Some(commit), Some(_)) = (discussion, commit, &old) {
            let what = EventData::Commit { title: commit.title.clone(), oid: commit.oid.clone() };
            let author = discussion.author.clone();
            discussion.events.push(RepoDiscussionEvent { id, author, created_at, what });
        }
        self.emit(key, &Event::Refs(vec![(ref_name.to_owned(), old, new)]));
    }

    /// Changes files of a bucket: `None` deletes one.
    pub(super) fn change_bucket(&mut self, key: &RepoKey, files: &[(&str, Option<&str>)]) {
        let Some(repo) = self.repos.get_mut(key) else { return };
        let mut updated = Vec::new();
        for (path, contents) in files {
            let path = (*path).to_owned();
            updated.push(match contents {
                Some(text) => {
                    let hash = super::repo::commit::sha256(text.as_bytes());
                    json!({ "path": path, "action": "add", "xetHash": hash, "size": text.len() })
                }
                None => json!({ "path": path, "action": "delete" }),
            });
            let change = match contents {
                Some(text) => Change::Add(path, text.as_bytes().to_vec()),
                None => Change::Delete(path),
            };
            let _ = apply(&mut repo.bucket, change);
        }
        self.emit(key, &Event::BucketFiles(updated));
    }

    /// Opens a discussion, or a pull request with this status and head. Returns its number.
    pub(super) fn open_discussion(
        &mut self,
        key: &RepoKey,
        author: &str,
        (title, text): (&str, &str),
        pull_request: Option<(&'static str, String)>,
    ) -> u64 {
        let first = self.discussion_event(
            author,
            EventData::Comment { text: text.to_owned(), edited: false, hidden: false },
        );
        let (id, created_at) = (self.new_id(), self.now());
        let Some(repo) = self.repos.get_mut(key) else { return 0 };
        let num = repo.discussions.keys().last().map_or(1, |last| last + 1);
        let discussion = RepoDiscussion {
            num,
            id,
            title: title.to_owned(),
            author: author.to_owned(),
            created_at,
            status: pull_request.as_ref().map_or("open", |(status, _)| status),
            locked: false,
            pull_request: pull_request
                .as_ref()
                .map(|_| PullRequest { base: MAIN.to_owned(), merge_commit: None }),
            events: vec![first],
        };
        let ref_name = discussion.ref_name();
        repo.discussions.insert(num, discussion);
        self.emit(key, &Event::Discussion { action: "create", num });
        if let Some((_, head)) = pull_request {
            self.point(key, &ref_name, Some(head));
        }
        num
    }

    /// Writes a comment. Returns its event.
    pub(super) fn comment(
        &mut self,
        key: &RepoKey,
        num: u64,
        author: &str,
        text: &str,
    ) -> Option<RepoDiscussionEvent> {
        let what = EventData::Comment { text: text.to_owned(), edited: false, hidden: false };
        let event = self.add_event(key, num, author, what)?;
        self.emit(key, &Event::Comment { action: "create", num, id: event.id.clone() });
        Some(event)
    }

    /// Adds an event to a discussion, without a delivery.
    pub(super) fn add_event(
        &mut self,
        key: &RepoKey,
        num: u64,
        author: &str,
        what: EventData,
    ) -> Option<RepoDiscussionEvent> {
        let event = self.discussion_event(author, what);
        let discussion = self.repos.get_mut(key)?.discussions.get_mut(&num)?;
        discussion.events.push(event.clone());
        Some(event)
    }

    /// Merges a pull request into its base.
    pub(super) fn merge(&mut self, key: &RepoKey, num: u64, author: &str) -> Option<()> {
        let message =
            CommitMessage { title: format!("Merge pull request {num}"), date: self.now() };
        let repo = self.repos.get_mut(key)?;
        let discussion = repo.discussions.get(&num)?;
        let base = discussion.pull_request.as_ref()?.base.clone();
        let changed = repo.commits.get(repo.refs.get(&discussion.ref_name())?)?.files.clone();
        let changes =
            changed.into_iter().map(|(path, it)| Change::Add(path, it.to_vec())).collect();
        let parent = repo.refs.get(&base).cloned();
        let oid = repo.commit(parent.as_deref(), changes, message).ok()?;
        let discussion = repo.discussions.get_mut(&num)?;
        discussion.status = "merged";
        discussion.pull_request.as_mut()?.merge_commit = Some(oid.clone());
        self.add_event(key, num, author, EventData::Status("merged"));
        self.emit(key, &Event::Discussion { action: "update", num });
        self.point(key, &base, Some(oid));
        Some(())
    }

    fn discussion_event(&mut self, author: &str, what: EventData) -> RepoDiscussionEvent {
        self.account(author);
        let (id, created_at) = (self.new_id(), self.now());
        RepoDiscussionEvent { id, author: author.to_owned(), created_at, what }
    }
}
