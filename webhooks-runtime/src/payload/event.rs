//! The event: an action in a scope.

use serde::{Deserialize, Serialize};

use super::open_set::open_set;

open_set! {
    /// The action of an event.
    ///
    /// Compares with text: `payload.event.action == "update"`.
    ///
    /// ```
    /// use webhooks_runtime::EventAction;
    ///
    /// let action = EventAction::from("update");
    /// assert!(action == "update" && matches!(action, EventAction::Update));
    ///
    /// // A value that the Hub adds later is preserved.
    /// assert!(matches!(EventAction::from("archive"), EventAction::Other(name) if name == "archive"));
    /// ```
    pub enum EventAction {
        /// Something was created, such as a repo or a comment.
        Create = "create",
        /// Something was deleted.
        Delete = "delete",
        /// A repo was moved or renamed; [`moved_to`](crate::WebhookPayload::moved_to) has its new name.
        Move = "move",
        /// Something changed.
        Update = "update",
    }
}

open_set! {
    /// The scope of an event: what was created, deleted or changed. Dots nest scopes: `repo.content` is a part of
    /// `repo`.
    ///
    /// Compares with text: `payload.event.scope == "repo.content"`.
    ///
    /// ```
    /// use webhooks_runtime::testing::dataset_commit;
    /// use webhooks_runtime::{EventScope, WebhookPayload};
    ///
    /// let payload: WebhookPayload = dataset_commit().into();
    /// let about = match payload.event.scope {
    ///     EventScope::RepoContent => "files",
    ///     EventScope::Discussion | EventScope::DiscussionComment => "people",
    ///     _ => "something else",
    /// };
    /// assert_eq!(about, "files");
    /// ```
    pub enum EventScope {
        /// A repo as a whole: created, deleted, moved.
        Repo = "repo",
        /// A repo's commits, branches and tags.
        RepoContent = "repo.content",
        /// A repo's settings, such as its visibility.
        RepoConfig = "repo.config",
        /// A discussion or a pull request.
        Discussion = "discussion",
        /// A comment in a discussion or a pull request.
        DiscussionComment = "discussion.comment",
    }
}

/// The event: an action and its scope.
///
/// ```
/// use webhooks_runtime::WebhookPayload;
/// use webhooks_runtime::testing::repo_moved;
///
/// let payload: WebhookPayload = repo_moved().into();
/// assert_eq!(payload.event.action, "move");
/// assert_eq!(payload.event.scope, "repo");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(description = "The event: an action and its scope.")]
#[serde(expecting = "an object")]
#[non_exhaustive]
pub struct WebhookPayloadEvent {
    /// The action.
    pub action: EventAction,
    /// The scope.
    pub scope: EventScope,
}

impl WebhookPayloadEvent {
    /// Returns whether this event is `action` in `scope`, by the Hub's rule for scopes that are added later.
    ///
    /// A scope that this crate knows matches only itself: `discussion.comment` is not `discussion`. A narrower
    /// scope that it doesn't know counts as an `update` of the nearest known scope above it, whatever its action.
    /// So when the Hub adds `repo.config.dois`, a handler for `update` in `repo.config` still works. The `scope`
    /// that you pass counts as known.
    ///
    /// This is the Hub's rule: <https://huggingface.co/docs/hub/webhooks#event>.
    ///
    /// ```
    /// use webhooks_runtime::WebhookPayloadEvent;
    ///
    /// let event: WebhookPayloadEvent =
    ///     serde_json::from_str(r#"{ "action": "create", "scope": "repo.config.dois" }"#)?;
    ///
    /// assert!(event.matches("update", "repo.config"));
    /// assert!(!event.matches("create", "repo.config")); // it counts only as an update
    /// assert!(!event.matches("update", "repo")); // repo.config is nearer
    /// assert!(event.matches("create", "repo.config.dois")); // its own name
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    #[must_use]
    pub fn matches(&self, action: impl AsRef<str>, scope: impl AsRef<str>) -> bool {
        let (action, scope) = (action.as_ref(), scope.as_ref());
        if self.scope == *scope {
            return self.action == *action;
        }
        let mut current = &self.scope;
        let mut parent_scope;
        while let EventScope::Other(name) = current {
            let Some((parent, _)) = name.rsplit_once('.') else {
                return false;
            };
            if parent == scope {
                return EventAction::Update == *action;
            }
            parent_scope = EventScope::from(parent);
            current = &parent_scope;
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(action: &str, scope: &str) -> WebhookPayloadEvent {
        WebhookPayloadEvent { action: action.into(), scope: scope.into() }
    }

    #[test]
    fn a_known_scope_matches_only_itself() {
        let comment = event("create", "discussion.comment");
        assert!(comment.matches("create", "discussion.comment"));
        assert!(!comment.matches("update", "discussion.comment"));
        assert!(!comment.matches("create", "discussion"));
        assert!(!comment.matches("update", "discussion"));
        assert!(!event("update", "repo").matches("update", "repo.content"));
    }

    #[test]
    fn an_unknown_scope_is_an_update_of_the_nearest_known_one() {
        let deep = event("delete", "repo.config.dois.versions");
        assert!(deep.matches("update", "repo.config"));
        assert!(!deep.matches("delete", "repo.config"));
        assert!(!deep.matches("update", "repo"));
        assert!(event("create", "repo.stars").matches("update", "repo"));
    }

    #[test]
    fn the_scope_that_is_passed_counts_as_known() {
        let deep = event("create", "repo.config.dois.versions");
        assert!(deep.matches("create", "repo.config.dois.versions"));
        assert!(deep.matches("update", "repo.config.dois"));
        assert!(!deep.matches("create", "repo.config.dois"));
    }

    #[test]
    fn scopes_are_compared_by_whole_names() {
        assert!(!event("update", "repository").matches("update", "repo"));
        assert!(!event("update", "organization.members").matches("update", "repo"));
        assert!(!event("update", "").matches("update", "repo"));
        assert!(!event("update", ".").matches("update", "repo"));
    }

    #[test]
    fn the_enums_may_be_passed_too() {
        assert!(
            event("update", "repo.content").matches(EventAction::Update, EventScope::RepoContent)
        );
    }
}
