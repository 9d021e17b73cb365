//! Reads a discussion with its events.

use super::list::DiscussionDetails;
use super::path;
use crate::hub::client::Hub;
use crate::hub::error::HubError;
use crate::hub::repo_id::RepoId;

/// Calls that read a discussion or pull request.
impl Hub {
    /// Returns a discussion or pull request with its events, and a pull request with its diff.
    ///
    /// ```
    /// # use webhooks_runtime::serde_json::json;
    /// # use webhooks_runtime::testing::HubStub;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), webhooks_runtime::HubError> {
    /// # let stub = HubStub::new();
    /// # let mut one = json!({ "num": 7, "title": "Fix", "status": "open", "isPullRequest": true });
    /// # one["changes"] = json!({ "base": "refs/heads/main" });
    /// # stub.on("GET", "/api/models/me/tiny/discussions/7").respond(one);
    /// # let hub = stub.hub();
    /// let details = hub.discussion("me/tiny", 7).await?;
    /// assert!(details.discussion.is_pull_request);
    /// assert_eq!(details.changes.unwrap().base, "refs/heads/main");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error when the call fails.
    pub async fn discussion(
        &self,
        repo: impl Into<RepoId>,
        num: u64,
    ) -> Result<DiscussionDetails, HubError> {
        let path = path(&repo.into(), num, "")?;
        self.get(&path).query("diff", "1").fetch().await
    }

    /// Returns a discussion or pull request with its events, and without a diff. A diff may be too large to be read, so
    /// use this call where you need none.
    ///
    /// ```
    /// # use webhooks_runtime::serde_json::json;
    /// # use webhooks_runtime::testing::HubStub;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), webhooks_runtime::HubError> {
    /// # let stub = HubStub::new();
    /// # let one = json!({ "num": 7, "title": "Fix", "status": "merged", "isPullRequest": true });
    /// # stub.on("GET", "/api/models/me/tiny/discussions/7").respond(one);
    /// # let hub = stub.hub();
    /// let details = hub.discussion_without_diff("me/tiny", 7).await?;
    /// assert!(!details.discussion.is_open_pull_request());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error when the call fails.
    pub async fn discussion_without_diff(
        &self,
        repo: impl Into<RepoId>,
        num: u64,
    ) -> Result<DiscussionDetails, HubError> {
        self.get(&path(&repo.into(), num, "")?).fetch().await
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::HubStub;

    #[tokio::test]
    async fn the_diff_is_asked_for_only_where_it_is_wanted() {
        let stub = HubStub::new();
        let one = json!({ "num": 1, "title": "", "status": "open", "isPullRequest": true });
        stub.on("GET", "/api/models/me/x/discussions/1").respond(one);
        let hub = stub.hub();
        hub.discussion("me/x", 1).await.unwrap();
        hub.discussion_without_diff("me/x", 1).await.unwrap();
        let queries: Vec<_> = stub.calls().into_iter().map(|call| call.query).collect();
        assert_eq!(queries, [vec![("diff".to_owned(), "1".to_owned())], vec![]]);
    }

    #[tokio::test]
    async fn an_invalid_argument_is_an_error_before_anything_is_sent() {
        let stub = HubStub::new();
        let hub = stub.hub();
        assert!(hub.discussion("me/x", 0).await.is_err());
        assert!(hub.discussion("bucket:me/x", 1).await.is_err());
        assert!(hub.discussion_without_diff("me/x", 0).await.is_err());
        assert_eq!(stub.calls(), []);
    }
}
