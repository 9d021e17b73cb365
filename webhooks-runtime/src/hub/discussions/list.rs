//! Lists discussions.

use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::comment::Comment;
use super::event::{DiscussionEvent, DiscussionEventKind};
use super::query::DiscussionQuery;
use crate::hub::client::Hub;
use crate::hub::error::HubError;
use crate::hub::lenient::{author_name, or_default};
use crate::hub::repo_id::RepoId;
use crate::payload::{DiscussionStatus, WebhookPayloadDiscussionChanges};

/// A discussion or pull request: see [`Hub::discussions`].
///
/// ```
/// use webhooks_runtime::hub::Discussion;
///
/// fn line(discussion: &Discussion) -> String {
///     format!("#{} {} ({})", discussion.num, discussion.title, discussion.status)
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Discussion {
    /// The number within the repo, as in the URL.
    pub num: u64,
    /// The title.
    pub title: String,
    /// The status.
    pub status: DiscussionStatus,
    /// Whether it is a pull request.
    pub is_pull_request: bool,
    /// The name of the user who opened it; `None` for a deleted account.
    #[serde(default, deserialize_with = "author_name")]
    pub author: Option<String>,
    /// The time when it was opened, in RFC 3339.
    #[serde(default, deserialize_with = "or_default")]
    pub created_at: String,
}

/// A discussion or pull request with all that happened in it: see [`Hub::discussion`].
///
/// ```
/// use webhooks_runtime::hub::DiscussionDetails;
///
/// fn can_be_merged(details: &DiscussionDetails) -> bool {
///     details.discussion.is_pull_request && !details.has_conflicts
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct DiscussionDetails {
    /// The discussion.
    #[serde(flatten)]
    pub discussion: Discussion,
    /// What happened in it, in order. The first comment is its description.
    #[serde(default, deserialize_with = "or_default")]
    pub events: Vec<DiscussionEvent>,
    /// Whether a moderator has locked it, so that others cannot comment.
    #[serde(default, deserialize_with = "or_default")]
    pub locked: bool,
    /// The changes of a pull request.
    #[serde(default)]
    pub changes: Option<WebhookPayloadDiscussionChanges>,
    /// The diff of a pull request.
    #[serde(default)]
    pub diff: Option<String>,
    /// Whether a pull request cannot be merged because of conflicts.
    #[serde(rename = "filesWithConflicts", default, deserialize_with = "has_conflicts")]
    pub has_conflicts: bool,
}

impl DiscussionDetails {
    /// Returns the comments that are not hidden, in order. The first one is the description, unless it is hidden.
    ///
    /// ```
    /// use webhooks_runtime::hub::{Account, DiscussionDetails};
    ///
    /// /// Returns the id of the bot's newest comment, to edit it.
    /// fn own_comment(details: &DiscussionDetails, bot: &Account) -> Option<String> {
    ///     let comments = details.comments().into_iter().rev();
    ///     let mut own = comments.filter(|comment| comment.author.as_ref() == Some(&bot.name));
    ///     Some(own.next()?.id)
    /// }
    /// ```
    #[must_use]
    pub fn comments(&self) -> Vec<Comment> {
        let is_visible = |event: &&DiscussionEvent| {
            matches!(event.kind, DiscussionEventKind::Comment { hidden: false, .. })
        };
        self.events.iter().filter(is_visible).cloned().map(Comment::from).collect()
    }
}

/// A list of files, or `true` when the Hub does not know which.
fn has_conflicts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::Bool(has) => has,
        Value::Array(files) => !files.is_empty(),
        _ => false,
    })
}

#[derive(Deserialize)]
struct PageJson {
    count: usize,
    start: usize,
    discussions: Vec<Discussion>,
}

