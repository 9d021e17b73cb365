//! What a bot that reviews asks of a discussion: whether a pull request is open, what was said about a commit, and how
//! the discussion began.

use super::comment::Comment;
use super::event::{DiscussionEvent, DiscussionEventKind};
use super::list::{Discussion, DiscussionDetails};
use crate::payload::DiscussionStatus;

impl Discussion {
    /// Returns whether it is a pull request that can still be merged: an open one, or a draft.
    ///
    /// ```
    /// use webhooks_runtime::hub::Discussion;
    ///
    /// /// Returns the numbers of the pull requests that wait for a decision.
    /// fn pending(discussions: &[Discussion]) -> Vec<u64> {
    ///     let open = discussions.iter().filter(|it| it.is_open_pull_request());
    ///     open.map(|pull_request| pull_request.num).collect()
    /// }
    /// ```
    #[must_use]
    pub fn is_open_pull_request(&self) -> bool {
        let is_open = matches!(self.status, DiscussionStatus::Open | DiscussionStatus::Draft);
        self.is_pull_request && is_open
    }
}

impl DiscussionDetails {
    /// Returns the comments that were written after a commit was pushed to the pull request, without hidden ones. There
    /// are none if the commit is not one of the pull request.
    ///
    /// So a comment that approves is known to be about this commit, and not about an older one.
    ///
    /// ```
    /// use webhooks_runtime::hub::DiscussionDetails;
    ///
    /// /// Returns whether an account has approved a commit.
    /// fn is_approved(details: &DiscussionDetails, oid: &str, reviewer: &str) -> bool {
    ///     details.comments_after(oid).iter().any(|comment| {
    ///         comment.author.as_deref() == Some(reviewer) && comment.content.trim() == "/approve"
    ///     })
    /// }
    /// ```
    #[must_use]
    pub fn comments_after(&self, oid: &str) -> Vec<Comment> {
        let is_commit = |event: &DiscussionEvent| match &event.kind {
            DiscussionEventKind::Commit { oid: pushed, .. } => pushed == oid,
            _ => false,
        };
        let at = self.events.iter().rposition(is_commit);
        let after = at.map_or(&[][..], |at| &self.events[at..]);
        let is_comment = |event: &&DiscussionEvent| {
            matches!(event.kind, DiscussionEventKind::Comment { hidden: false, .. })
        };
        after.iter().filter(is_comment).cloned().map(Comment::from).collect()
    }

    /// Returns the first comment, with which the discussion was opened, also if it is hidden.
    ///
    /// ```
    /// use webhooks_runtime::hub::DiscussionDetails;
    ///
    /// /// Returns the text of a report that a bot has opened, unless a person has hidden it.
    /// fn report(details: &DiscussionDetails) -> Option<String> {
    ///     details.first_comment().filter(|comment| !comment.hidden).map(|comment| comment.content)
    /// }
    /// ```
    #[must_use]
    pub fn first_comment(&self) -> Option<Comment> {
        let is_comment =
            |event: &&DiscussionEvent| matches!(event.kind, DiscussionEventKind::Comment { .. });
        self.events.iter().find(is_comment).cloned().map(Comment::from)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn details(status: &str, is_pull_request: bool, events: &[Value]) -> DiscussionDetails {
        let json = json!({
            "num": 7, "title": "", "status": status, "isPullRequest": is_pull_request, "events": events,
        });
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn open_pull_requests_and_drafts_can_be_merged() {
        for (status, is_pull_request, expected) in [
            ("open", true, true),
            ("draft", true, true),
            ("closed", true, false),
            ("merged", true, false),
            ("pinned", true, false),
            ("open", false, false),
        ] {
            let discussion = details(status, is_pull_request, &[]).discussion;
            assert_eq!(discussion.is_open_pull_request(), expected, "{status}");
        }
    }

    #[test]
    fn only_comments_after_the_last_push_of_the_commit_are_about_it() {
        let commit = |oid: &str| json!({ "id": "", "type": "commit", "data": { "oid": oid } });
        let comment = |text: &str, hidden: bool| {
            let data = json!({ "hidden": hidden, "latest": { "raw": text } });
            json!({ "id": "", "type": "comment", "data": data })
        };
        let events = [
            comment("0", false),
            commit("a"),
            comment("1", false),
            commit("b"),
            comment("2", true),
            comment("3", false),
        ];
        let with_events = |events: &[Value]| details("open", true, events);
        let details = with_events(&events);
        let after = |details: &DiscussionDetails, oid: &str| -> Vec<String> {
            details.comments_after(oid).into_iter().map(|comment| comment.content).collect()
        };
        assert_eq!(after(&details, "a"), ["1", "3"]);
        assert_eq!(after(&details, "b"), ["3"]);
        // Not a part of an id, and nothing for an id that is unknown.
        assert_eq!(after(&details, ""), [""; 0]);
        // A commit that was replaced and pushed again.
        let again = [&events[..4], &events[1..2]].concat();
        assert_eq!(after(&with_events(&again), "a"), [""; 0]);
    }

    #[test]
    fn the_first_comment_is_the_one_of_the_opening_also_when_it_is_hidden() {
        let commit = json!({ "id": "e0", "type": "commit", "data": { "oid": "a" } });
        let hidden = json!({ "id": "e1", "type": "comment", "data": { "hidden": true } });
        let later = json!({ "id": "e2", "type": "comment", "data": { "latest": { "raw": "Hi" } } });
        let first = details("open", true, &[commit, hidden, later]).first_comment().unwrap();
        assert_eq!((first.id.as_str(), first.hidden), ("e1", true));
        assert_eq!(details("open", false, &[]).first_comment(), None);
    }
}
