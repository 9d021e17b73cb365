//! What a test sees on the Hub.

use std::collections::BTreeMap;

use super::TestHub;
use super::job::TestJob;
use super::log::ReceivedRequest;
use super::repo::Repo;
use super::repo::discussion::{EventData, RepoDiscussion};
use super::webhook::{TestDelivery, TestWebhook, TestWebhookState};
use crate::program::fail;

/// A comment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestComment {
    /// The id.
    pub id: String,
    /// The name of the author's account.
    pub author: String,
    /// The text.
    pub text: String,
    /// Whether it is hidden.
    pub hidden: bool,
}

/// A discussion or a pull request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestDiscussion {
    /// The number.
    pub num: u64,
    /// The title.
    pub title: String,
    /// The name of the author's account.
    pub author: String,
    /// `draft`, `open`, `closed` or `merged`.
    pub status: &'static str,
    /// Whether it is a pull request.
    pub is_pull_request: bool,
    /// The comments, the first one among them.
    pub comments: Vec<TestComment>,
}

impl From<&RepoDiscussion> for TestDiscussion {
    fn from(discussion: &RepoDiscussion) -> Self {
        let comment = |event: &super::repo::discussion::RepoDiscussionEvent| match &event.what {
            EventData::Comment { text, hidden, .. } => Some(TestComment {
                id: event.id.clone(),
                author: event.author.clone(),
                text: text.clone(),
                hidden: *hidden,
            }),
            _ => None,
        };
        Self {
            num: discussion.num,
            title: discussion.title.clone(),
            author: discussion.author.clone(),
            status: discussion.status,
            is_pull_request: discussion.pull_request.is_some(),
            comments: discussion.events.iter().filter_map(comment).collect(),
        }
    }
}

/// Repos.
impl TestHub {
    /// Returns whether a repo exists.
    #[must_use]
    pub fn has_repo(&self, repo: &str) -> bool {
        let key = super::arrange::key(repo);
        self.shared.with(|state| state.repos.contains_key(&key))
    }

    /// Returns the oid that a branch, a tag or a full ref points to.
    #[must_use]
    pub fn head(&self, repo: &str, revision: &str) -> Option<String> {
        self.read_repo(repo, |repo| Some(repo.resolve(revision)?.oid.clone()))
    }

    /// Returns a file's contents at a revision.
    #[must_use]
    pub fn file(&self, repo: &str, revision: &str, path: &str) -> Option<Vec<u8>> {
        self.read_repo(repo, |repo| Some(repo.resolve(revision)?.files.get(path)?.to_vec()))
    }

    /// Returns the paths of the files at a revision.
    #[must_use]
    pub fn files(&self, repo: &str, revision: &str) -> Vec<String> {
        let paths = |repo: &Repo| Some(repo.resolve(revision)?.files.keys().cloned().collect());
        self.read_repo(repo, paths).unwrap_or_default()
    }

    /// Returns all discussions and pull requests of a repo.
    #[must_use]
    pub fn discussions(&self, repo: &str) -> Vec<TestDiscussion> {
        self.read_repo(repo, |repo| repo.discussions.values().map(Into::into).collect())
    }

    /// Returns the comments of a discussion.
    #[must_use]
    pub fn comments(&self, repo: &str, num: u64) -> Vec<TestComment> {
        let found = self.discussions(repo).into_iter().find(|it| it.num == num);
        found.map(|it| it.comments).unwrap_or_default()
    }

    /// Waits until a discussion has so many comments, and returns them.
    #[must_use]
    pub fn wait_for_comments(&self, repo: &str, num: u64, count: usize) -> Vec<TestComment> {
        let key = super::arrange::key(repo);
        let found = self.shared.wait(|state| {
            let discussion = TestDiscussion::from(state.repos.get(&key)?.discussions.get(&num)?);
            (discussion.comments.len() >= count).then_some(discussion.comments)
        });
        found.unwrap_or_else(|| {
            fail(&format!("not {count} comments: {:#?}", self.comments(repo, num)))
        })
    }

    /// Returns the secrets of a Space.
    #[must_use]
    pub fn space_secrets(&self, space: &str) -> BTreeMap<String, String> {
        self.read_repo(space, |repo| repo.space.as_ref().map(|it| it.secrets.clone()))
            .unwrap_or_default()
    }

