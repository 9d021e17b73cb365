//! Defines the errors of a server that cannot start.

use std::fmt;
use std::io;

use crate::config::error::SettingError;
use crate::config::secret::SecretError;
use crate::endpoint::{FilterError, Location, PathError};
use crate::jobs::StoreError;

/// The error of a server that did not start or stopped unexpectedly.
///
/// `Debug` prints the same text as `Display`, because Rust prints the error that `main` returns with `Debug`.
///
/// ```no_run
/// use std::process::ExitCode;
///
/// use webhooks_runtime::{LaunchError, WebhookPayload, WebhooksServer, webhook_endpoint};
///
/// #[webhook_endpoint]
/// async fn trigger_training(payload: WebhookPayload) {}
///
/// fn main() -> ExitCode {
///     match WebhooksServer::new().launch() {
///         Ok(()) => ExitCode::SUCCESS,
///         Err(LaunchError::Bind { host, ports, .. }) => {
///             eprintln!("Is another bot running at {host}:{ports}?");
///             ExitCode::from(3)
///         }
///         Err(error) => {
///             eprintln!("{error}");
///             ExitCode::FAILURE
///         }
///     }
/// }
/// ```
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum LaunchError {
    /// The program has no endpoint.
    #[error(
        "This program has no webhook endpoint.\n\
         - Add #[webhook_endpoint] to a function in main.rs or in one of its modules.\n\
         - If your endpoints are in a library crate, name that crate in main.rs: `use my_library as _;`. \
         Rust does not link a crate that the program never names."
    )]
    NoEndpoints,
    /// Settings are invalid. Contains all errors.
    #[error("{}", ErrorList(.0))]
    Setup(Vec<SetupError>),
    /// The server cannot listen on its address.
    #[error(
        "Cannot listen on {host}:{ports}: {source}.\n\
         Choose another address with --host and --port, with .host(…) and .port(…) in code, or with \
         GRADIO_SERVER_NAME and GRADIO_SERVER_PORT."
    )]
    Bind {
        /// The configured host.
        host: String,
        /// The port, or the range of ports if none of them was free.
        ports: String,
        /// The system's error.
        source: io::Error,
    },
    /// [`launch()`](crate::WebhooksServer::launch) was called in async code, where it would block a thread.
    #[error(
        "launch() blocks its thread, so it cannot be called in async code. Use `.run().await` instead."
    )]
    InAsyncCode,
    /// The store of background deliveries cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The system could not create threads or sockets, or a thread stopped unexpectedly.
    #[error("The server cannot run: {0}.")]
    Io(#[from] io::Error),
}

/// The error of one invalid setting.
///
/// ```
/// use webhooks_runtime::testing::TestClient;
/// use webhooks_runtime::{LaunchError, SetupError, WebhooksServer};
///
/// async fn hello() {}
///
/// let server = WebhooksServer::empty().add_webhook("/hello", hello).add_webhook("hello/", hello);
/// let Err(LaunchError::Setup(errors)) = TestClient::new(server.webhook_secret("")) else {
///     panic!("it started")
/// };
/// assert!(matches!(&errors[0], SetupError::DuplicatePath { path, .. } if path == "/webhooks/hello"));
/// assert!(matches!(&errors[1], SetupError::Secret(_)));
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SetupError {
    /// Two functions have the same path.
    #[error(
        "Two functions have the path {path}:\n  - {}\n  - {}\n\
         Give one of them another path: #[webhook_endpoint(path = \"/another\")].",
        LocationInModule(.first),
        LocationInModule(.second)
    )]
    DuplicatePath {
        /// The path.
        path: String,
        /// The location of the function that comes first in the program.
        first: Location,
        /// The location of the other function.
        second: Location,
    },
    /// The server cannot register its webhooks on the Hub.
    #[error("The webhooks cannot be registered on the Hub, because {reason}.")]
    Registration {
        /// The reason. It does not contain the token.
        reason: String,
    },
    /// The server cannot look for missed deliveries.
    #[error("The server cannot look for missed deliveries on the Hub, because {reason}.")]
    Reconcile {
        /// The reason. It does not contain the token.
        reason: String,
    },
    /// A path in [`add_webhook`](crate::WebhooksServer::add_webhook) is invalid.
    #[error("add_webhook({path:?}, …) at {location}: {reason}.")]
    Path {
        /// The invalid path.
        path: String,
        /// The location of the call.
        location: Location,
        /// The reason why the path is invalid.
        reason: PathError,
    },
    /// The filter of an endpoint is invalid.
    #[error("The filter of {path} ({location}) is invalid: {reason}.")]
    Filter {
        /// The endpoint's path.
        path: String,
        /// The location of the function or of the call.
        location: Location,
        /// What is wrong with the filter.
        reason: FilterError,
    },
    /// A function takes data that the server does not have.
    #[error(
        "The function of {path} ({location}) takes {}, but the server has no value of that type. Add one \
         with .data(…). Values that .configure(…) adds are not available to background functions.",
        DataTypes(.types)
    )]
    MissingData {
        /// The endpoint's path.
        path: String,
        /// The location of the function.
        location: Location,
        /// The missing types: `T` of each `web::Data<T>`.
        types: Vec<&'static str>,
    },
    /// The endpoint has the key `own`, but its function takes no `Hub`.
    #[error(
        "The endpoint {path} ({location}) has the key `own`, but its function takes no `Hub`, so it gets every event. \
         Remove `own`, or take a `Hub`."
    )]
    Own {
        /// The endpoint's path.
        path: String,
        /// The location of the function.
        location: Location,
    },
    /// There is no client of the Hub, which some endpoints need. Usually the token is missing.
    #[error(
        "These endpoints need the Hub:\n{}\nBut the server has no access to it: {reason}.",
        .endpoints.iter().map(|endpoint| format!("  - {endpoint}")).collect::<Vec<_>>().join("\n")
    )]
    Hub {
        /// Each endpoint, with its location and why it needs the Hub.
        endpoints: Vec<String>,
        /// The reason, and what to do.
        reason: String,
    },
    /// A secret is invalid.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// Another setting is invalid.
    #[error(transparent)]
    Setting(#[from] SettingError),
}

impl fmt::Debug for LaunchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Formats missing types as arguments: `web::Data<my_bot::Model> and web::Data<my_bot::Queue>`.
struct DataTypes<'a>(&'a [&'static str]);

impl fmt::Display for DataTypes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let texts: Vec<_> = self.0.iter().map(|name| format!("web::Data<{name}>")).collect();
        f.write_str(&texts.join(" and "))
    }
}

/// Formats errors with a blank line between them.
struct ErrorList<'a>(&'a [SetupError]);

impl fmt::Display for ErrorList<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let texts: Vec<_> = self.0.iter().map(SetupError::to_string).collect();
        f.write_str(&texts.join("\n\n"))
    }
}

/// Formats a location with its module: `src/hooks.rs:12 (in my_bot::hooks)`.
struct LocationInModule<'a>(&'a Location);

impl fmt::Display for LocationInModule<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.module_path {
            "" => write!(f, "{}", self.0),
            module => write!(f, "{} (in {module})", self.0),
        }
    }
}
