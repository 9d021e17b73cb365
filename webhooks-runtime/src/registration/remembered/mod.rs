//! Remembers the webhooks that this program has registered, so that it finds them when its public URL changes, and its
//! last public URL, so that a command finds it.
//!
//! - `creation` remembers webhooks whose creation the Hub has not confirmed.
//! - `webhook` is what is remembered of one webhook, with its secret as a `secret_hash`.
//! - `server_url` is the last public URL.
//! - `import` takes over what a program remembered before it had a store.

mod creation;
mod import;
mod secret_hash;
mod server_url;
#[cfg(test)]
mod tests;
mod webhook;

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use self::creation::CreationMark;
pub(crate) use self::import::import;
pub(crate) use self::server_url::{ServerUrl, UrlKind};
pub(crate) use self::webhook::{PauseMark, RememberedWebhook, SentSecret};
use crate::state::{SharedState, StateError};

/// The key of the value.
const WEBHOOKS: &str = "registration.webhooks";

/// The version of its format. A program changes no value of another version: it would lose what it does not know.
const VERSION: u32 = 1;

/// The lease of the process that changes what is remembered: two servers and a command can do so at the same time.
const CHANGE: &str = "registration.change";
const CHANGE_LEASE: Duration = Duration::from_secs(5);

/// How long to wait for another process that changes it, and the pause between two attempts.
const CHANGE_LIMIT: Duration = Duration::from_secs(6);
const CHANGE_PAUSE: Duration = Duration::from_millis(20);

/// How often a suspended webhook is enabled without a person in [`DAY`].
const MAX_ENABLED: usize = 3;
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The webhooks that this program has registered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RememberedWebhooks {
    #[serde(default)]
    version: FormatVersion,
    /// By their ids.
    webhooks: BTreeMap<String, RememberedWebhook>,
    /// When a suspended webhook was enabled without a person, in seconds of Unix time. By ids, also of webhooks that
    /// only their URL makes ours.
    #[serde(default)]
    enabled_at: BTreeMap<String, Vec<u64>>,
    /// The webhooks that the Hub was asked to create, without its confirmation, by their URLs.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    creating: BTreeMap<String, CreationMark>,
}

/// The version of the format, which is always [`VERSION`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
struct FormatVersion;

impl TryFrom<u32> for FormatVersion {
    type Error = String;

    fn try_from(version: u32) -> Result<Self, String> {
        if version == VERSION { Ok(Self) } else { Err(format!("its version is {version}")) }
    }
}

impl From<FormatVersion> for u32 {
    fn from(_: FormatVersion) -> Self {
        VERSION
    }
}

impl RememberedWebhooks {
    /// Loads the webhooks of the program.
    ///
    /// # Errors
    ///
    /// When they cannot be read. A text that this version does not understand does not count as nothing: the program
    /// would register all its webhooks again, and forget which ones it has disabled itself.
    pub(crate) async fn load(state: &dyn SharedState) -> Result<Self, StateError> {
        let Some(text) = state.get(WEBHOOKS).await? else {
            return Ok(Self::default());
        };
        let unreadable = |error: serde_json::Error| StateError::Unreadable {
            key: WEBHOOKS,
            reason: error.to_string(),
        };
        serde_json::from_str(&text).map_err(unreadable)
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
    pub(crate) fn set_pause(&mut self, id: &str, mark: PauseMark) {
        if let Some(webhook) = self.webhooks.get_mut(id) {
            webhook.set_pause(mark);
        }
    }

    /// Returns whether a suspended webhook may be enabled without a person.
    pub(crate) fn may_enable(&self, id: &str, now: SystemTime) -> bool {
        self.enabled_within_a_day(id, now).count() < MAX_ENABLED
    }

    /// Notes that a suspended webhook is enabled without a person.
    pub(crate) fn note_enabled(&mut self, id: &str, now: SystemTime) {
        let recent = self.enabled_within_a_day(id, now).chain([seconds(now)]).collect();
        self.enabled_at.insert(id.to_owned(), recent);
    }

    /// Takes back a note that a suspended webhook was enabled at this time: the Hub has refused it.
    pub(crate) fn take_back_enabled(&mut self, id: &str, at: SystemTime) {
        let Some(times) = self.enabled_at.get_mut(id) else { return };
        if let Some(index) = times.iter().rposition(|time| *time == seconds(at)) {
            times.remove(index);
        }
    }

    /// Notes that a person has enabled or disabled a webhook, which ends every decision of this program about that.
    pub(crate) fn note_person(&mut self, id: &str) {
        self.enabled_at.remove(id);
        self.set_pause(id, PauseMark::None);
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
