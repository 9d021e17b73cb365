//! The events that a filter selects: the values of `on`.

use std::fmt;

use crate::payload::{EventAction, EventScope, WebhookPayloadEvent};

/// The scopes of events, each with the actions that occur in it. The attribute has the same table.
/// <https://huggingface.co/docs/hub/webhooks#event>
pub const SCOPES: [(&str, &[&str]); 5] = [
    ("repo", &["create", "delete", "move", "update"]),
    (CONTENT, &["update"]),
    ("repo.config", &["update"]),
    ("discussion", &["create", "delete", "update"]),
    ("discussion.comment", &["create", "update"]),
];

/// The scope of a repo's commits, branches and tags.
pub(super) const CONTENT: &str = "repo.content";

/// All actions. Every one of them occurs in the scope `repo`.
const ACTIONS: &[&str] = SCOPES[0].1;

/// A scope, or an action in a scope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct EventPattern {
    /// `None` for any action.
    pub(super) action: Option<EventAction>,
    pub(super) scope: EventScope,
}

impl EventPattern {
    /// Parses `"scope"` or `"action scope"`.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let words: Vec<_> = text.split_whitespace().collect();
        let (action, scope) = match words[..] {
            [word] => match SCOPES.iter().find(|(_, occurring)| occurring.contains(&word)) {
                Some((scope, _)) => {
                    return Err(format!(
                        "`{word}` is an action: add its scope, such as `{word} {scope}`"
                    ));
                }
                None => (None, word),
            },
            [action, scope] => (Some(action), scope),
            _ => {
                return Err("expected a scope, or an action and a scope, such as `create \
                            discussion.comment`"
                    .to_owned());
            }
        };
        if let Some(action) = action.filter(|action| !ACTIONS.contains(action)) {
            return Err(format!(
                "unknown action `{action}`: the actions are {}",
                ACTIONS.join(", ")
            ));
        }
        let Some((_, occurring)) = SCOPES.iter().find(|(known, _)| *known == scope) else {
            let known = SCOPES.map(|(known, _)| known);
            return Err(format!("unknown scope `{scope}`: the scopes are {}", known.join(", ")));
        };
        if action.is_some_and(|action| !occurring.contains(&action)) {
            return Err(match occurring {
                [only] => format!("events of `{scope}` are always `{only}`"),
                several => format!("events of `{scope}` are {}", several.join(", ")),
            });
        }
        Ok(Self { action: action.map(EventAction::from), scope: scope.into() })
    }

    /// Returns whether the event is one of these, by the Hub's rule for scopes that are added later.
    pub(super) fn matches(&self, event: &WebhookPayloadEvent) -> bool {
        match &self.action {
            Some(action) => event.matches(action, &self.scope),
            // A narrower scope that is not known counts as an update.
            None => event.scope == self.scope || event.matches(EventAction::Update, &self.scope),
        }
    }

    pub(super) fn is_content(&self) -> bool {
        self.scope == EventScope::RepoContent
    }

    /// Describes the events in words.
    pub(super) fn description(&self) -> &'static str {
        use EventAction::{Create, Delete, Move, Update};
        match (&self.scope, &self.action) {
            (EventScope::Repo, Some(Create)) => "new repos",
            (EventScope::Repo, Some(Delete)) => "deleted repos",
            (EventScope::Repo, Some(Move)) => "moved repos",
            (EventScope::Repo, Some(Update)) => "updated repos",
            (EventScope::Repo, _) => "new, moved, updated and deleted repos",
            (EventScope::RepoContent, _) => "content changes",
            (EventScope::RepoConfig, _) => "settings changes",
            (EventScope::Discussion, Some(Create)) => "new discussions",
            (EventScope::Discussion, Some(Delete)) => "deleted discussions",
            (EventScope::Discussion, Some(Update)) => "changed discussions",
            (EventScope::Discussion, _) => "discussions",
            (EventScope::DiscussionComment, Some(Create)) => "new comments",
            (EventScope::DiscussionComment, Some(Update)) => "edited comments",
            (EventScope::DiscussionComment, _) => "comments",
            // `parse` accepts no other scope.
            (EventScope::Other(_), _) => "other events",
        }
    }
}

impl fmt::Display for EventPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(action) = &self.action {
            write!(f, "{action} ")?;
        }
        self.scope.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        EventPattern::parse(text).unwrap_err()
    }

    fn event(text: &str) -> WebhookPayloadEvent {
        let (action, scope) = text.split_once(' ').unwrap();
        WebhookPayloadEvent { action: action.into(), scope: scope.into() }
    }

    #[test]
    fn a_pattern_is_a_scope_or_an_action_and_a_scope() {
        for (scope, actions) in SCOPES {
            assert_eq!(EventPattern::parse(scope).unwrap().to_string(), scope);
            for action in actions {
                let text = format!("{action} {scope}");
                assert_eq!(EventPattern::parse(&text).unwrap().to_string(), text);
            }
        }
    }

    #[test]
    fn an_action_without_a_scope_is_an_error_that_suggests_a_valid_value() {
        for action in SCOPES.iter().flat_map(|(_, actions)| *actions) {
            assert!(ACTIONS.contains(action), "{action}");
            let error = error(action);
            let suggested = error.rsplit('`').nth(1).unwrap();
            assert_eq!(EventPattern::parse(suggested).unwrap().to_string(), suggested, "{error}");
        }
    }

    #[test]
    fn a_value_that_never_occurs_is_an_error_that_says_what_occurs() {
        assert_eq!(error("create repo.content"), "events of `repo.content` are always `update`");
        assert_eq!(
            error("delete discussion.comment"),
            "events of `discussion.comment` are create, update"
        );
        assert!(error("move").ends_with("such as `move repo`"));
        assert!(error("archive repo").starts_with("unknown action `archive`"));
        assert!(error("repos").starts_with("unknown scope `repos`: the scopes are repo,"));
        assert!(error("").starts_with("expected a scope"));
    }

    #[test]
    fn a_scope_includes_unknown_narrower_ones_but_no_known_one() {
        let repo = EventPattern::parse("repo").unwrap();
        assert!(repo.matches(&event("create repo")));
        assert!(!repo.matches(&event("update repo.content")));
        assert!(repo.matches(&event("create repo.stars")));
        let config = EventPattern::parse("update repo.config").unwrap();
        assert!(config.matches(&event("create repo.config.dois")));
        assert!(!repo.matches(&event("create repo.config.dois")));
        let create = EventPattern::parse("create repo").unwrap();
        assert!(!create.matches(&event("create repo.stars")));
    }
}
