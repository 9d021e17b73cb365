//! Discussions, pull requests and comments.

use crate::payload::{
    DiscussionStatus, EventAction, EventScope, ObjectId, WebhookPayload, WebhookPayloadDiscussion,
};

/// Methods for discussions, pull requests and comments.
///
/// An `update` of a discussion carries its status, and not which part of it changed: a new title of a closed
/// discussion has the same form as the closing. A bot that acts on [`closed`](Self::closed) or
/// [`merged_pull_request`](Self::merged_pull_request) may therefore see the same one twice.
impl WebhookPayload {
    /// Returns the discussion that was opened; not a pull request.
    ///
    /// `Some` for a `create` in `discussion`. Its text is [`new_comment`](Self::new_comment).
    ///
    /// ```
    /// use webhooks_runtime::WebhookPayload;
    /// use webhooks_runtime::testing::{discussion_opened, pull_request_opened};
    ///
    /// let payload: WebhookPayload = discussion_opened().title("Which license?").into();
    /// if let Some(discussion) = payload.opened_discussion() {
    ///     tracing::info!("{}: {}", discussion.url.web, discussion.title);
    /// }
    /// assert_eq!(payload.opened_discussion().unwrap().title, "Which license?");
    ///
    /// assert_eq!(WebhookPayload::from(pull_request_opened()).opened_discussion(), None);
    /// ```
    #[must_use]
    pub fn opened_discussion(&self) -> Option<&WebhookPayloadDiscussion> {
        self.discussion_after(EventAction::Create).filter(|discussion| !discussion.is_pull_request)
    }

    /// Returns the pull request that was opened, also as a draft.
    ///
    /// `Some` for a `create` in `discussion`. Its text is [`new_comment`](Self::new_comment). The Hub sends its
    /// commits in another delivery: see [`pull_requests_pushed`](Self::pull_requests_pushed).
    ///
    /// ```
    /// use webhooks_runtime::WebhookPayload;
    /// use webhooks_runtime::testing::{discussion_opened, pull_request_opened};
    ///
    /// let payload: WebhookPayload = pull_request_opened().number(4).into();
    /// if let Some(pull_request) = payload.opened_pull_request() {
    ///     tracing::info!("thanks for pull request {}", pull_request.num);
    /// }
    /// assert_eq!(payload.opened_pull_request().unwrap().num, 4);
    ///
    /// assert_eq!(WebhookPayload::from(discussion_opened()).opened_pull_request(), None);
    /// ```
    #[must_use]
    pub fn opened_pull_request(&self) -> Option<&WebhookPayloadDiscussion> {
        self.discussion_after(EventAction::Create).filter(|discussion| discussion.is_pull_request)
    }

    /// Returns the pull request that was merged.
    ///
    /// `Some` for an `update` in `discussion` whose status is `merged`, so also when the title of a merged pull
    /// request changes.
    ///
    /// ```
    /// use webhooks_runtime::WebhookPayload;
    /// use webhooks_runtime::testing::pull_request_merged;
    ///
    /// let payload: WebhookPayload = pull_request_merged().merge_commit("abc").into();
    /// let merged = payload.merged_pull_request();
    ///
    /// if let Some(changes) = merged.and_then(|pull_request| pull_request.changes.as_ref()) {
    ///     assert_eq!(changes.base, "refs/heads/main");
    ///     assert_eq!(changes.merge_commit_id.as_deref(), Some("abc"));
    /// }
    /// # assert!(merged.is_some());
    /// ```
    #[must_use]
    pub fn merged_pull_request(&self) -> Option<&WebhookPayloadDiscussion> {
        self.discussion_after(EventAction::Update)
            .filter(|discussion| discussion.status == DiscussionStatus::Merged)
    }

    /// Returns the discussion or pull request that was closed; not a merged one.
    ///
    /// `Some` for an `update` in `discussion` whose status is `closed`, so also when the title of a closed discussion
    /// changes.
    ///
    /// ```
    /// use webhooks_runtime::WebhookPayload;
    /// use webhooks_runtime::testing::{discussion_closed, pull_request_merged};
    ///
    /// let payload: WebhookPayload = discussion_closed().into();
    /// if let Some(discussion) = payload.closed() {
    ///     tracing::info!("{} is done", discussion.title);
    /// }
    /// assert!(payload.closed().is_some());
    ///
    /// assert_eq!(WebhookPayload::from(pull_request_merged()).closed(), None);
    /// ```
    #[must_use]
    pub fn closed(&self) -> Option<&WebhookPayloadDiscussion> {
        self.discussion_after(EventAction::Update)
            .filter(|discussion| discussion.status == DiscussionStatus::Closed)
    }

