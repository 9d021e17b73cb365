//! What a server has for the viewers of its page: the token that authorizes them, and the notice that the
//! server stops.

use tokio::sync::watch;

#[cfg(feature = "page")]
use super::banner;
#[cfg(feature = "page")]
use super::page::Token;
use crate::addresses::Addresses;

/// What a server has for those who look at its page.
#[derive(Clone, Debug)]
pub(super) struct Visitors {
    /// The token that authorizes viewers, if the page has something for them.
    #[cfg(feature = "page")]
    pub(super) token: Option<Token>,
    /// Whether the page shows deliveries.
    #[cfg(feature = "page")]
    has_activity: bool,
    stopping: watch::Sender<bool>,
}

impl Visitors {
    #[cfg(feature = "page")]
    pub(super) fn new(token: Option<Token>, has_activity: bool) -> Self {
        Self { token, has_activity, stopping: watch::Sender::new(false) }
    }

    #[cfg(not(feature = "page"))]
    pub(super) fn new() -> Self {
        Self { stopping: watch::Sender::new(false) }
    }

    /// Changes when the server is told to stop.
    #[cfg(feature = "page")]
    pub(super) fn stopping(&self) -> watch::Receiver<bool> {
        self.stopping.subscribe()
    }

    /// Sends away those who follow the page, who would stay for as long as they are served.
    pub(super) fn dismiss(&self) {
        self.stopping.send_replace(true);
    }

    /// The URL of the page with the token in it.
    #[cfg(feature = "page")]
    pub(super) fn activity_url(&self, addresses: &Addresses) -> Option<String> {
        let base = addresses.best();
        self.token.as_ref().map(|token| format!("{base}/?token={}", token.as_str()))
    }

    /// How a person opens the page, on a terminal or elsewhere.
    #[cfg(feature = "page")]
    pub(super) fn banner(&self, addresses: &Addresses, terminal: bool) -> Option<String> {
        let token = self.token.as_ref()?;
        Some(banner::page(&addresses.best(), token, self.has_activity, terminal))
    }

    /// Without the page nothing is said of it.
    #[cfg(not(feature = "page"))]
    pub(super) fn banner(&self, _: &Addresses, _: bool) -> Option<String> {
        None
    }
}
