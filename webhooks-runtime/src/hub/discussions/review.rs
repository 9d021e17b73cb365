//! What a bot that reviews asks of a discussion: whether a pull request is open, who has written it, and how the
//! discussion began.

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
    /// Returns whether these accounts have opened the pull request and pushed all its commits, of which `head` is one.
    ///
    /// Anyone who can push to a pull request can change what it runs, so its author alone is not enough to trust it. Pass
    /// the commit that you run: if it was pushed after the events were read, the result is `false`.
    ///
    /// ```
    /// use webhooks_runtime::hub::DiscussionDetails;
    ///
    /// fn may_run(details: &DiscussionDetails, maintainers: &[String], head: &str) -> bool {
    ///     details.discussion.is_open_pull_request() && details.is_only_by(maintainers, head)
    /// }
    /// ```
    #[must_use]
    pub fn is_only_by(&self, accounts: &[String], head: &str) -> bool {
        let is_one = |name: &Option<String>| name.as_ref().is_some_and(|it| accounts.contains(it));
        let mut has_head = false;
        let all = self.events.iter().all(|event| match &event.kind {
            DiscussionEventKind::Commit { oid, .. } => {
                has_head |= oid == head;
                is_one(&event.author)
            }
            _ => true,
        });
        is_one(&self.discussion.author) && all && has_head
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
    fn one_commit_of_another_account_is_enough_not_to_trust_a_pull_request() {
        let commit = |author: &str, oid: &str| json!({ "id": "", "type": "commit", "author": { "name": author }, "data": { "oid": oid } });
        let nobody = json!({ "id": "", "type": "commit", "data": { "oid": "b" } });
        let accounts = ["ada".to_owned(), "me".to_owned()];
        let comment = json!({ "id": "", "type": "comment", "author": { "name": "eve" } });
        for (author, events, expected) in [
            ("ada", vec![commit("me", "a"), comment, commit("ada", "b")], true),
            ("eve", vec![commit("ada", "b")], false),
            ("ada", vec![commit("eve", "a"), commit("ada", "b")], false),
            ("ada", vec![commit("ada", "a"), commit("eve", "b")], false),
            ("ada", vec![nobody], false),
            ("ada", vec![commit("ada", "a")], false),
            ("ada", vec![], false),
        ] {
            let mut details = details("open", true, &events);
            details.discussion.author = Some(author.to_owned());
            assert_eq!(details.is_only_by(&accounts, "b"), expected, "{author}: {events:?}");
        }
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
