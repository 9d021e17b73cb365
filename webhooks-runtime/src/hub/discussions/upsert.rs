//! Writes a comment once, and edits it from then on. A key in the comment identifies it.

use super::event::DiscussionEventKind;
use crate::hub::client::Hub;
use crate::hub::error::HubError;
use crate::hub::path::filled;
use crate::hub::repo_id::RepoId;

/// Calls that keep a comment up to date.
impl Hub {
    /// Writes a comment, or edits the one that an earlier call with the same `key` wrote. Returns whether there was
    /// something to change: a comment that has the text already stays as it is.
    ///
    /// So a bot can report again and again, and has one comment in the discussion. The key is a name that the bot
    /// chooses, of letters, digits and `-`. It is at the end of the comment, where readers do not see it. A comment of
    /// another account is never edited, and one that was hidden is replaced by a new one.
    ///
    /// ```
    /// # use webhooks_runtime::serde_json::json;
    /// # use webhooks_runtime::testing::HubStub;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), webhooks_runtime::HubError> {
    /// # let stub = HubStub::new();
    /// # let details = json!({ "num": 7, "title": "Fix", "status": "open", "isPullRequest": true });
    /// # stub.on("GET", "/api/models/me/tiny/discussions/7").respond(details);
    /// # let comment = json!({ "newMessage": { "id": "c1", "type": "comment" } });
    /// # stub.on("POST", "/api/models/me/tiny/discussions/7/comment").respond(comment);
    /// # let hub = stub.hub();
    /// hub.upsert_comment("me/tiny", 7, "test-report", "2 of 3 tests passed.").await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error when a call fails, and when the key is invalid or the text is empty. Do not call it twice at the
    /// same time with one key: both calls could write a comment.
    pub async fn upsert_comment(
        &self,
        repo: impl Into<RepoId>,
        num: u64,
        key: &str,
        text: &str,
    ) -> Result<bool, HubError> {
        self.write_keyed(repo.into(), num, key, text, true).await
    }

    /// Edits the comment that [`upsert_comment`](Self::upsert_comment) wrote with the same `key`. Writes none if there is
    /// no such comment. Returns whether there was something to change.
    ///
    /// ```
    /// # use webhooks_runtime::serde_json::json;
    /// # use webhooks_runtime::testing::HubStub;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), webhooks_runtime::HubError> {
    /// # let stub = HubStub::new();
    /// # let details = json!({ "num": 7, "title": "Fix", "status": "closed", "isPullRequest": true });
    /// # stub.on("GET", "/api/models/me/tiny/discussions/7").respond(details);
    /// # let hub = stub.hub();
    /// let changed = hub.update_comment("me/tiny", 7, "test-report", "The tests were stopped.").await?;
    /// assert!(!changed, "there is no report");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error when a call fails, and when the key is invalid or the text is empty.
    pub async fn update_comment(
        &self,
        repo: impl Into<RepoId>,
        num: u64,
        key: &str,
        text: &str,
    ) -> Result<bool, HubError> {
        self.write_keyed(repo.into(), num, key, text, false).await
    }