    /// Returns the variables of a Space.
    #[must_use]
    pub fn space_variables(&self, space: &str) -> BTreeMap<String, String> {
        self.read_repo(space, |repo| repo.space.as_ref().map(|it| it.variables.clone()))
            .unwrap_or_default()
    }

    /// Returns the Jobs that were started.
    #[must_use]
    pub fn jobs(&self) -> Vec<TestJob> {
        self.shared.with(|state| state.jobs.clone())
    }

    fn read_repo<T>(&self, repo: &str, read: impl FnOnce(&Repo) -> T) -> T {
        self.with_repo(repo, |state, key| read(&state.repos[key]))
    }
}

/// Webhooks.
impl TestHub {
    /// Returns all webhooks, of all accounts.
    #[must_use]
    pub fn webhooks(&self) -> Vec<TestWebhook> {
        self.shared.with(|state| state.webhooks.clone())
    }

    /// Returns a webhook.
    #[must_use]
    pub fn webhook(&self, id: &str) -> TestWebhook {
        let found = self.webhooks().into_iter().find(|webhook| webhook.id == id);
        found.unwrap_or_else(|| fail(&format!("there is no webhook {id}")))
    }

    /// Waits until there are so many webhooks, and returns them.
    #[must_use]
    pub fn wait_for_webhooks(&self, count: usize) -> Vec<TestWebhook> {
        let found = self
            .shared
            .wait(|state| (state.webhooks.len() >= count).then(|| state.webhooks.clone()));
        found.unwrap_or_else(|| fail(&format!("not {count} webhooks: {:#?}", self.webhooks())))
    }

    /// Waits until a webhook has this state.
    pub fn wait_for_webhook_state(&self, id: &str, wanted: TestWebhookState) {
        let found = self.shared.wait(|state| {
            state
                .webhooks
                .iter()
                .find(|webhook| webhook.id == id && webhook.state == wanted)
                .map(drop)
        });
        found.unwrap_or_else(|| fail(&format!("not {wanted:?}: {:#?}", self.webhook(id))));
    }

    /// Waits until a webhook has a delivery of this event, `update repo.content`, that was answered, and returns the last.
    #[must_use]
    pub fn wait_for_delivery(&self, id: &str, event: &str) -> TestDelivery {
        let found = self.shared.wait(|state| {
            let webhook = state.webhooks.iter().find(|webhook| webhook.id == id)?;
            let is_wanted = |it: &&TestDelivery| it.event() == event && it.status().is_some();
            webhook.deliveries.iter().rev().find(is_wanted).cloned()
        });
        found.unwrap_or_else(|| fail(&format!("no delivery of {event:?}: {:#?}", self.webhook(id))))
    }

    /// Waits until all deliveries have succeeded or failed for good.
    pub fn wait_until_delivered(&self) {
        let found = self.shared.wait(|state| (state.sending == 0).then_some(()));
        found.unwrap_or_else(|| fail("deliveries don't end"));
    }
}

/// Requests.
impl TestHub {
    /// Returns the requests so far.
    #[must_use]
    pub fn requests(&self) -> Vec<ReceivedRequest> {
        self.shared.with(|state| state.log.requests.clone())
    }

    /// Returns the requests of large files so far, which go to another origin.
    #[must_use]
    pub fn file_requests(&self) -> Vec<ReceivedRequest> {
        self.shared.with(|state| state.log.file_requests.clone())
    }

    /// Forgets the requests so far.
    pub fn forget_requests(&self) {
        self.shared.with(|state| state.log.requests.clear());
    }

    /// Waits until there are so many requests whose method and path start so: `"GET /api/whoami-v2"`.
    pub fn wait_for_requests(&self, first_line: &str, count: usize) {
        let found = self.shared.wait(|state| {
            let requests = state.log.requests.iter();
            let received = requests.filter(|it| it.first_line().starts_with(first_line)).count();
            (received >= count).then_some(())
        });
        found.unwrap_or_else(|| fail(&format!("not {count} requests {first_line:?}")));
    }

    /// Returns what was wrong with requests so far.
    #[must_use]
    pub fn faults(&self) -> Vec<String> {
        self.shared.with(|state| state.log.faults.clone())
    }

    /// Checks that every request so far was one that the Hub documents.
    ///
    /// # Panics
    ///
    /// When one was not.
    pub fn assert_no_faults(&self) {
        let faults = self.faults();
        assert!(faults.is_empty(), "the Hub got wrong requests: {faults:#?}");
    }
}
