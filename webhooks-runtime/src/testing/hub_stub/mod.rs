//! A stand-in for the Hub: it gives prepared responses, and records the calls.

mod call;
mod prepared;
#[cfg(test)]
mod tests;
mod transport;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub use self::call::HubCall;
use self::prepared::PreparedCalls;
pub use self::prepared::StubbedCall;
use self::transport::StubTransport;
use super::request::fail;
use crate::hub::Hub;

/// A stand-in for the Hub, to test a bot without a network.
///
/// [`on`](Self::on) prepares the response to a call, [`hub`](Self::hub) returns a client, and [`calls`](Self::calls)
/// lists the calls that the bot made. `whoami` has a response from the start: the account is called `bot`. A call
/// without a prepared response fails, with the line to add as the error.
///
/// Clones share the responses and the calls.
///
/// ```
/// use webhooks_runtime::serde_json::json;
/// use webhooks_runtime::testing::HubStub;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), webhooks_runtime::HubError> {
/// let stub = HubStub::new();
/// stub.on("GET", "/datasets/me/data/resolve/main/README.md").text("# Data");
///
/// let readme = stub.hub().file_text("dataset:me/data", "main", "README.md").await?;
/// assert_eq!(readme, "# Data");
///
/// let error = stub.hub().refs("dataset:me/data").await.unwrap_err();
/// let line = r#"stub.on("GET", "/api/datasets/me/data/refs").respond(json!({}))"#;
/// assert!(error.to_string().contains(line), "{error}");
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct HubStub {
    shared: Arc<StubState>,
    hub: Hub,
}

#[derive(Default)]
struct StubState {
    prepared: Mutex<PreparedCalls>,
    calls: Mutex<Vec<HubCall>>,
}

impl HubStub {
    /// The id of the account of [`hub`](Self::hub): the author of the bot's own comments.
    ///
    /// ```
    /// use webhooks_runtime::testing::{HubStub, comment_created};
    ///
    /// // A comment that an endpoint with a `Hub` skips.
    /// let own = comment_created().repo("me/tiny").text("hello").author(HubStub::ACCOUNT_ID);
    /// # let _ = own;
    /// ```
    pub const ACCOUNT_ID: &str = "65d0000000000000000000b0";

    /// Creates a stand-in that knows only its account.
    ///
    /// ```
    /// use webhooks_runtime::testing::HubStub;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), webhooks_runtime::HubError> {
    /// let account = HubStub::new().hub().whoami().await?;
    /// assert_eq!((account.name.as_str(), account.id.as_str()), ("bot", HubStub::ACCOUNT_ID));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Panics
    ///
    /// Never: its address and token are valid.
    #[must_use]
    pub fn new() -> Self {
        let shared = Arc::new(StubState::default());
        let Ok(hub) = Hub::with_transport(Box::new(StubTransport(Arc::clone(&shared)))) else {
            fail("the address and token of a stand-in are valid")
        };
        Self { shared, hub }
    }

    /// Returns a client whose calls go to this stand-in. It never waits before a retry.
    ///
    /// ```
    /// use webhooks_runtime::testing::HubStub;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), webhooks_runtime::HubError> {
    /// let stub = HubStub::new();
    /// stub.on("POST", "/api/spaces/me/bot/pause").error(429, "Busy").text(r#"{"stage":"PAUSED"}"#);
    ///
    /// assert_eq!(stub.hub().pause_space("space:me/bot").await?.stage, "PAUSED");
    /// assert_eq!(stub.calls().len(), 2);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn hub(&self) -> Hub {
        self.hub.clone()
    }

    /// Prepares responses to a call.
    ///
    /// `path` may be percent-encoded or not, and has no query: a response is for every query. Several responses are
    /// given in their order, and the last one again and again. Preparing a call a second time adds to its responses.
    ///
    /// ```
    /// use webhooks_runtime::serde_json::json;
    /// use webhooks_runtime::testing::HubStub;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), webhooks_runtime::HubError> {
    /// let stub = HubStub::new();
    /// let runtime = |stage| json!({ "stage": stage });
    /// stub.on("GET", "/api/spaces/me/bot/runtime").respond(runtime("BUILDING")).respond(runtime("RUNNING"));
    ///
    /// let hub = stub.hub();
    /// for expected in ["BUILDING", "RUNNING", "RUNNING"] {
    ///     assert_eq!(hub.space_runtime("space:me/bot").await?.stage, expected);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn on(&self, method: &str, path: &str) -> StubbedCall<'_> {
        StubbedCall::new(&self.shared.prepared, method, path)
    }

    /// Returns the calls that your code has made until now, in their order.
    ///
    /// The calls that the server makes by itself are not among them: it asks for the account and the commit of a merge,
    /// to skip the bot's own events, and for the changed files of `paths`. `on` prepares responses to these, too.
    ///
    /// ```
    /// use webhooks_runtime::serde_json::json;
    /// use webhooks_runtime::testing::HubStub;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), webhooks_runtime::HubError> {
    /// let stub = HubStub::new();
    /// stub.on("POST", "/api/models/me/tiny/discussions/7/title").respond(json!({}));
    /// stub.hub().rename_discussion("me/tiny", 7, "Which seed?").await?;
    ///
    /// let calls = stub.calls();
    /// assert_eq!(calls.len(), 1);
    /// assert_eq!(calls[0].to_string(), "POST /api/models/me/tiny/discussions/7/title");
    /// assert_eq!(calls[0].body["title"], "Which seed?");
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn calls(&self) -> Vec<HubCall> {
        lock(&self.shared.calls).clone()
    }
}

impl Default for HubStub {
    fn default() -> Self {
        Self::new()
    }
}

/// Shows the calls.
impl fmt::Debug for HubStub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HubStub").field("calls", &self.calls()).finish_non_exhaustive()
    }
}

/// Locks state that no panic leaves half changed.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
