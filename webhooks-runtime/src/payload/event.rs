//! What happened: an action in a scope.

use serde::{Deserialize, Serialize};

use super::open_set::open_set;

open_set! {
    /// What was done.
    ///
    /// Compares with text: `payload.event.action == "update"`.
    ///
    /// ```
    /// use webhooks_runtime::EventAction;
    ///
    /// let action = EventAction::from("update");
    /// assert!(action == "update" && matches!(action, EventAction::Update));
    ///
    /// // One that the Hub adds later is kept.
    /// assert!(matches!(EventAction::from("archive"), EventAction::Other(name) if name == "archive"));
    /// ```
    pub enum EventAction {
        /// Something was created, a repo or a comment for instance.
        Create = "create",
        /// Something was deleted.
        Delete = "delete",
        /// A repo was moved or renamed; [`moved_to`](crate::WebhookPayload::moved_to) says where it went.
        Move = "move",
        /// Something changed.
        Update = "update",
    }
}

open_set! {
    /// What it was done to. Scopes are nested by dots: `repo.content` is a part of `repo`.
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
        /// A repo's settings, its visibility for instance.
        RepoConfig = "repo.config",
        /// A discussion or a pull request.
        Discussion = "discussion",
        /// A comment in a discussion or a pull request.
        DiscussionComment = "discussion.comment",
    }
}

/// What happened: an action and its scope.
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
#[schema(description = "What happened: an action and its scope.")]
#[serde(expecting = "an object")]
#[non_exhaustive]
pub struct WebhookPayloadEvent {
    /// What was done.
    pub action: EventAction,
    /// What it was done to.
    pub scope: EventScope,
}

impl WebhookPayloadEvent {
    /// Whether this event is `action` in `scope`, by the Hub's rule for scopes added later.
    ///
    /// Every scope that this crate knows stands for itself: a `discussion.comment` is not a
    /// `discussion`. A narrower scope that it doesn't know counts, whatever its action, as an
    /// `update` of the nearest scope above that it does know. So when the Hub adds
    /// `repo.config.dois` one day, a handler for `update` in `repo.config` goes on working. The
    /// scope you ask for is one that you know.
    ///
    /// The rule is the Hub's: <https://huggingface.co/docs/hub/webhooks#event>.
    ///
    /// ```
    /// use webhooks_runtime::WebhookPayloadEvent;
    ///
    /// let event: WebhookPayloadEvent =
    ///     serde_json::from_str(r#"{ "action": "create", "scope": "repo.config.dois" }"#)?;
    ///
    /// assert!(event.matches("update", "repo.config"));
    /// assert!(!event.matches("create", "repo.config")); // it counts as an update only
    /// assert!(!event.matches("update", "repo")); // repo.config is nearer
    /// assert!(event.matches("create", "repo.config.dois")); // asked for by its own name
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    #[must_use]
    pub fn matches(&self, action: impl AsRef<str>, scope: impl AsRef<str>) -> bool {
        let (action, scope) = (action.as_ref(), scope.as_ref());
        if self.scope == *scope {
            return self.action == *action;
        }
        let mut narrow = &self.scope;
        let mut above;
        while let EventScope::Other(name) = narrow {
            let Some((parent, _)) = name.rsplit_once('.') else {
                return false;
            };
            if parent == scope {
                return EventAction::Update == *action;
            }
            above = EventScope::from(parent);
            narrow = &above;
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
    fn a_known_scope_stands_for_itself_only() {
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
    fn the_scope_asked_for_is_a_known_one() {
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
    fn the_enums_may_be_asked_for_too() {
        assert!(
            event("update", "repo.content").matches(EventAction::Update, EventScope::RepoContent)
        );
    }
}
