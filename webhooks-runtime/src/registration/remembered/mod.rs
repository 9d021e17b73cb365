//! Remembers the webhooks that this program has registered, so that it finds them when its public URL changes, and its
//! last public URL, so that a command finds it.

mod import;
mod secret_hash;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep};
use uuid::Uuid;

pub(crate) use self::import::import;
use self::secret_hash::SecretHash;
use crate::config::addresses::PublicUrl;
use crate::state::{SharedState, StateError};

/// The keys of the values.
const WEBHOOKS: &str = "registration.webhooks";
const PUBLIC_URL: &str = "registration.public_url";

/// The lease of the process that changes what is remembered: two servers and a command can do so at the same time.
const CHANGE: &str = "registration.change";
const CHANGE_LEASE: Duration = Duration::from_secs(5);

/// How long to wait for another process that changes it, and the pause between two attempts.
const CHANGE_LIMIT: Duration = Duration::from_secs(6);
const CHANGE_PAUSE: Duration = Duration::from_millis(20);

/// How often a suspended webhook is enabled without a person in [`DAY`].
const MAX_ENABLED: usize = 3;
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The kind of a public URL. A program has a webhook of each kind, so that a share link on a laptop and a deployed
/// server do not take each other's webhook, even if they share a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum UrlKind {
    /// The URL of a tunnel, which works only while the program runs.
    Tunnel,
    /// A URL that a proxy or a Space provides.
    Fixed,
}

/// The webhooks that this program has registered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RememberedWebhooks {
    /// By their ids.
    #[serde(default)]
    webhooks: BTreeMap<String, RememberedWebhook>,
    /// When a suspended webhook was enabled without a person, in seconds of Unix time. By ids, also of webhooks that
    /// only their URL makes ours.
    #[serde(default)]
    enabled_at: BTreeMap<String, Vec<u64>>,
}

/// A webhook that this program has registered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RememberedWebhook {
    /// The path of its endpoint.
    pub(crate) path: String,
    pub(crate) url_kind: UrlKind,
    /// The hash of the secret that was last sent; `None` if none was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    secret: Option<SecretHash>,
    /// Whether this program has disabled it, because its server was stopped.
    #[serde(default)]
    pub(crate) paused: bool,
}

/// Whether a secret is the one that was last sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SentSecret {
    Same,
    Different,
    /// None was sent, as far as is known.
    Unknown,
}

impl RememberedWebhook {
    /// Returns what to remember of a webhook with this id, to which this secret was sent.
    pub(crate) fn new(id: &str, path: &str, url_kind: UrlKind, secret: Option<&str>) -> Self {
        let secret = secret.map(|secret| SecretHash::of(id, secret));
        Self { path: path.to_owned(), url_kind, secret, paused: false }
    }

    /// Returns whether this secret is the one that was last sent to the webhook with this id.
    pub(crate) fn compare(&self, id: &str, secret: &str) -> SentSecret {
        match &self.secret {
            None => SentSecret::Unknown,
            Some(hash) if hash.is_of(id, secret) => SentSecret::Same,
            Some(_) => SentSecret::Different,
        }
    }
}

impl RememberedWebhooks {
    /// Loads the webhooks of the program.
    ///
    /// # Errors
    ///
    /// When they cannot be read. A text that this version does not understand counts as nothing.
    pub(crate) async fn load(state: &dyn SharedState) -> Result<Self, StateError> {
        let text = state.get(WEBHOOKS).await?;
        Ok(text.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default())
    }

    /// Changes what is remembered.
    ///
    /// # Errors
    ///
    /// When it cannot be read or stored.
    pub(crate) async fn change(
        state: &dyn SharedState,
        change: impl FnOnce(&mut Self),
    ) -> Result<(), StateError> {
        let holder = Uuid::new_v4();
        let started = Instant::now();
        // Without the lease after all, rather than not at all.
        while !state.lease(CHANGE, holder, CHANGE_LEASE).await? && started.elapsed() < CHANGE_LIMIT
        {
            sleep(CHANGE_PAUSE).await;
        }
        let changed = Self::change_alone(state, change).await;
        // Otherwise the lease ends by itself.
        let _ = state.release(CHANGE, holder).await;
        changed
    }

