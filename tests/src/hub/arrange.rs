//! What a test does on the Hub, as its owner or as another user does in the browser or with git.

use super::account::{Scope, TestAccount};
use super::repo::RepoKey;
use super::repo::commit::Change;
use super::state::HubState;
use super::webhook::{TestWebhook, TestWebhookState};
use super::{ME, TestHub};
use crate::program::fail;

impl TestHub {
    /// Returns an account, which is made when it is new.
    #[must_use]
    pub fn account(&self, name: &str) -> TestAccount {
        self.shared.with(|state| state.account(name))
    }

    /// Makes an organization with `me` as a member.
    pub fn create_org(&self, name: &str) {
        self.shared.with(|state| {
            state.account(name);
            for account in &mut state.accounts {
                match account.name.as_str() {
                    ME => account.orgs.get_or_insert_default().push(name.to_owned()),
                    it if it == name => account.orgs = None,
                    _ => {}
                }
            }
        });
    }

    /// Makes another token of `me`, with these scopes.
    #[must_use]
    pub fn token_with(&self, scopes: &[Scope]) -> String {
        self.shared.with(|state| state.new_token(ME, scopes))
    }

    /// Makes tokens of no use: `me` has logged out everywhere.
    pub fn revoke_tokens(&self) {
        self.shared.with(|state| state.tokens.retain(|token| token.account != ME));
    }

    /// Creates a public repo: `dataset:me/data`.
    pub fn create_repo(&self, repo: &str) {
        let key = key(repo);
        self.shared.with(|state| state.create_repo(&key, false, None));
    }

    /// Deletes a repo.
    pub fn delete_repo(&self, repo: &str) {
        self.with_repo(repo, HubState::delete_repo);
    }

    /// Makes a repo public or private.
    pub fn set_private(&self, repo: &str, private: bool) {
        self.with_repo(repo, |state, key| state.set_private(key, private));
    }

    /// Commits files to a branch, which is made when it is new, or to a full ref. `None` deletes a file. Returns the oid.
    pub fn push(&self, repo: &str, branch: &str, files: &[(&str, Option<&[u8]>)]) -> String {
        let change = |(path, contents): &(&str, Option<&[u8]>)| match contents {
            Some(contents) => Change::Add((*path).to_owned(), contents.to_vec()),
            None => Change::Delete((*path).to_owned()),
        };
        let changes = files.iter().map(change).collect();
        let pushed = self.with_repo(repo, |state, key| {
            state.push(key, &full(branch), changes, "A commit of a test")
        });
        pushed.unwrap_or_else(|error| fail(&format!("cannot push to {repo}: {error}")))
    }

    /// Points a branch, or a full ref such as `refs/tags/v1`, to a commit. `None` deletes it.
    pub fn set_ref(&self, repo: &str, branch: &str, oid: Option<&str>) {
        let oid = oid.map(str::to_owned);
        self.with_repo(repo, |state, key| state.point(key, &full(branch), oid));
    }

    /// Changes files of a bucket. `None` deletes one.
    pub fn change_bucket(&self, bucket: &str, files: &[(&str, Option<&str>)]) {
        self.with_repo(bucket, |state, key| state.change_bucket(key, files));
    }

    /// Opens a discussion and returns its number.
    pub fn open_discussion(&self, repo: &str, author: &str, title: &str, text: &str) -> u64 {
        self.with_repo(repo, |state, key| state.open_discussion(key, author, (title, text), None))
    }

    /// Opens a pull request with these files and returns its number.
    pub fn open_pull_request(
        &self,
        repo: &str,
        author: &str,
        title: &str,
        files: &[(&str, Option<&[u8]>)],
    ) -> u64 {
        let num = self.with_repo(repo, |state, key| {
            let head = state.repos.get(key).and_then(|repo| repo.head()).unwrap_or_default();
            let pull_request = Some(("open", head.to_owned()));
            state.open_discussion(key, author, (title, "A pull request of a test"), pull_request)
        });
        self.push(repo, &format!("refs/pr/{num}"), files);
        num
    }

    /// Locks a discussion, as a moderator does: then nobody can comment with the API.
    pub fn lock_discussion(&self, repo: &str, num: u64) {
        self.with_repo(repo, |state, key| {
            let discussions = state.repos.get_mut(key).map(|repo| &mut repo.discussions);
            if let Some(discussion) = discussions.and_then(|all| all.get_mut(&num)) {
                discussion.locked = true;
            }
        });
    }

    /// Writes a comment and returns its id.
    pub fn comment(&self, repo: &str, num: u64, author: &str, text: &str) -> String {
        let event = self.with_repo(repo, |state, key| state.comment(key, num, author, text));
        event.unwrap_or_else(|| fail(&format!("{repo} has no discussion {num}"))).id
    }

    /// Sets the stage of a Space: `RUNNING`.
    pub fn set_space_stage(&self, space: &str, stage: &str) {
        self.with_repo(space, |state, key| {
            let space = state.repos.get_mut(key).and_then(|repo| repo.space.as_mut());
            if let Some(space) = space {
                space.set_stage(stage);
            }
        });
    }

    /// Makes a webhook that a person made on the settings page, for all events. Returns its id.
    pub fn create_webhook(&self, owner: &str, url: &str, watched: &[&str]) -> String {
        self.shared.with(|state| {
            state.account(owner);
            let id = state.new_id();
            state.webhooks.push(TestWebhook {
                id: id.clone(),
                owner: owner.to_owned(),
                url: Some(url.to_owned()),
                watched: watched.iter().map(|it| (*it).to_owned()).collect(),
                domains: vec!["repo".to_owned(), "discussion".to_owned()],
                secret: None,
                state: TestWebhookState::Enabled,
                deliveries: Vec::new(),
                failures: 0,
                job: None,
            });
            id
        })
    }

    /// Sets a webhook's state, as its owner does on the settings page, or as the Hub does after failures.
    pub fn set_webhook_state(&self, id: &str, to: TestWebhookState) {
        self.shared.with(|state| {
            let webhook = state.webhooks.iter_mut().find(|webhook| webhook.id == id);
            let webhook = webhook.unwrap_or_else(|| fail(&format!("there is no webhook {id}")));
            webhook.state = to;
        });
    }

    pub(super) fn with_repo<T>(
        &self,
        repo: &str,
        change: impl FnOnce(&mut HubState, &RepoKey) -> T,
    ) -> T {
        let key = key(repo);
        self.shared.with(|state| {
            if !state.repos.contains_key(&key) {
                fail(&format!("there is no repo {repo}"));
            }
            change(state, &key)
        })
    }
}

pub(super) fn key(repo: &str) -> RepoKey {
    repo.parse().unwrap_or_else(|()| fail(&format!("{repo:?} is not like \"dataset:me/data\"")))
}

fn full(branch: &str) -> String {
    if branch.starts_with("refs/") { branch.to_owned() } else { format!("refs/heads/{branch}") }
}
