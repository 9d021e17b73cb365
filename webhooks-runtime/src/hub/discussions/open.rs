//! Opens discussions and pull requests.

use serde::Deserialize;
use serde_json::json;

use super::query::DiscussionQuery;
use crate::hub::client::Hub;
use crate::hub::error::HubError;
use crate::hub::path::filled;
use crate::hub::repo_id::RepoId;
use crate::payload::DiscussionStatus;

/// A discussion or pull request that was opened: see [`Hub::create_discussion`].
///
/// ```
/// use webhooks_runtime::hub::NewDiscussion;
///
/// fn url(new: &NewDiscussion) -> String {
///     format!("https://huggingface.co/{}/discussions/{}", new.repo.name, new.num)
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NewDiscussion {
    /// The repo.
    pub repo: RepoId,
    /// The number within the repo.
    pub num: u64,
}

impl NewDiscussion {
    /// Returns the ref of a pull request, to commit to: `refs/pr/7`.
    ///
    /// ```
    /// # use webhooks_runtime::serde_json::json;
    /// # use webhooks_runtime::testing::HubStub;
    /// use webhooks_runtime::hub::Commit;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), webhooks_runtime::HubError> {
    /// # let stub = HubStub::new();
    /// # stub.on("POST", "/api/models/me/tiny/discussions").respond(json!({ "num": 7 }));
    /// # let commit = json!({ "commitOid": "abc", "commitUrl": "https://huggingface.co/me/tiny/commit/abc" });
    /// # stub.on("POST", "/api/models/me/tiny/commit/refs/pr/7").respond(commit);
    /// # let hub = stub.hub();
    /// let new = hub.create_pull_request("me/tiny", "Tidy up", "Removes the logs.").await?;
    /// assert_eq!(new.git_ref(), "refs/pr/7");
    /// let commit = Commit::new("Remove the logs").delete_folder("logs");
    /// hub.commit(&new.repo, &new.git_ref(), &commit).await?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn git_ref(&self) -> String {
        format!("refs/pr/{}", self.num)
    }
}

#[derive(Deserialize)]
struct NewJson {
    num: u64,
}

/// Calls that open discussions and pull requests.
impl Hub {
    /// Opens a discussion, with a text in Markdown as its first comment.
    ///
    /// ```
    /// # use webhooks_runtime::serde_json::json;
    /// # use webhooks_runtime::testing::HubStub;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), webhooks_runtime::HubError> {
    /// # let stub = HubStub::new();
    /// # stub.on("POST", "/api/datasets/me/data/discussions").respond(json!({ "num": 7 }));
    /// # let hub = stub.hub();
    /// let text = "`license` is missing in the README.";
    /// let new = hub.create_discussion("dataset:me/data", "Which license?", text).await?;
    /// assert_eq!(new.num, 7);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error when the call fails, and when title or text are empty.
    pub async fn create_discussion(
        &self,
        repo: impl Into<RepoId>,
        title: &str,
        text: &str,
    ) -> Result<NewDiscussion, HubError> {
        self.open(repo.into(), title, text, false).await
    }

    /// Returns the number of the open discussion with this title that the token's account has opened. If there is none,
    /// opens it, with a text in Markdown as its first comment.
    ///
    /// So a bot has one discussion for all its reports, also when it runs again because the response to an earlier call
    /// was lost. If a person closes the discussion, the next call opens another one.
    ///
    /// ```
    /// # use webhooks_runtime::serde_json::json;
    /// # use webhooks_runtime::testing::HubStub;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), webhooks_runtime::HubError> {
    /// # let stub = HubStub::new();
    /// # let discussions = "/api/datasets/me/data/discussions";
    /// # stub.on("GET", discussions).respond(json!({ "count": 0, "start": 0, "discussions": [] }));
    /// # stub.on("POST", discussions).respond(json!({ "num": 7 }));
    /// # let one = json!({ "num": 7, "title": "Rows", "status": "open", "isPullRequest": false });
    /// # stub.on("GET", &format!("{discussions}/7")).respond(one);
    /// # let comment = json!({ "newMessage": { "id": "c1", "type": "comment" } });
    /// # stub.on("POST", &format!("{discussions}/7/comment")).respond(comment);
    /// # let hub = stub.hub();
    /// let text = "This bot counts the rows of each commit.";
    /// let num = hub.find_or_create_discussion("dataset:me/data", "Rows", text).await?;
    /// hub.upsert_comment("dataset:me/data", num, "commit-2222", "2222 has 640 rows.").await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error when a call fails, and when title or text are empty. Do not call it twice at the same time with
    /// one title: both calls could open a discussion.
    pub async fn find_or_create_discussion(
        &self,
        repo: impl Into<RepoId>,
        title: &str,
        text: &str,
    ) -> Result<u64, HubError> {
        let (title, text) = (filled("title", title)?, filled("text", text)?);
        let repo = repo.into();
        let query = DiscussionQuery::new().pull_requests(false).status(DiscussionStatus::Open);
        let own = self.discussions(&repo, &query.author(self.whoami().await?.name)).await?;
        match own.into_iter().find(|discussion| discussion.title.trim() == title) {
            Some(discussion) => Ok(discussion.num),
            None => Ok(self.create_discussion(repo, title, text).await?.num),
        }
    }

