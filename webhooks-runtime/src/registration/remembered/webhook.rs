//! Defines what is remembered of one webhook.

use serde::{Deserialize, Serialize};

use super::secret_hash::SecretHash;
use super::server_url::UrlKind;

/// A webhook that this program has registered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RememberedWebhook {
    /// The path of its endpoint.
    pub(crate) path: String,
    pub(crate) url_kind: UrlKind,
    /// The hash of the secret that was last sent; `None` if none was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    secret: Option<SecretHash>,
    /// What the hash is made for, unless it is the id: when the secret was sent, the webhook had none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    hashed_for: Option<String>,
    /// Whether this program has disabled it, because its server was stopped.
    #[serde(default)]
    paused: bool,
    /// Whether this program was about to disable it, and no response of the Hub is noted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pausing: bool,
}

/// What this program has done with a webhook because its server was stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PauseMark {
    /// Nothing.
    None,
    /// It was about to disable it. It is not known whether the Hub has done so.
    Asked,
    /// It has disabled it, which the Hub has confirmed.
    Confirmed,
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
    /// Returns what to remember of a webhook with this id, to which this secret was sent. It takes some milliseconds.
    pub(crate) fn new(id: &str, path: &str, url_kind: UrlKind, secret: Option<&str>) -> Self {
        let secret = secret.map(|secret| SecretHash::of(id, secret));
        Self {
            path: path.to_owned(),
            url_kind,
            secret,
            hashed_for: None,
            paused: false,
            pausing: false,
        }
    }

    /// Returns what to remember of a webhook that is about to be created at this URL. It takes some milliseconds.
    pub(crate) fn before_creation(
        url: &str,
        path: &str,
        url_kind: UrlKind,
        secret: Option<&str>,
    ) -> Self {
        Self { hashed_for: Some(url.to_owned()), ..Self::new(url, path, url_kind, secret) }
    }

    /// Takes over what is not known of it otherwise: whether this program has disabled it, and the secret, if none was
    /// sent since.
    pub(crate) fn keep(&mut self, before: &Self) {
        self.set_pause(before.pause());
        if self.secret.is_none() {
            self.secret.clone_from(&before.secret);
            self.hashed_for.clone_from(&before.hashed_for);
        }
    }

    /// Returns whether this secret is the one that was last sent to the webhook with this id. It takes some
    /// milliseconds.
    pub(crate) fn compare(&self, id: &str, secret: &str) -> SentSecret {
        let id = self.hashed_for.as_deref().unwrap_or(id);
        match &self.secret {
            None => SentSecret::Unknown,
            Some(hash) if hash.is_of(id, secret) => SentSecret::Same,
            Some(_) => SentSecret::Different,
        }
    }

    pub(crate) fn pause(&self) -> PauseMark {
        match (self.paused, self.pausing) {
            (true, _) => PauseMark::Confirmed,
            (false, true) => PauseMark::Asked,
            (false, false) => PauseMark::None,
        }
    }

    pub(super) fn set_pause(&mut self, mark: PauseMark) {
        self.paused = mark == PauseMark::Confirmed;
        self.pausing = mark == PauseMark::Asked;
    }
}
