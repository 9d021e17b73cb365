//! The client of the Hub's API.

use std::fmt;
use std::future::Future;
use std::sync::{Arc, PoisonError, RwLock};

use tokio::runtime::{Builder, Handle};
use tokio::sync::OnceCell;

use super::access::HubAccess;
use super::account::Account;
use super::address::HubAddress;
use super::commit_log::CommitLog;
use super::error::HubError;
use super::request::HubRequest;
use super::transport::{Transport, on_this_thread};
use crate::config::environment::Environment;

/// The call that returns the account.
const WHOAMI: &str = "/api/whoami-v2";

/// A client of the Hub's API, with the token of one account.
///
/// The calls are async functions whose blocking work runs on tokio's blocking thread pool. They need no `Hub` of
/// their own: a clone is cheap, and shares the connection. The [module](crate::hub) lists the calls.
///
/// The token goes to the Hub's origin only, and is in no text. `Debug` shows the Hub's address.
///
/// ```
/// # use webhooks_runtime::serde_json::json;
/// use webhooks_runtime::testing::{HubStub, comment_created};
/// use webhooks_runtime::{Hub, HubError, WebhookPayload};
///
/// /// Answers each comment that says hello.
/// async fn greet(hub: &Hub, payload: &WebhookPayload) -> Result<(), HubError> {
///     if let Some(comment) = payload.new_comment() {
///         if comment.content.contains("hello") {
///             hub.reply(payload, "Hello! How can I help?").await?;
///         }
///     }
///     Ok(())
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), HubError> {
/// let stub = HubStub::new();
/// let payload = comment_created().repo("me/tiny").number(7).text("hello bot").into();
/// # let data = json!({ "latest": { "raw": "Hello! How can I help?" } });
/// # let comment = json!({ "newMessage": { "id": "c1", "type": "comment", "data": data } });
/// stub.on("POST", "/api/models/me/tiny/discussions/7/comment").respond(comment);
///
/// greet(&stub.hub(), &payload).await?;
/// assert_eq!(stub.calls()[0].body["comment"], "Hello! How can I help?");
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Hub {
    pub(super) access: Arc<HubAccess>,
    shared: Arc<Shared>,
}

/// What the clones of a client share.
#[derive(Default)]
struct Shared {
    account: OnceCell<Account>,
    commit_log: RwLock<Option<Arc<dyn CommitLog>>>,
}

impl Hub {
    /// Creates a client with the token and the address of the environment.
    ///
    /// The token is `HF_TOKEN`, or else in the file where `hf auth login` puts it: `HF_TOKEN_PATH`, or else `token` in
    /// `HF_HOME`, by default in `~/.cache/huggingface`. The address is `HF_ENDPOINT`, by default
    /// `https://huggingface.co`.
    ///
    /// ```no_run
    /// use webhooks_runtime::{Hub, HubError};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), HubError> {
    /// let hub = Hub::from_env()?;
    /// println!("This token belongs to {}.", hub.whoami().await?.name);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error when there is no token, or when a variable or the file is invalid.
    pub fn from_env() -> Result<Self, HubError> {
        Self::from_environment(&Environment::default())
    }

    /// Creates a client for programs that get the address and the token from elsewhere.
    ///
    /// ```
    /// use webhooks_runtime::Hub;
    ///
    /// let hub = Hub::new("https://huggingface.co", "hf_from_a_vault")?;
    /// assert_eq!(format!("{hub:?}"), r#"Hub { address: "https://huggingface.co", .. }"#);
    ///
    /// let error = Hub::new("huggingface.co", "hf_from_a_vault").unwrap_err();
    /// assert!(error.to_string().starts_with("the Hub's address must be the URL of the Hub"));
    /// # Ok::<(), webhooks_runtime::HubError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error when the address is not a URL, and when the token contains characters that no token has.
    pub fn new(address: &str, token: &str) -> Result<Self, HubError> {
        HubAccess::new(address, token).map(Self::with_access)
    }

    /// Creates a client with the token and the address of an environment.
    pub(crate) fn from_environment(environment: &Environment) -> Result<Self, HubError> {
        HubAccess::from_environment(environment).map(Self::with_access)
    }

    /// Returns the Hub's address in an environment, without a slash at its end. It needs no token.
    pub(crate) fn address_in(environment: &Environment) -> Result<String, HubError> {
        Ok(HubAddress::from_environment(environment)?.as_str().to_owned())
    }

    /// Creates a client of a stand-in inside the program.
    pub(crate) fn with_transport(transport: Box<dyn Transport>) -> Result<Self, HubError> {
        HubAccess::with_transport(transport).map(Self::with_access)
    }

    fn with_access(access: HubAccess) -> Self {
        Self { access: Arc::new(access), shared: Arc::default() }
    }

    /// Returns the Hub's address, without a slash at its end.
    ///
    /// ```
    /// use webhooks_runtime::Hub;
    ///
    /// let hub = Hub::new("https://huggingface.co/", "hf_from_a_vault")?;
    /// assert_eq!(hub.address(), "https://huggingface.co");
    /// # Ok::<(), webhooks_runtime::HubError>(())
    /// ```
    #[must_use]
    pub fn address(&self) -> &str {
        self.access.address()
    }

    /// Returns the account of the token.
    ///
    /// The Hub limits this request strictly, so the first success is remembered.
    ///
    /// ```
    /// use webhooks_runtime::testing::HubStub;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), webhooks_runtime::HubError> {
    /// let stub = HubStub::new();
    /// let hub = stub.hub();
    /// assert_eq!(hub.whoami().await?.name, "bot");
    /// assert_eq!(hub.whoami().await?.id, HubStub::ACCOUNT_ID);
    /// assert_eq!(stub.calls().len(), 1);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error when the call fails, for example because the token is invalid.
    pub async fn whoami(&self) -> Result<Account, HubError> {
        self.account(self.get(WHOAMI)).await
    }

    /// Returns the account of the token, for the server itself.
    pub(crate) async fn whoami_by_server(&self) -> Result<Account, HubError> {
        self.account(self.get(WHOAMI).by_server()).await
    }

    async fn account(&self, request: HubRequest) -> Result<Account, HubError> {
        self.shared.account.get_or_try_init(|| request.fetch()).await.cloned()
    }

    /// Starts a request for which this client has no method: the way out.
    ///
    /// `path` is sent as it is, so it must be percent-encoded. The request has the token, the retries and the errors of
    /// every other call.
    ///
    /// ```
    /// use webhooks_runtime::serde_json::json;
    /// use webhooks_runtime::testing::HubStub;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), webhooks_runtime::HubError> {
    /// let stub = HubStub::new();
    /// stub.on("POST", "/api/repos/move").respond(json!({}));
    /// let hub = stub.hub();
    ///
    /// let body = json!({ "fromRepo": "me/tiny", "toRepo": "me/small", "type": "model" });
    /// hub.request("POST", "/api/repos/move").json(&body).send().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn request(&self, method: &str, path: &str) -> HubRequest {
        HubRequest::new(&self.access, method, path)
    }

    /// Runs a call to its end, for a `fn` that is not async. It blocks the thread.
    ///
    /// ```
    /// use webhooks_runtime::testing::HubStub;
    ///
    /// let hub = HubStub::new().hub();
    /// let account = hub.block_on(hub.whoami())?;
    /// assert_eq!(account.name, "bot");
    /// # Ok::<(), webhooks_runtime::HubError>(())
    /// ```
    ///
    /// # Panics
    ///
    /// In async code, which must `.await` the call instead.
    pub fn block_on<F: Future>(&self, call: F) -> F::Output {
        let call = on_this_thread(call);
        if let Ok(runtime) = Handle::try_current() {
            return runtime.block_on(call);
        }
        #[allow(
            clippy::expect_used,
            reason = "a system without resources for it can do nothing else"
        )]
        let runtime = Builder::new_current_thread()
            .enable_time()
            .build()
            .expect("the system can create a runtime");
        runtime.block_on(call)
    }

    /// Installs the log of this program's commits, in place of the one before.
    pub(crate) fn set_commit_log(&self, log: Arc<dyn CommitLog>) {
        *self.shared.commit_log.write().unwrap_or_else(PoisonError::into_inner) = Some(log);
    }

    pub(super) fn commit_log(&self) -> Option<Arc<dyn CommitLog>> {
        self.shared.commit_log.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn get(&self, path: &str) -> HubRequest {
        self.request("GET", path)
    }

    pub(super) fn post(&self, path: &str) -> HubRequest {
        self.request("POST", path)
    }

    pub(super) fn delete(&self, path: &str) -> HubRequest {
        self.request("DELETE", path)
    }
}

impl fmt::Debug for Hub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hub").field("address", &self.address()).finish_non_exhaustive()
    }
}
