//! Remembers which webhooks are being created, so that one whose creation the Hub has not confirmed is recognized: the
//! response can be lost, or the process killed.
//!
//! Before the Hub is asked to create a webhook, its URL is marked. No webhook of the account calls that URL then. An
//! unknown webhook that calls exactly this URL at a later check is the created one.

use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use super::{RememberedWebhook, RememberedWebhooks, UrlKind, seconds};
use crate::hub::Webhook;
use crate::state::{SharedState, StateError};

/// How long a mark stays while no webhook calls its URL: the Hub may still process the call.
const MARK_LIMIT: Duration = Duration::from_secs(10 * 60);

/// A webhook that the Hub was asked to create.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct CreationMark {
    /// What to remember of it.
    webhook: RememberedWebhook,
    /// In seconds of Unix time.
    at: u64,
}

impl RememberedWebhooks {
    /// Loads the webhooks of the program. It remembers those that the program has created without a confirmation of the
    /// Hub. `account` are all webhooks of the account.
    ///
    /// # Errors
    ///
    /// When they cannot be read or stored.
    pub(crate) async fn load_with_created(
        state: &dyn SharedState,
        account: &[Webhook],
        now: SystemTime,
    ) -> Result<Self, StateError> {
        let loaded = Self::load(state).await?;
        if loaded.creating.is_empty() {
            return Ok(loaded);
        }
        Self::change(state, |all| all.claim_created(account, now)).await?;
        Self::load(state).await
    }

    /// Returns whether a webhook at a URL of this kind is remembered, or was perhaps created.
    pub(crate) fn may_have(&self, kind: UrlKind) -> bool {
        let created = self.creating.values().map(|mark| &mark.webhook);
        self.webhooks.values().chain(created).any(|webhook| webhook.url_kind == kind)
    }

    /// Marks the URL of a webhook that is about to be created.
    pub(crate) fn mark_creation(&mut self, url: &str, webhook: RememberedWebhook, now: SystemTime) {
        self.creating.insert(url.to_owned(), CreationMark { webhook, at: seconds(now) });
    }

    /// Forgets the mark of a URL: the webhook is known, or the Hub has rejected its creation.
    pub(crate) fn end_creation(&mut self, url: &str) {
        self.creating.remove(url);
    }

    /// Remembers the webhooks that were created without a confirmation. Of several at one URL, it is not known which
    /// one that is.
    pub(crate) fn claim_created(&mut self, account: &[Webhook], now: SystemTime) {
        let now = seconds(now);
        for (url, mark) in std::mem::take(&mut self.creating) {
            let is_created = |webhook: &&Webhook| {
                webhook.url.as_ref() == Some(&url) && self.get(&webhook.id).is_none()
            };
            let created: Vec<_> = account.iter().filter(is_created).collect();
            match created[..] {
                [webhook] => self.insert(&webhook.id, mark.webhook),
                [] if now.saturating_sub(mark.at) < MARK_LIMIT.as_secs() => {
                    self.creating.insert(url, mark);
                }
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use serde_json::json;

    use super::*;
    use crate::registration::remembered::SentSecret;
    use crate::state::MemoryState;

    const URL: &str = "https://x.example/webhooks/x";

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(1_800_000_000 + seconds)
    }

    fn webhook(id: &str, url: &str) -> Webhook {
        serde_json::from_value(json!({ "id": id, "url": url, "disabled": false })).unwrap()
    }

    fn marked() -> RememberedWebhooks {
        let mut all = RememberedWebhooks::default();
        let (path, kind) = ("/webhooks/x", UrlKind::Tunnel);
        let new = RememberedWebhook::before_creation(URL, path, kind, Some("hush"));
        all.mark_creation(URL, new, at(0));
        all
    }

    #[tokio::test]
    async fn a_webhook_that_was_created_without_a_confirmation_is_remembered_once() {
        let state = MemoryState::default();
        RememberedWebhooks::change(&state, |all| *all = marked()).await.unwrap();
        let account = [webhook("1", "https://x.example/webhooks/y"), webhook("2", URL)];
        let loaded = RememberedWebhooks::load_with_created(&state, &account, at(1)).await.unwrap();
        assert_eq!(loaded.iter().map(|(id, _)| id).collect::<Vec<_>>(), ["2"]);
        let created = loaded.get("2").unwrap();
        assert_eq!((&*created.path, created.url_kind), ("/webhooks/x", UrlKind::Tunnel));
        assert_eq!(created.compare("2", "hush"), SentSecret::Same);
        assert_eq!(created.compare("2", "quiet"), SentSecret::Different);
        assert_eq!(RememberedWebhooks::load(&state).await.unwrap(), loaded);

        // A person's webhook at the same URL, after the mark.
        let account = [webhook("2", URL), webhook("3", URL)];
        let again = RememberedWebhooks::load_with_created(&state, &account, at(2)).await.unwrap();
        assert_eq!(again, loaded);
    }

    #[test]
    fn a_webhook_at_another_url_or_one_of_several_is_not_remembered() {
        for account in [
            vec![],
            vec![webhook("1", "https://x.example/webhooks/x?secret=hush")],
            vec![webhook("1", URL), webhook("2", URL)],
        ] {
            let mut all = marked();
            all.claim_created(&account, at(1));
            assert!(all.iter().next().is_none(), "{account:?}");
        }
    }

    #[test]
    fn a_mark_ends_with_its_creation_or_after_some_minutes_without_a_webhook() {
        let is_claimed = |mut all: RememberedWebhooks| {
            all.claim_created(&[webhook("1", URL)], at(700));
            all.get("1").is_some()
        };
        let mut all = marked();
        all.claim_created(&[], at(500));
        assert!(is_claimed(all));
        let mut all = marked();
        all.claim_created(&[], at(600));
        assert!(!is_claimed(all));
        let mut all = marked();
        all.end_creation(URL);
        assert!(!is_claimed(all));
    }
}
