//! Decides which payloads can be merged with each other.

use crate::payload::{EventAction, EventScope, WebhookPayload};
use crate::text::hash;

/// What payloads have in common that can be merged with each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum MergeScope {
    /// They are updates of `repo.content`.
    Content,
    /// They are updates of `repo.config`.
    Config,
    /// They are updates of one of these scopes and of one repo: this is a hash of both. For a key that may join several
    /// repos, whose changes must not become those of one.
    OneRepo(i64),
}

impl MergeScope {
    /// Returns the scope of a payload whose key has only payloads of one repo; `None` if any merge would falsify it. A
    /// narrower scope of events that the Hub adds later may have changes that a merge would lose.
    pub(crate) fn of(payload: &WebhookPayload) -> Option<Self> {
        match (&payload.event.action, &payload.event.scope) {
            (EventAction::Update, EventScope::RepoContent) => Some(Self::Content),
            (EventAction::Update, EventScope::RepoConfig) => Some(Self::Config),
            _ => None,
        }
    }

    /// Returns the scope of a payload whose key may have payloads of several repos.
    pub(crate) fn of_one_repo(payload: &WebhookPayload) -> Option<Self> {
        let scope = Self::of(payload)?.code();
        let repo = &payload.repo;
        let hash = hash(&format!("{scope} {}:{}", repo.repo_type, repo.name));
        Some(Self::OneRepo(hash.cast_signed()))
    }

    /// Returns the number that the stores' tables use for it.
    pub(crate) fn code(self) -> i64 {
        match self {
            Self::Content => 0,
            Self::Config => 1,
            // Never one of the above.
            Self::OneRepo(hash) => hash | 2,
        }
    }
}