    /// Opens a pull request without changes, as a draft. Commit to its [`git_ref`](NewDiscussion::git_ref).
    ///
    /// [`Commit::pull_request`](crate::hub::Commit::pull_request) opens one for a commit, in one step.
    ///
    /// ```
    /// # use webhooks_runtime::serde_json::json;
    /// # use webhooks_runtime::testing::HubStub;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), webhooks_runtime::HubError> {
    /// # let stub = HubStub::new();
    /// # stub.on("POST", "/api/models/me/tiny/discussions").respond(json!({ "num": 7 }));
    /// # let hub = stub.hub();
    /// let new = hub.create_pull_request("me/tiny", "Tidy up", "Removes the logs.").await?;
    /// assert_eq!(new.git_ref(), "refs/pr/7");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error when the call fails, and when title or text are empty.
    pub async fn create_pull_request(
        &self,
        repo: impl Into<RepoId>,
        title: &str,
        text: &str,
    ) -> Result<NewDiscussion, HubError> {
        self.open(repo.into(), title, text, true).await
    }

    async fn open(
        &self,
        repo: RepoId,
        title: &str,
        text: &str,
        pull_request: bool,
    ) -> Result<NewDiscussion, HubError> {
        let path = repo.api(format_args!("/discussions"))?;
        let body = json!({
            "title": filled("title", title)?,
            "description": filled("text", text)?,
            "pullRequest": pull_request,
        });
        let NewJson { num } = self.post(&path).public_json(&body).fetch().await?;
        Ok(NewDiscussion { repo, num })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::testing::{HubCall, HubStub};

    const DISCUSSIONS: &str = "/api/models/me/x/discussions";

    /// Looks for "Reports" among these discussions of the account. Returns its number, and the calls.
    async fn find(titles: &[&str]) -> (u64, Vec<HubCall>) {
        let stub = HubStub::new();
        let one = |(num, title)| json!({ "num": num, "title": title, "status": "open", "isPullRequest": false });
        let discussions: Vec<Value> = (1..).zip(titles).map(one).collect();
        let page = json!({ "count": titles.len(), "start": 0, "discussions": discussions });
        stub.on("GET", DISCUSSIONS).respond(page);
        stub.on("POST", DISCUSSIONS).respond(json!({ "num": 7 }));
        let num = stub.hub().find_or_create_discussion("me/x", " Reports", "All of them.").await;
        let mut calls = stub.calls();
        calls.retain(|call| call.path == DISCUSSIONS);
        (num.unwrap(), calls)
    }

    #[tokio::test]
    async fn the_open_discussion_of_the_account_is_found_by_its_title() {
        let (num, calls) = find(&["Reports of others", "Reports"]).await;
        assert_eq!((num, calls.len()), (2, 1));
        let queried: Vec<_> =
            calls[0].query.iter().map(|(key, it)| format!("{key}={it}")).collect();
        assert_eq!(queried[..3], ["type=discussion", "status=open", "author=bot"]);
    }

    #[tokio::test]
    async fn without_such_a_discussion_it_is_opened() {
        let (num, calls) = find(&["reports"]).await;
        assert_eq!((num, calls.len()), (7, 2));
        let body =
            json!({ "title": "Reports", "description": "All of them.", "pullRequest": false });
        assert_eq!(calls[1].body, body);
    }

    #[tokio::test]
    async fn an_empty_text_is_an_error_before_anything_is_sent() {
        let stub = HubStub::new();
        for (title, text) in [("", "x"), ("x", " ")] {
            assert!(stub.hub().find_or_create_discussion("me/x", title, text).await.is_err());
        }
        assert_eq!(stub.calls(), []);
    }
}
