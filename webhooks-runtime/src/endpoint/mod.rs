//! One registered function: what it is called with, what it may return, and where it stands.
//!
//! `call` is what passes between the server and a function. `arg` and `reply` say which types a
//! function may take and return, `function` applies them to plain functions (`add_webhook`), the
//! attribute applies them to annotated ones. `needs` are the values that a function takes as `web::Data<T>`. `background` says the same of functions that run after their
//! request was answered, and `in_background` applies it; `work` is how a function is run. `takes` is what
//! the arguments make of a body, as `arg_takes` tells it of each, with `described` for its shape. `path`
//! and `registry` put them on their paths.

pub(crate) mod arg;
pub(crate) mod arg_takes;
pub(crate) mod background;
mod blocking;
pub(crate) mod call;
mod delivery;
pub(crate) mod described;
pub(crate) mod fault;
mod fields;
mod function;
pub(crate) mod in_background;
pub(crate) mod log;
pub(crate) mod needs;
pub(crate) mod panic;
mod path;
pub(crate) mod permanent;
pub(crate) mod registry;
pub(crate) mod reply;
pub(crate) mod takes;
mod work;

pub use arg::{EndpointArg, JsonArg};
pub use blocking::{BlockingArg, BlockingReply};
pub use delivery::Delivery;
pub use function::EndpointFn;
pub(crate) use function::{Caller, caller};
pub use path::{PathError, normalize};
pub use permanent::{MarkPermanent, Permanent};
pub use registry::Location;
pub use reply::{EndpointError, EndpointReply};

#[doc(hidden)]
pub use blocking::{defer, run};

use std::sync::Arc;

use background::Background;
use call::CallFn;
use needs::Needs;
pub(crate) use takes::Takes;
pub(crate) use work::Work;

/// An annotated function, as the attribute registers it.
///
/// It is a constant: a few texts and function pointers. [`WebhooksServer::new`] takes all of a
/// program's endpoints by itself; [`WebhooksServer::endpoint`] takes one of them by hand.
///
/// ```
/// use webhooks_runtime::{WebhookPayload, webhook_endpoint};
///
/// /// Starts a training run.
/// #[webhook_endpoint]
/// async fn trigger_training(payload: WebhookPayload) {}
///
/// let endpoint = trigger_training::endpoint();
/// assert_eq!(endpoint.path(), "/webhooks/trigger_training");
/// assert_eq!(endpoint.description(), "Starts a training run.");
/// ```
///
/// [`WebhooksServer::new`]: crate::WebhooksServer::new
/// [`WebhooksServer::endpoint`]: crate::WebhooksServer::endpoint
#[derive(Clone, Copy)]
pub struct Endpoint {
    path: &'static str,
    name: &'static str,
    description: &'static str,
    secret_env: Option<&'static str>,
    location: Location,
    takes: fn() -> Takes,
    runs: Runs,
}

/// How its function is run.
#[derive(Clone, Copy)]
enum Runs {
    Answering(CallFn, fn() -> Needs),
    InBackground(Background),
}

inventory::collect!(Endpoint);

impl Endpoint {
    /// For the attribute's expansion.
    #[doc(hidden)]
    #[must_use]
    pub const fn __new(
        path: &'static str,
        name: &'static str,
        description: &'static str,
        secret_env: Option<&'static str>,
        location: Location,
        takes: fn() -> Takes,
        answering: (CallFn, fn() -> Needs),
    ) -> Self {
        let runs = Runs::Answering(answering.0, answering.1);
        Self { path, name, description, secret_env, location, takes, runs }
    }

    /// For the attribute's expansion.
    #[doc(hidden)]
    #[must_use]
    pub const fn __background(
        path: &'static str,
        name: &'static str,
        description: &'static str,
        secret_env: Option<&'static str>,
        location: Location,
        takes: fn() -> Takes,
        background: Background,
    ) -> Self {
        let runs = Runs::InBackground(background);
        Self { path, name, description, secret_env, location, takes, runs }
    }

    /// The path it is served at: `/webhooks/trigger_training`.
    ///
    /// ```
    /// # use webhooks_runtime::webhook_endpoint;
    /// #[webhook_endpoint("/deep/down")]
    /// async fn hello() {}
    ///
    /// assert_eq!(hello::endpoint().path(), "/webhooks/deep/down");
    /// ```
    #[must_use]
    pub const fn path(&self) -> &'static str {
        self.path
    }

    /// The function's name.
    ///
    /// ```
    /// # use webhooks_runtime::webhook_endpoint;
    /// #[webhook_endpoint("/deep/down")]
    /// async fn hello() {}
    ///
    /// assert_eq!(hello::endpoint().name(), "hello");
    /// ```
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// The function's doc comment, empty when it has none.
    ///
    /// ```
    /// # use webhooks_runtime::webhook_endpoint;
    /// /// Says hello.
    /// #[webhook_endpoint]
    /// async fn hello() {}
    ///
    /// assert_eq!(hello::endpoint().description(), "Says hello.");
    /// ```
    #[must_use]
    pub const fn description(&self) -> &'static str {
        self.description
    }

    /// The variable that holds this endpoint's own secret, from `secret_env = "…"`.
    ///
    /// ```
    /// # use webhooks_runtime::webhook_endpoint;
    /// #[webhook_endpoint(secret_env = "HELLO_SECRET")]
    /// async fn hello() {}
    ///
    /// assert_eq!(hello::endpoint().secret_env(), Some("HELLO_SECRET"));
    /// ```
    #[must_use]
    pub const fn secret_env(&self) -> Option<&'static str> {
        self.secret_env
    }

    /// Where the function is defined.
    ///
    /// ```
    /// # use webhooks_runtime::webhook_endpoint;
    /// #[webhook_endpoint]
    /// async fn hello() {}
    ///
    /// println!("{} is defined at {}", hello::PATH, hello::endpoint().location());
    /// ```
    #[must_use]
    pub const fn location(&self) -> Location {
        self.location
    }

    pub(crate) fn takes(&self) -> Takes {
        (self.takes)()
    }

    /// The data that the function takes from the app. A background function takes none from there.
    pub(crate) fn needs(&self) -> Needs {
        match self.runs {
            Runs::Answering(_, needs) => needs(),
            Runs::InBackground(_) => Needs::new(),
        }
    }

    pub(crate) fn work(&self) -> Work {
        match self.runs {
            Runs::Answering(call, _) => Work::Inline(Arc::new(call)),
            Runs::InBackground(background) => Work::Background(background),
        }
    }
}

impl std::fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Endpoint")
            .field("path", &self.path)
            .field("name", &self.name)
            .field("location", &self.location)
            .finish_non_exhaustive()
    }
}
