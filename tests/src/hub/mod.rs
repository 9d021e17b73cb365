//! A Hub for tests: a server with accounts, repos, discussions, webhooks, Spaces and Jobs.
//!
//! It is strict. A request with another method, path, query, header or body than the Hub documents gets an error
//! response and is a fault, which [`TestHub::assert_no_faults`] reports. The requests that the Python client sends, recorded
//! by `tests/hub/record.py`, are none.
//!
//! Its webhooks deliver to servers on this machine. Where the Hub does not document a number, such as how many failures
//! suspend a webhook, this one has a small one, which a test can set.
//!
//! - `state` is everything the Hub knows, with `account`, `repo/`, `webhook` and `job`.
//! - `action` is what changes it, `event` the deliveries that follow, `delivery` sends them.
//! - `server/` reads requests and writes responses, `calls/` is what each call does.
//! - `arrange`, `build`, `observe` and `trouble` are for tests.

mod account;
mod action;
mod arrange;
mod build;
mod calls;
mod delivery;
mod event;
mod job;
mod log;
mod observe;
mod repo;
mod server;
mod state;
mod trouble;
mod webhook;

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

pub use account::{Scope, TestAccount};
pub use delivery::DeliveryPolicy;
pub use job::TestJob;
pub use log::ReceivedRequest;
pub use observe::{TestComment, TestDiscussion};
pub use trouble::Trouble;
pub use webhook::{TestAttempt, TestDelivery, TestWebhook, TestWebhookState};

use crate::program::fail;
use server::Running;
use state::SharedHub;

/// The account that [`TestHub::token`] belongs to.
const ME: &str = "me";

/// A Hub with one account, `me`, and nothing else. It ends when it is dropped.
#[derive(Debug)]
pub struct TestHub {
    shared: Arc<SharedHub>,
    url: String,
    token: String,
    _running: Running,
}

impl TestHub {
    /// Starts one on free ports.
    ///
    /// # Panics
    ///
    /// When there are none.
    #[must_use]
    pub fn start() -> Self {
        let bound = || {
            let listener = TcpListener::bind("127.0.0.1:0")?;
            Ok((listener.local_addr()?, listener))
        };
        let started = bound().and_then(|api| Ok((api, bound()?)));
        let ((address, api), (files_address, files)) =
            started.unwrap_or_else(|error| cannot_start(&error));
        let url = format!("http://{address}");
        let shared = Arc::<SharedHub>::default();
        let token = shared.with(|state| {
            state.url.clone_from(&url);
            state.files_url = format!("http://{files_address}");
            state.account(ME).token
        });
        let running =
            server::start(&shared, api, files).unwrap_or_else(|error| cannot_start(&error));
        Self { shared, url, token, _running: running }
    }

    /// Returns its URL, for `HF_ENDPOINT`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Returns a token of `me` with all scopes.
    #[must_use]
    pub fn token(&self) -> &str {
        &self.token
    }

    /// Returns the variables for a program of `me`: `HF_ENDPOINT` and `HF_TOKEN`.
    #[must_use]
    pub fn variables(&self) -> [(&'static str, &str); 2] {
        [("HF_ENDPOINT", &self.url), ("HF_TOKEN", &self.token)]
    }

    /// Sets how persistent deliveries are.
    pub fn set_delivery_policy(&self, policy: DeliveryPolicy) {
        self.shared.with(|state| state.policy = policy);
    }

    /// Makes deliveries to this host, and to all below it, connect to an address of this machine without TLS. Without
    /// that, only URLs of this machine are reached.
    pub fn reach(&self, host: &str, address: SocketAddr) {
        self.shared.with(|state| state.reach(host, address));
    }
}

impl Drop for TestHub {
    fn drop(&mut self) {
        self.shared.with(|state| state.stopped = true);
    }
}

fn cannot_start<T>(error: &std::io::Error) -> T {
    fail(&format!("the tests' Hub doesn't start: {error}"))
}