/// The call that lists discussions and pull requests.
impl Hub {
    /// Lists the discussions and pull requests of a repo, of all pages.
    ///
    /// ```
    /// use webhooks_runtime::hub::DiscussionQuery;
    /// # use webhooks_runtime::serde_json::json;
    /// # use webhooks_runtime::testing::HubStub;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), webhooks_runtime::HubError> {
    /// # let stub = HubStub::new();
    /// # let one = json!({ "num": 7, "title": "Which seed?", "status": "open", "isPullRequest": false });
    /// # let page = json!({ "count": 1, "start": 0, "discussions": [one] });
    /// # stub.on("GET", "/api/datasets/me/data/discussions").respond(page);
    /// # let hub = stub.hub();
    /// let query = DiscussionQuery::new().pull_requests(false);
    /// for discussion in hub.discussions("dataset:me/data", &query).await? {
    ///     println!("#{} {}", discussion.num, discussion.title);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error when a call fails.
    pub async fn discussions(
        &self,
        repo: impl Into<RepoId>,
        query: &DiscussionQuery,
    ) -> Result<Vec<Discussion>, HubError> {
        let path = repo.into().api(format_args!("/discussions"))?;
        let parameters = query.parameters()?;
        let mut discussions = Vec::new();
        for page in 0_u32.. {
            let mut request = self.get(&path);
            for (key, value) in &parameters {
                request = request.query(key, value);
            }
            let page: PageJson = request.query("p", &page.to_string()).fetch().await?;
            let end = page.start.saturating_add(page.discussions.len());
            let is_last = page.discussions.is_empty() || end >= page.count;
            discussions.extend(page.discussions);
            if is_last {
                break;
            }
        }
        Ok(discussions)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::HubStub;

    fn page(start: usize, count: usize, nums: std::ops::Range<u64>) -> Value {
        let one =
            |num| json!({ "num": num, "title": "", "status": "draft", "isPullRequest": true });
        json!({ "count": count, "start": start, "discussions": nums.map(one).collect::<Vec<_>>() })
    }

    #[tokio::test]
    async fn all_pages_are_listed() {
        let stub = HubStub::new();
        let call = stub.on("GET", "/api/models/me/x/discussions");
        call.respond(page(0, 5, 1..3)).respond(page(2, 5, 3..5)).respond(page(4, 5, 5..6));
        let query = DiscussionQuery::new().pull_requests(true).author("me");
        let found = stub.hub().discussions("me/x", &query).await.unwrap();
        assert_eq!(found.iter().map(|found| found.num).collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
        let queries: Vec<_> = stub.calls().into_iter().map(|call| call.query).collect();
        for (page, query) in queries.iter().enumerate() {
            let expected = [("type", "pull_request"), ("author", "me"), ("p", &page.to_string())];
            assert_eq!(query.len(), 3);
            assert!(
                query.iter().zip(expected).all(|((k, v), (key, value))| k == key && v == value)
            );
        }
    }

    #[tokio::test]
    async fn a_list_that_shrinks_meanwhile_ends() {
        let stub = HubStub::new();
        let call = stub.on("GET", "/api/models/me/x/discussions");
        call.respond(page(0, 5, 1..3)).respond(page(2, 5, 0..0));
        let query = DiscussionQuery::new();
        assert_eq!(stub.hub().discussions("me/x", &query).await.unwrap().len(), 2);
    }

    #[tokio::test]
    async fn a_list_with_an_impossible_start_ends() {
        let stub = HubStub::new();
        let call = stub.on("GET", "/api/models/me/x/discussions");
        call.respond(page(usize::MAX, 5, 1..3));
        let query = DiscussionQuery::new();
        assert_eq!(stub.hub().discussions("me/x", &query).await.unwrap().len(), 2);
    }

    #[tokio::test]
    async fn an_invalid_argument_is_an_error_before_anything_is_sent() {
        let stub = HubStub::new();
        let hub = stub.hub();
        let merged = DiscussionQuery::new().status(DiscussionStatus::Merged);
        let nobody = DiscussionQuery::new().author("");
        assert!(hub.discussions("me/x", &merged).await.is_err());
        assert!(hub.discussions("me/x", &nobody).await.is_err());
        assert_eq!(stub.calls(), []);
    }

    #[test]
    fn the_comments_are_the_visible_ones_among_all_events() {
        let comment = |id, hidden| {
            let data = json!({ "hidden": hidden, "latest": { "raw": "Hi" } });
            json!({ "id": id, "type": "comment", "author": { "name": "ada" }, "data": data })
        };
        let closed = json!({ "id": "e3", "type": "status-change", "data": { "status": "closed" } });
        let mut json = page(0, 1, 1..2)["discussions"][0].take();
        json["events"] =
            json!([comment("e1", false), comment("e2", true), closed, comment("e4", false)]);
        let details: DiscussionDetails = serde_json::from_value(json).unwrap();
        let comments = details.comments();
        let ids: Vec<_> = comments.iter().map(|comment| comment.id.as_str()).collect();
        assert_eq!(ids, ["e1", "e4"]);
        assert_eq!(
            (comments[0].author.as_deref(), comments[0].content.as_str()),
            (Some("ada"), "Hi")
        );
    }

    #[test]
    fn conflicts_are_a_list_or_only_known_to_exist() {
        for (files, expected) in [
            (json!(["a"]), true),
            (json!([]), false),
            (json!(true), true),
            (json!(false), false),
            (json!(null), false),
        ] {
            let mut json = page(0, 1, 1..2)["discussions"][0].take();
            json["filesWithConflicts"] = files;
            let details: DiscussionDetails = serde_json::from_value(json).unwrap();
            assert_eq!(details.has_conflicts, expected);
        }
    }
}
