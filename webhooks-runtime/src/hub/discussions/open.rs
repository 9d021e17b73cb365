//! Opens discussions and pull requests.

use serde::Deserialize;
use serde_json::json;

use crate::hub::client::Hub;
use crate::hub::error::HubError;
use crate::hub::path::filled;
use crate::hub::repo_id::RepoId;

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
        let NewJson { num } = self.post(&path).json(&body).fetch().await?;
        Ok(NewDiscussion { repo, num })
    }
}
