//! Closes, reopens, renames and merges.

use serde::Deserialize;
use serde_json::json;

use super::path;
use crate::hub::client::Hub;
use crate::hub::error::HubError;
use crate::hub::path::filled;
use crate::hub::repo_id::RepoId;
use crate::hub::request::HubRequest;
use crate::payload::{DiscussionStatus, WebhookPayloadDiscussionChanges};

/// The part of a pull request that names the commit of its merge.
#[derive(Deserialize)]
struct MergedJson {
    changes: WebhookPayloadDiscussionChanges,
}

/// Calls that change discussions and pull requests.
impl Hub {
    /// Opens or closes a discussion or pull request, with a comment if you like.
    ///
    /// ```
    /// # use webhooks_runtime::serde_json::json;
    /// # use webhooks_runtime::testing::HubStub;
    /// use webhooks_runtime::DiscussionStatus;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), webhooks_runtime::HubError> {
    /// # let stub = HubStub::new();
    /// # stub.on("POST", "/api/models/me/tiny/discussions/7/status").respond(json!({}));
    /// # let hub = stub.hub();
    /// let comment = Some("Done in 2.0.");
    /// hub.set_discussion_status("me/tiny", 7, DiscussionStatus::Closed, comment).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error when the call fails, and when the status is neither open nor closed.
    pub async fn set_discussion_status(
        &self,
        repo: impl Into<RepoId>,
        num: u64,
        status: DiscussionStatus,
        comment: Option<&str>,
    ) -> Result<(), HubError> {
        let path = path(&repo.into(), num, "/status")?;
        if !matches!(status, DiscussionStatus::Open | DiscussionStatus::Closed) {
            let reason = format!("is {status}; a discussion can be set to open or closed");
            return Err(HubError::argument("status", reason));
        }
        let mut body = json!({ "status": status });
        if let Some(comment) = comment {
            body["comment"] = filled("comment", comment)?.into();
        }
        self.post(&path).public_json(&body).send().await?;
        Ok(())
    }

    /// Sets the title of a discussion or pull request.
    ///
    /// ```
    /// # use webhooks_runtime::serde_json::json;
    /// # use webhooks_runtime::testing::HubStub;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), webhooks_runtime::HubError> {
    /// # let stub = HubStub::new();
    /// # stub.on("POST", "/api/models/me/tiny/discussions/7/title").respond(json!({}));
    /// # let hub = stub.hub();
    /// hub.rename_discussion("me/tiny", 7, "Which seed?").await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error when the call fails, and when the title is empty.
    pub async fn rename_discussion(
        &self,
        repo: impl Into<RepoId>,
        num: u64,
        title: &str,
    ) -> Result<(), HubError> {
        let path = path(&repo.into(), num, "/title")?;
        filled("title", title)?;
        self.post(&path).public_json(&json!({ "title": title })).send().await?;
        Ok(())
    }

    /// Merges a pull request, with a comment if you like.
    ///
    /// An endpoint of this program that takes `Hub` is not called for the commit on the base branch, unless it has
    /// `own = true`. The Hub returns the id of this commit in a second call, which a server with such endpoints makes.
    ///
    /// ```
    /// # use webhooks_runtime::serde_json::json;
    /// # use webhooks_runtime::testing::HubStub;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), webhooks_runtime::HubError> {
    /// # let stub = HubStub::new();
    /// # stub.on("POST", "/api/models/me/tiny/discussions/7/merge").respond(json!({}));
    /// # let hub = stub.hub();
    /// hub.merge_pull_request("me/tiny", 7, Some("Thanks!")).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error when the call fails, for example because of conflicts.
    pub async fn merge_pull_request(
        &self,
        repo: impl Into<RepoId>,
        num: u64,
        comment: Option<&str>,
    ) -> Result<(), HubError> {
        let repo = repo.into();
        let (merge, pull_request) = (path(&repo, num, "/merge")?, path(&repo, num, "")?);
        let mut request = self.post(&merge);
        if let Some(comment) = comment {
            request = request.public_json(&json!({ "comment": filled("comment", comment)? }));
        }
        let details = self.commit_log().map(|_| self.get(&pull_request).by_server());
        self.make_commit(async move {
            request.send().await?;
            let oid = match details {
                Some(details) => merge_commit(details).await,
                None => None,
            };
            Ok(((), oid))
        })
        .await
    }
}

/// Asks for the commit of a merge. The pull request is merged whatever the response is.
async fn merge_commit(details: HubRequest) -> Option<String> {
    let reason = match details.fetch::<MergedJson>().await {
        Ok(MergedJson { changes }) if changes.merge_commit_id.is_some() => {
            return changes.merge_commit_id;
        }
        Ok(_) => "the Hub does not name it".to_owned(),
        Err(error) => error.to_string(),
    };
    tracing::warn!(
        error = reason,
        "the commit of a merge is unknown: its delivery will not be recognized as the program's own"
    );
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::HubStub;

    #[tokio::test]
    async fn a_merge_without_a_comment_has_no_body() {
        let stub = HubStub::new();
        stub.on("POST", "/api/models/me/x/discussions/1/merge").respond(());
        stub.hub().merge_pull_request("me/x", 1, None).await.unwrap();
        assert!(stub.calls()[0].body.is_null());
    }

    #[tokio::test]
    async fn what_cannot_be_changed_is_an_error_before_anything_is_sent() {
        let stub = HubStub::new();
        let hub = stub.hub();
        for status in [DiscussionStatus::Merged, DiscussionStatus::Draft, "pinned".into()] {
            assert!(hub.set_discussion_status("me/x", 1, status, None).await.is_err());
        }
        let open = DiscussionStatus::Open;
        assert!(hub.set_discussion_status("me/x", 1, open, Some(" ")).await.is_err());
        assert!(hub.rename_discussion("me/x", 1, "").await.is_err());
        assert!(hub.merge_pull_request("me/x", 0, None).await.is_err());
        assert_eq!(stub.calls(), []);
    }
}
