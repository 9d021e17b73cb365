//! The setters of a sample for its discussion and its comment.

use super::sample::{MAIN, Sample, part};
use crate::payload::{
    DiscussionStatus, EventScope, ObjectId, WebhookPayloadDiscussion,
    WebhookPayloadDiscussionChanges,
};

/// Setters for a discussion or a pull request.
impl Sample {
    /// Sets the title of the discussion.
    ///
    /// ```
    /// use webhooks_runtime::WebhookPayload;
    /// use webhooks_runtime::testing::comment_created;
    ///
    /// let payload: WebhookPayload = comment_created().title("Retrain on the new split").into();
    /// assert_eq!(payload.discussion.unwrap().title, "Retrain on the new split");
    /// ```
    ///
    /// # Panics
    ///
    /// When the sample has no discussion: see [`discussion_opened`](super::discussion_opened).
    #[track_caller]
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.discussion_part("title").title = title.into();
        self
    }

    /// Sets the number of the discussion, and with it all URLs, or the number of the pull request that was pushed to.
    ///
    /// ```
    /// use webhooks_runtime::WebhookPayload;
    /// use webhooks_runtime::testing::comment_created;
    ///
    /// let payload: WebhookPayload = comment_created().number(42).into();
    /// let discussion = payload.discussion.unwrap();
    /// assert_eq!(discussion.num, 42);
    /// assert!(discussion.url.web.ends_with("/discussions/42"));
    /// ```
    ///
    /// # Panics
    ///
    /// When the sample has neither: see [`discussion_opened`](super::discussion_opened) and
    /// [`pull_request_pushed`](super::pull_request_pushed).
    #[track_caller]
    pub fn number(mut self, number: u64) -> Self {
        if let Some(pushed) = self.updated_ref(|updated| updated.ref_name.starts_with("refs/pr/")) {
            pushed.ref_name = format!("refs/pr/{number}");
            return self;
        }
        self.discussion_part("number").num = number;
        self.consistent()
    }

    /// Sets the author's id: of the comment, when the event is about a comment, or else of the discussion and its
    /// first comment.
    ///
    /// ```
    /// use webhooks_runtime::WebhookPayload;
    /// use webhooks_runtime::testing::comment_created;
    ///
    /// let payload: WebhookPayload = comment_created().author("65d0000000000000000000aa").into();
    /// assert_eq!(payload.comment.unwrap().author.id, "65d0000000000000000000aa");
    /// assert_ne!(payload.discussion.unwrap().author.id, "65d0000000000000000000aa");
    /// ```
    ///
    /// # Panics
    ///
    /// When the sample has no discussion: see [`discussion_opened`](super::discussion_opened).
    #[track_caller]
    pub fn author(mut self, id: impl Into<String>) -> Self {
        let author = ObjectId { id: id.into() };
        let is_about_discussion = self.payload.event.scope == EventScope::Discussion;
        let discussion = self.discussion_part("author");
        if is_about_discussion {
            discussion.author = author.clone();
        }
        if let Some(comment) = &mut self.payload.comment {
            comment.author = author;
        }
        self
    }

    /// Makes the discussion a pull request to the main branch.
    ///
    /// ```
    /// use webhooks_runtime::WebhookPayload;
    /// use webhooks_runtime::testing::discussion_opened;
    ///
    /// let payload: WebhookPayload = discussion_opened().pull_request().into();
    /// let discussion = payload.discussion.unwrap();
    /// assert!(discussion.is_pull_request);
    /// assert_eq!(discussion.changes.unwrap().base, "refs/heads/main");
    /// ```
    ///
    /// # Panics
    ///
    /// When the sample has no discussion: see [`discussion_opened`](super::discussion_opened).
    #[track_caller]
    pub fn pull_request(mut self) -> Self {
        let discussion = self.discussion_part("pull_request");
        discussion.is_pull_request = true;
        discussion.changes =
            Some(WebhookPayloadDiscussionChanges { base: MAIN.to_owned(), merge_commit_id: None });
        self
    }

    /// Sets the SHA-1 of the commit that merged the pull request.
    ///
    /// ```
    /// use webhooks_runtime::WebhookPayload;
    /// use webhooks_runtime::testing::pull_request_merged;
    ///
    /// let payload: WebhookPayload = pull_request_merged().merge_commit("cd".repeat(20)).into();
    /// let changes = payload.discussion.unwrap().changes.unwrap();
    /// assert_eq!(changes.merge_commit_id, Some("cd".repeat(20)));
    /// ```
    ///
    /// # Panics
    ///
    /// When the sample has no pull request: see [`pull_request_merged`](super::pull_request_merged).
    #[track_caller]
    pub fn merge_commit(mut self, sha: impl Into<String>) -> Self {
        let discussion = self.discussion_part("merge_commit");
        discussion.status = DiscussionStatus::Merged;
        let changes = part(discussion.changes.as_mut(), "merge_commit", "a pull request");
        changes.merge_commit_id = Some(sha.into());
        self
    }

    /// Sets the text of the comment, in Markdown. The first comment of a discussion is its text.
    ///
    /// ```
    /// use webhooks_runtime::WebhookPayload;
    /// use webhooks_runtime::testing::comment_created;
    ///
    /// let payload: WebhookPayload = comment_created().text("@my-bot why?").into();
    /// assert!(payload.comment.unwrap().content.unwrap().starts_with("@my-bot "));
    /// ```
    ///
    /// # Panics
    ///
    /// When the sample has no visible comment: see [`comment_created`](super::comment_created).
    #[track_caller]
    pub fn text(mut self, text: impl Into<String>) -> Self {
        let visible = self.payload.comment.as_mut().filter(|comment| !comment.hidden);
        part(visible, "text", "a visible comment").content = Some(text.into());
        self
    }

    #[track_caller]
    fn discussion_part(&mut self, setter: &str) -> &mut WebhookPayloadDiscussion {
        part(self.payload.discussion.as_mut(), setter, "a discussion")
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{UnwindSafe, catch_unwind};

    use super::super::{bucket_files, comment_hidden, dataset_commit, discussion_opened};
    use super::*;

    fn panic_of(set: impl FnOnce() -> Sample + UnwindSafe) -> String {
        *catch_unwind(set).unwrap_err().downcast().unwrap()
    }

    #[test]
    fn a_setter_for_a_part_that_the_sample_lacks_panics() {
        assert_eq!(
            panic_of(|| dataset_commit().title("Why?")),
            "`.title(…)` is for a sample with a discussion"
        );
        assert_eq!(
            panic_of(|| discussion_opened().merge_commit("a1")),
            "`.merge_commit(…)` is for a sample with a pull request"
        );
        assert_eq!(
            panic_of(|| comment_hidden().text("gone")),
            "`.text(…)` is for a sample with a visible comment"
        );
        assert_eq!(panic_of(|| dataset_commit().tag("v1")), "`.tag(…)` is for a sample with a tag");
        assert_eq!(
            panic_of(|| bucket_files().repo_type("model")),
            "`.repo_type(…)` is for a sample with a Git repo"
        );
    }
}