    async fn change_alone(
        state: &dyn SharedState,
        change: impl FnOnce(&mut Self),
    ) -> Result<(), StateError> {
        // Read again, because a command or another server may have changed it meanwhile.
        let before = Self::load(state).await?;
        let mut after = before.clone();
        change(&mut after);
        if after == before {
            return Ok(());
        }
        // Texts and numbers always become JSON.
        let text = serde_json::to_string(&after).unwrap_or_default();
        state.set(WEBHOOKS, &text, None).await
    }

    /// Returns what is remembered of the webhook with this id.
    pub(crate) fn get(&self, id: &str) -> Option<&RememberedWebhook> {
        self.webhooks.get(id)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &RememberedWebhook)> {
        self.webhooks.iter().map(|(id, webhook)| (id.as_str(), webhook))
    }

    /// Remembers a webhook, in place of what is remembered of it.
    pub(crate) fn insert(&mut self, id: &str, webhook: RememberedWebhook) {
        self.webhooks.insert(id.to_owned(), webhook);
    }

    /// Forgets a webhook.
    pub(crate) fn remove(&mut self, id: &str) {
        self.webhooks.remove(id);
        self.enabled_at.remove(id);
    }

    /// Remembers whether this program has disabled the webhook.
    pub(crate) fn set_paused(&mut self, id: &str, paused: bool) {
        if let Some(webhook) = self.webhooks.get_mut(id) {
            webhook.paused = paused;
        }
    }

    /// Returns whether a suspended webhook may be enabled without a person.
    pub(crate) fn may_enable(&self, id: &str, now: SystemTime) -> bool {
        self.enabled_within_a_day(id, now).count() < MAX_ENABLED
    }

    /// Notes that a suspended webhook was enabled without a person.
    pub(crate) fn note_enabled(&mut self, id: &str, now: SystemTime) {
        let recent = self.enabled_within_a_day(id, now).chain([seconds(now)]).collect();
        self.enabled_at.insert(id.to_owned(), recent);
    }

    /// Notes that a person has enabled or disabled a webhook, which ends every decision of this program about that.
    pub(crate) fn note_person(&mut self, id: &str) {
        self.enabled_at.remove(id);
        self.set_paused(id, false);
    }

    fn enabled_within_a_day(&self, id: &str, now: SystemTime) -> impl Iterator<Item = u64> {
        let now = seconds(now);
        let is_recent = move |at: &u64| now.saturating_sub(*at) < DAY.as_secs();
        self.enabled_at.get(id).into_iter().flatten().copied().filter(is_recent)
    }
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// The public URL of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ServerUrl {
    pub(crate) url: PublicUrl,
    pub(crate) kind: UrlKind,
}

#[derive(Serialize, Deserialize)]
struct UrlJson {
    url: String,
    kind: UrlKind,
}

impl ServerUrl {
    /// Loads the last public URL; `None` if no server has had one.
    ///
    /// # Errors
    ///
    /// When it cannot be read.
    pub(crate) async fn load(state: &dyn SharedState) -> Result<Option<Self>, StateError> {
        let text = state.get(PUBLIC_URL).await?;
        let json = text.and_then(|text| serde_json::from_str::<UrlJson>(&text).ok());
        Ok(json.and_then(|UrlJson { url, kind }| {
            Some(Self { url: PublicUrl::parse(&url).ok()?, kind })
        }))
    }

    /// Remembers this public URL.
    ///
    /// # Errors
    ///
    /// When it cannot be stored.
    pub(crate) async fn save(&self, state: &dyn SharedState) -> Result<(), StateError> {
        let json = UrlJson { url: self.url.as_str().to_owned(), kind: self.kind };
        let text = serde_json::to_string(&json).unwrap_or_default();
        state.set(PUBLIC_URL, &text, None).await
    }
}