    /// Edits the comment with a key. Without one, writes it if `insert`.
    async fn write_keyed(
        &self,
        repo: RepoId,
        num: u64,
        key: &str,
        text: &str,
        insert: bool,
    ) -> Result<bool, HubError> {
        let is_key = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        if key.is_empty() || key.contains("--") || !key.bytes().all(is_key) {
            let reason = format!("{key:?} is not a name of letters, digits and single `-`");
            return Err(HubError::argument("key", reason));
        }
        // HTML comments cannot contain `--`.
        let mark = format!("<!-- {key} -->");
        // As the comment has it, to compare both.
        let text = self.access.hide_token_in(&format!("{}\n\n{mark}", filled("text", text)?));
        let account = self.whoami().await?.name;
        let details = self.discussion_without_diff(&repo, num).await?;
        let mut own = details.events.iter().filter(|event| event.author.as_ref() == Some(&account));
        let written = own.find_map(|event| match &event.kind {
            DiscussionEventKind::Comment { content, hidden: false, .. } => {
                content.trim_end().ends_with(&mark).then_some((&event.id, content.trim_end()))
            }
            _ => None,
        });
        match written {
            Some((_, content)) if content == text => return Ok(false),
            Some((id, _)) => drop(self.edit_comment(&repo, num, id, &text).await?),
            None if !insert => return Ok(false),
            None => drop(self.comment(&repo, num, &text).await?),
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::testing::HubStub;

    const DISCUSSION: &str = "/api/models/me/x/discussions/1";

    fn comment(id: &str, author: &str, text: &str, hidden: bool) -> Value {
        let data = json!({ "hidden": hidden, "latest": { "raw": text } });
        json!({ "id": id, "type": "comment", "author": { "name": author }, "data": data })
    }

    /// Reports "New." in a discussion with these comments. Returns whether there was something to change, and the last
    /// path and body.
    async fn report(comments: &[Value]) -> (bool, String, Value) {
        let stub = HubStub::new();
        let mut details =
            json!({ "num": 1, "title": "", "status": "open", "isPullRequest": false });
        details["events"] = comments.into();
        stub.on("GET", DISCUSSION).respond(details);
        let written = json!({ "id": "c9", "type": "comment" });
        let (new, edited) =
            (json!({ "newMessage": written }), json!({ "updatedComment": written }));
        stub.on("POST", &format!("{DISCUSSION}/comment")).respond(new);
        stub.on("POST", &format!("{DISCUSSION}/comment/c2/edit")).respond(edited);
        let changed = stub.hub().upsert_comment("me/x", 1, "report", "New.\n").await.unwrap();
        let last = stub.calls().pop().unwrap();
        (changed, last.path.replace(DISCUSSION, ""), last.body)
    }

    #[tokio::test]
    async fn the_first_report_is_a_comment_and_the_next_ones_edit_it() {
        let marked = "New.\n\n<!-- report -->";
        let new = (true, "/comment".to_owned(), json!({ "comment": marked }));
        let edit = (true, "/comment/c2/edit".to_owned(), json!({ "content": marked }));
        let question = comment("c1", "ada", "Why?", false);
        assert_eq!(report(std::slice::from_ref(&question)).await, new);
        let old = comment("c2", "bot", "Old.\n\n<!-- report -->\n", false);
        assert_eq!(report(&[question.clone(), old]).await, edit);
        let same = comment("c2", "bot", marked, false);
        let (changed, path, _) = report(&[question, same]).await;
        assert_eq!((changed, path.as_str()), (false, ""));
    }

    #[tokio::test]
    async fn a_text_with_the_token_is_written_without_it_and_once() {
        let stub = HubStub::new();
        let mut details =
            json!({ "num": 1, "title": "", "status": "open", "isPullRequest": false });
        details["events"] = json!([comment("c2", "bot", "It is hf_***.\n\n<!-- a -->", false)]);
        stub.on("GET", DISCUSSION).respond(details);
        let written = json!({ "newMessage": { "id": "c9", "type": "comment" } });
        stub.on("POST", &format!("{DISCUSSION}/comment")).respond(written);
        let hub = stub.hub();
        assert!(!hub.upsert_comment("me/x", 1, "a", "It is hf_test.").await.unwrap());
        assert!(hub.upsert_comment("me/x", 1, "b", "It is hf_test.").await.unwrap());
        let body = stub.calls().pop().unwrap().body;
        assert_eq!(body, json!({ "comment": "It is hf_***.\n\n<!-- b -->" }));
    }

    #[tokio::test]
    async fn other_comments_are_left_alone() {
        for other in [
            comment("c1", "ada", "Old.\n\n<!-- report -->", false),
            comment("c1", "bot", "Old.\n\n<!-- another-report -->", false),
            comment("c1", "bot", "It writes <!-- report --> somewhere.", false),
            comment("c1", "bot", "Old.\n\n<!-- report -->", true),
        ] {
            assert_eq!(report(std::slice::from_ref(&other)).await.1, "/comment", "{other}");
        }
    }

    #[tokio::test]
    async fn an_update_edits_the_own_comment_and_writes_no_new_one() {
        let stub = HubStub::new();
        let json = json!({ "num": 1, "title": "", "status": "closed", "isPullRequest": true });
        let with = |events: &[Value]| {
            let mut details = json.clone();
            details["events"] = events.into();
            details
        };
        let marked = "Old.\n\n<!-- report -->";
        let of_others = [comment("c1", "ada", marked, false), comment("c2", "bot", marked, true)];
        let details = stub.on("GET", DISCUSSION).respond(with(&of_others));
        details.respond(with(&[comment("c3", "bot", marked, false)]));
        let edited = json!({ "updatedComment": { "id": "c3", "type": "comment" } });
        stub.on("POST", &format!("{DISCUSSION}/comment/c3/edit")).respond(edited);
        let hub = stub.hub();
        let update = || hub.update_comment("me/x", 1, "report", "New.");
        assert!(!update().await.unwrap());
        assert!(stub.calls().iter().all(|call| call.method == "GET"));
        assert!(update().await.unwrap());
        assert_eq!(stub.calls().pop().unwrap().body["content"], "New.\n\n<!-- report -->");
    }

    #[tokio::test]
    async fn an_invalid_argument_is_an_error_before_anything_is_sent() {
        let stub = HubStub::new();
        for (key, text) in [("", "x"), ("a--b", "x"), ("a b", "x"), ("-->", "x"), ("a", " ")] {
            assert!(stub.hub().upsert_comment("me/x", 1, key, text).await.is_err(), "{key}");
            assert!(stub.hub().update_comment("me/x", 1, key, text).await.is_err(), "{key}");
        }
        assert_eq!(stub.calls(), []);
    }
}
