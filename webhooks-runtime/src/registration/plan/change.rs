//! Finds the differences between a webhook and what its endpoint needs.

use std::fmt;

use crate::hub::{WatchedItem, Webhook, WebhookDomain, WebhookSpec};
use crate::registration::ours::{TargetUrl, shown_url};
use crate::registration::remembered::{RememberedWebhook, SentSecret};

/// A difference between a webhook and what its endpoint needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum WebhookChange {
    /// Both without their query.
    Url {
        before: String,
        after: String,
    },
    Watched {
        added: Vec<WatchedItem>,
        removed: Vec<WatchedItem>,
    },
    Domains {
        added: Vec<WebhookDomain>,
        removed: Vec<WebhookDomain>,
    },
    Secret(SecretChange),
}

/// How the secret of a webhook differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SecretChange {
    /// The webhook has none.
    Added,
    /// Another one was sent last.
    Replaced,
    /// It is not known which one was sent last.
    Unknown,
}

impl SecretChange {
    /// Returns whether the webhook certainly sends another secret, or none.
    pub(crate) fn is_known(self) -> bool {
        self != Self::Unknown
    }
}

/// Returns the differences, in the order of the Hub's form. A secret that the endpoint does not have is no difference.
pub(super) fn changes(
    webhook: &Webhook,
    url: &str,
    spec: &WebhookSpec,
    remembered: Option<&RememberedWebhook>,
) -> Vec<WebhookChange> {
    let mut changes = Vec::new();
    let (added, removed) = difference(&webhook.watched, &spec.watched);
    if !added.is_empty() || !removed.is_empty() {
        changes.push(WebhookChange::Watched { added, removed });
    }
    let before = webhook.url.as_deref().unwrap_or_default();
    if TargetUrl::parse(before) != TargetUrl::parse(url) {
        let (before, after) = (shown_url(before), shown_url(url));
        changes.push(WebhookChange::Url { before, after });
    }
    let (added, removed) = difference(&webhook.domains, &spec.domains);
    if !added.is_empty() || !removed.is_empty() {
        changes.push(WebhookChange::Domains { added, removed });
    }
    if let Some(secret) = &spec.secret {
        let sent = remembered.map(|remembered| remembered.compare(&webhook.id, secret));
        changes.extend(
            match sent {
                _ if !webhook.has_secret => Some(SecretChange::Added),
                Some(SentSecret::Same) => None,
                Some(SentSecret::Different) => Some(SecretChange::Replaced),
                Some(SentSecret::Unknown) | None => Some(SecretChange::Unknown),
            }
            .map(WebhookChange::Secret),
        );
    }
    changes
}

/// Returns the items that only `after` has, and those that only `before` has.
fn difference<T: Clone + PartialEq>(before: &[T], after: &[T]) -> (Vec<T>, Vec<T>) {
    let only = |these: &[T], those: &[T]| {
        these.iter().filter(|item| !those.contains(item)).cloned().collect()
    };
    (only(after, before), only(before, after))
}

impl fmt::Display for WebhookChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url { before, after } => write!(f, "URL: {before} -> {after}"),
            Self::Watched { added, removed } => {
                write!(f, "watched: {}", signed(added, removed))
            }
            Self::Domains { added, removed } => {
                write!(f, "domains: {}", signed(added, removed))
            }
            Self::Secret(change) => write!(f, "secret: {change}"),
        }
    }
}

impl fmt::Display for SecretChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Added => "added",
            Self::Replaced => "replaced",
            Self::Unknown => "sent again, because it is not known which one was sent last",
        })
    }
}

fn signed<T: fmt::Display>(added: &[T], removed: &[T]) -> String {
    let added = added.iter().map(|item| format!("+{item}"));
    let removed = removed.iter().map(|item| format!("-{item}"));
    added.chain(removed).collect::<Vec<_>>().join(", ")
}
