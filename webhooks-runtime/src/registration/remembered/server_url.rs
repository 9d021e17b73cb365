//! Remembers the last public URL of a server, so that a command finds it.

use serde::{Deserialize, Serialize};

use crate::config::addresses::PublicUrl;
use crate::state::{SharedState, StateError};

/// The key of the value.
pub(super) const PUBLIC_URL: &str = "registration.public_url";

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
    /// Loads the last public URL; `None` if no server has had one, or this version does not understand it: the next
    /// server stores its own.
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
