//! Those who look at the page: what opens the deliveries to them, and the word that the server stops.

use tokio::sync::watch;

#[cfg(feature = "page")]
use super::page::Token;
use crate::addresses::Addresses;

/// What a server has for those who look at its page.
#[derive(Clone, Debug)]
pub(super) struct Visitors {
    /// The token that opens the deliveries, if any are kept.
    #[cfg(feature = "page")]
    pub(super) token: Option<Token>,
    stopping: watch::Sender<bool>,
}

impl Visitors {
    pub(super) fn new(#[cfg(feature = "page")] token: Option<Token>) -> Self {
        Self {
            #[cfg(feature = "page")]
            token,
            stopping: watch::Sender::new(false),
        }
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

    /// The address of the page with the token in it.
    #[cfg(feature = "page")]
    pub(super) fn activity_url(&self, addresses: &Addresses) -> Option<String> {
        let base = addresses.best();
        self.token.as_ref().map(|token| format!("{base}/?token={}", token.as_str()))
    }

    /// Without the page there is none.
    #[cfg(not(feature = "page"))]
    pub(super) fn activity_url(&self, _: &Addresses) -> Option<String> {
        None
    }
}