    /// Returns the comment that was written: a new one, or the first comment of a new discussion or pull request.
    ///
    /// `Some` for a `create` in `discussion.comment`, and for a `create` in `discussion` with a comment. `None` for a
    /// hidden comment, and for an edited one.
    ///
    /// ```
    /// use webhooks_runtime::WebhookPayload;
    /// use webhooks_runtime::testing::{comment_created, comment_edited, discussion_opened};
    ///
    /// /// The bot's account, whose comments it must ignore.
    /// const BOT: &str = "65d0000000000000000000b0";
    ///
    /// fn is_command(payload: &WebhookPayload) -> bool {
    ///     if let Some(comment) = payload.new_comment() {
    ///         return comment.author.id != BOT && comment.content.starts_with("/retrain");
    ///     }
    ///     false
    /// }
    ///
    /// assert!(is_command(&comment_created().text("/retrain").into()));
    /// assert!(is_command(&discussion_opened().text("/retrain on main").into()));
    /// assert!(!is_command(&comment_created().author(BOT).text("/retrain").into()));
    /// assert!(!is_command(&comment_edited().text("/retrain").into()));
    /// ```
    #[must_use]
    pub fn new_comment(&self) -> Option<NewComment<'_>> {
        let is_new = |scope| self.event.matches(EventAction::Create, scope);
        if !is_new(EventScope::DiscussionComment) && !is_new(EventScope::Discussion) {
            return None;
        }
        let comment = self.comment.as_ref().filter(|comment| !comment.hidden)?;
        Some(NewComment {
            id: &comment.id,
            content: comment.content.as_deref()?,
            author: &comment.author,
            discussion: self.discussion.as_ref(),
        })
    }

    /// Returns the number of the one discussion or pull request that this event is about, whatever happened to it.
    ///
    /// `Some` for an event with a `discussion`, and for a push to one pull request. `None` for any other event, and for a
    /// push to several pull requests. `background(key = "discussion")` groups deliveries by this number.
    ///
    /// ```
    /// use webhooks_runtime::WebhookPayload;
    /// use webhooks_runtime::testing::{comment_created, dataset_commit, pull_request_pushed};
    ///
    /// let payload: WebhookPayload = comment_created().number(4).into();
    /// if let Some(num) = payload.discussion_num() {
    ///     tracing::info!("looking at discussion {num}");
    /// }
    /// assert_eq!(payload.discussion_num(), Some(4));
    ///
    /// assert_eq!(WebhookPayload::from(pull_request_pushed().number(4)).discussion_num(), Some(4));
    /// assert_eq!(WebhookPayload::from(dataset_commit()).discussion_num(), None);
    /// ```
    #[must_use]
    pub fn discussion_num(&self) -> Option<u64> {
        let Some(discussion) = &self.discussion else {
            let mut pushed = self.pull_requests_pushed();
            return pushed.next().filter(|_| pushed.next().is_none());
        };
        // 0 stands for an absent number.
        Some(discussion.num).filter(|num| *num > 0)
    }

    /// Returns the discussion or pull request that this event is about, not only a comment in it.
    fn discussion_after(&self, action: EventAction) -> Option<&WebhookPayloadDiscussion> {
        let discussion = self.discussion.as_ref()?;
        self.event.matches(action, EventScope::Discussion).then_some(discussion)
    }
}

/// A comment that was written: see [`WebhookPayload::new_comment`].
///
/// ```
/// use webhooks_runtime::WebhookPayload;
/// use webhooks_runtime::testing::comment_created;
///
/// let payload: WebhookPayload = comment_created().number(7).text("Which seed?").into();
/// let comment = payload.new_comment().unwrap();
///
/// assert_eq!(comment.content, "Which seed?");
/// assert_eq!(comment.discussion.map(|discussion| discussion.num), Some(7));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NewComment<'a> {
    /// The id.
    pub id: &'a str,
    /// The text in Markdown.
    pub content: &'a str,
    /// The user who wrote it.
    pub author: &'a ObjectId,
    /// The discussion or pull request that it is in.
    pub discussion: Option<&'a WebhookPayloadDiscussion>,
}
