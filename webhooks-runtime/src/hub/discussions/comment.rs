//! Writes, edits and hides comments.

use serde::Deserialize;
use serde_json::json;

use super::event::{DiscussionEvent, DiscussionEventKind};
use super::path;
use crate::hub::client::Hub;
use crate::hub::error::HubError;
use crate::hub::path::{filled, segment};
use crate::hub::repo_id::RepoId;
use crate::payload::WebhookPayload;

/// A comment that was written: see [`Hub::comment`] and [`Hub::reply`].
///
/// ```
/// use webhooks_runtime::hub::Comment;
///
/// fn anchor(comment: &Comment) -> String {
///     format!("#{}", comment.id)
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(from = "DiscussionEvent")]
#[non_exhaustive]
pub struct Comment {
    /// The id.
    pub id: String,
    /// The name of the author.
    pub author: Option<String>,
    /// The time, in RFC 3339.
    pub created_at: String,
    /// The text in Markdown; empty for a hidden comment.
    pub content: String,
    /// Whether it was edited.
    pub edited: bool,
    /// Whether it is hidden.
    pub hidden: bool,
}

impl From<DiscussionEvent> for Comment {
    fn from(event: DiscussionEvent) -> Self {
        let DiscussionEvent { id, author, created_at, kind } = event;
        let (content, edited, hidden) = match kind {
            DiscussionEventKind::Comment { content, edited, hidden } => (content, edited, hidden),
            _ => Default::default(),
        };
        Self { id, author, created_at, content, edited, hidden }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct NewMessageJson {
    new_message: Comment,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct UpdatedCommentJson {
    updated_comment: Comment,
}

/// Calls that write comments.
impl Hub {
    /// Writes a comment, in Markdown. If the text contains the token of this client, the comment has `hf_***` instead.
    ///
    /// ```
    /// # use webhooks_runtime::serde_json::json;
    /// # use webhooks_runtime::testing::HubStub;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), webhooks_runtime::HubError> {
    /// # let stub = HubStub::new();
    /// # let data = json!({ "latest": { "raw": "Seed 42." } });
    /// # let comment = json!({ "newMessage": { "id": "c1", "type": "comment", "data": data } });
    /// # stub.on("POST", "/api/models/me/tiny/discussions/7/comment").respond(comment);
    /// # let hub = stub.hub();
    /// let comment = hub.comment("me/tiny", 7, "Seed 42.").await?;
    /// assert_eq!(comment.content, "Seed 42.");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error when the call fails, and when the text is empty.
    pub async fn comment(
        &self,
        repo: impl Into<RepoId>,
        num: u64,
        text: &str,
    ) -> Result<Comment, HubError> {
        let path = path(&repo.into(), num, "/comment")?;
        filled("text", text)?;
        let request = self.post(&path).public_json(&json!({ "comment": text }));
        Ok(request.fetch::<NewMessageJson>().await?.new_message)
    }

    /// Writes a comment to the discussion that a payload is about.
    ///
    /// ```
    /// # use webhooks_runtime::serde_json::json;
    /// use webhooks_runtime::WebhookPayload;
    /// use webhooks_runtime::testing::{HubStub, comment_created};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), webhooks_runtime::HubError> {
    /// # let stub = HubStub::new();
    /// # let comment = json!({ "newMessage": { "id": "c1", "type": "comment" } });
    /// # stub.on("POST", "/api/models/me/tiny/discussions/7/comment").respond(comment);
    /// # let hub = stub.hub();
    /// let payload: WebhookPayload = comment_created().repo("me/tiny").number(7).into();
    /// hub.reply(&payload, "Thanks!").await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error when the call fails, and when the payload has no discussion or the text is empty.
    pub async fn reply(&self, payload: &WebhookPayload, text: &str) -> Result<Comment, HubError> {
        let Some(discussion) = &payload.discussion else {
            let reason = format!(
                "is about {} {}, not about a discussion",
                payload.event.action, payload.event.scope
            );
            return Err(HubError::argument("payload", reason));
        };
        // The payload has URLs, too, but anyone can write a payload.
        self.comment(payload, discussion.num, text).await
    }

    /// Replaces the text of a comment.
    ///
    /// ```
    /// # use webhooks_runtime::serde_json::json;
    /// # use webhooks_runtime::testing::HubStub;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), webhooks_runtime::HubError> {
    /// # let stub = HubStub::new();
    /// # let data = json!({ "latest": { "raw": "Seed 43." }, "edited": true });
    /// # let comment = json!({ "updatedComment": { "id": "c1", "type": "comment", "data": data } });
    /// # stub.on("POST", "/api/models/me/tiny/discussions/7/comment/c1/edit").respond(comment);
    /// # let hub = stub.hub();
    /// assert!(hub.edit_comment("me/tiny", 7, "c1", "Seed 43.").await?.edited);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error when the call fails, and when the text is empty.
    pub async fn edit_comment(
        &self,
        repo: impl Into<RepoId>,
        num: u64,
        id: &str,
        text: &str,
    ) -> Result<Comment, HubError> {
        let path = comment_path(&repo.into(), num, id, "edit")?;
        filled("text", text)?;
        let request = self.post(&path).public_json(&json!({ "content": text })).idempotent();
        Ok(request.fetch::<UpdatedCommentJson>().await?.updated_comment)
    }

    /// Hides a comment for good: its text cannot be read any more.
    ///
    /// ```
    /// # use webhooks_runtime::serde_json::json;
    /// # use webhooks_runtime::testing::HubStub;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), webhooks_runtime::HubError> {
    /// # let stub = HubStub::new();
    /// # let comment = json!({ "updatedComment": { "id": "c1", "type": "comment" } });
    /// # stub.on("POST", "/api/models/me/tiny/discussions/7/comment/c1/hide").respond(comment);
    /// # let hub = stub.hub();
    /// hub.hide_comment("me/tiny", 7, "c1").await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error when the call fails.
    pub async fn hide_comment(
        &self,
        repo: impl Into<RepoId>,
        num: u64,
        id: &str,
    ) -> Result<(), HubError> {
        let path = comment_path(&repo.into(), num, id, "hide")?;
        self.post(&path).idempotent().send().await?;
        Ok(())
    }
}

/// Returns the path of a change of a comment. As in Python's client, the id is in lower case.
fn comment_path(repo: &RepoId, num: u64, id: &str, change: &str) -> Result<String, HubError> {
    let id = segment("id", &id.to_ascii_lowercase())?;
    path(repo, num, &format!("/comment/{id}/{change}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{HubStub, comment_created, dataset_commit};

    #[tokio::test]
    async fn a_reply_goes_to_the_repo_and_number_and_not_to_the_urls_of_the_payload() {
        let stub = HubStub::new();
        stub.on("POST", "/api/spaces/me/bot/discussions/3/comment")
            .respond(json!({ "newMessage": { "id": "c1" } }));
        let mut payload: WebhookPayload = comment_created().repo("me/bot").number(3).into();
        payload.repo.repo_type = "space".into();
        payload.repo.url.api = Some("https://evil.example/api".into());
        let discussion = payload.discussion.as_mut().unwrap();
        discussion.url.api = Some("https://evil.example/api".into());
        stub.hub().reply(&payload, " Hi ").await.unwrap();
        assert_eq!(stub.calls()[0].body, json!({ "comment": " Hi " }));
    }

    #[tokio::test]
    async fn what_cannot_be_written_is_an_error_before_anything_is_sent() {
        let stub = HubStub::new();
        let hub = stub.hub();
        let error = hub.reply(&dataset_commit().into(), "Hi").await.unwrap_err();
        assert!(
            error.to_string().contains("not called: payload is about update repo.content, not"),
            "{error}"
        );
        assert!(hub.comment("me/x", 1, " \n").await.is_err());
        assert!(hub.comment("me/x", 0, "Hi").await.is_err());
        assert!(hub.edit_comment("me/x", 1, "", "Hi").await.is_err());
        assert!(hub.hide_comment("me/x", 1, "..").await.is_err());
        assert!(hub.create_discussion("me/x", "", "Hi").await.is_err());
        assert!(hub.create_pull_request("me/x", "Hi", " ").await.is_err());
        assert_eq!(stub.calls(), []);
    }
}
