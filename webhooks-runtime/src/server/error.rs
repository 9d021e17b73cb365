//! Why a server doesn't start.

use std::fmt;
use std::io;

use crate::config::error::SettingError;
use crate::config::secret::SecretError;
use crate::endpoint::{Location, PathError};
use crate::jobs::StoreError;

/// Why a server didn't start, or stopped by itself.
///
/// `Debug` shows the same text as `Display`, since that is what a `main` that returns it prints.
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
         - Put #[webhook_endpoint] on a function, in main.rs or in a module of it.\n\
         - If your endpoints are in a library crate: a crate that main.rs never names is not linked \
         into the program, and its endpoints with it. Name it once: `use my_library as _;`"
    )]
    NoEndpoints,
    /// Something that was set doesn't work; all of it at once.
    #[error("{}", ErrorList(.0))]
    Setup(Vec<SetupError>),
    /// The address cannot be listened on.
    #[error(
        "Cannot listen on {host}:{ports}: {source}.\n\
         Choose another address with --host and --port, with .host(…) and .port(…) in code, or with \
         GRADIO_SERVER_NAME and GRADIO_SERVER_PORT."
    )]
    Bind {
        /// The host as it was set.
        host: String,
        /// The port, or the range of which none was free.
        ports: String,
        /// What the system said.
        source: io::Error,
    },
    /// [`launch()`](crate::WebhooksServer::launch) was called in async code, which it would block.
    #[error(
        "launch() blocks its thread, so it cannot be called in async code. Write `.run().await` there."
    )]
    InAsyncCode,
    /// The store of background deliveries cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The system refused threads or sockets.
    #[error("The server cannot run: {0}.")]
    Io(#[from] io::Error),
}

/// One thing that was set and doesn't work.
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
    /// Two functions have one path.
    #[error(
        "Two functions have the path {path}:\n  - {}\n  - {}\n\
         Give one of them another path: #[webhook_endpoint(path = \"/another\")].",
        Place(.first),
        Place(.second)
    )]
    DuplicatePath {
        /// The path.
        path: String,
        /// The function that comes first in the program.
        first: Location,
        /// The other one.
        second: Location,
    },
    /// A path given to [`add_webhook`](crate::WebhooksServer::add_webhook) cannot be served.
    #[error("add_webhook({path:?}, …) at {location}: {reason}.")]
    Path {
        /// The path as it was given.
        path: String,
        /// Where it was given.
        location: Location,
        /// What is wrong with it.
        reason: PathError,
    },
    /// A function takes data that the server does not have.
    #[error(
        "The function of {path} ({location}) takes {}, but the server has no value of that type. Add one \
         with .data(…). A background function does not get what .configure(…) adds.",
        Data(.types)
    )]
    MissingData {
        /// The endpoint's path.
        path: String,
        /// Where the function is defined.
        location: Location,
        /// What stands in the brackets of `web::Data<…>`.
        types: Vec<&'static str>,
    },
    /// A secret cannot be used.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// A setting cannot be used.
    #[error(transparent)]
    Setting(#[from] SettingError),
}

impl fmt::Debug for LaunchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Types as a function takes them: `web::Data<my_bot::Model> and web::Data<my_bot::Queue>`.
struct Data<'a>(&'a [&'static str]);

impl fmt::Display for Data<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let texts: Vec<_> = self.0.iter().map(|name| format!("web::Data<{name}>")).collect();
        f.write_str(&texts.join(" and "))
    }
}

/// One error a line, or a blank line between those that take more.
struct ErrorList<'a>(&'a [SetupError]);

impl fmt::Display for ErrorList<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let texts: Vec<_> = self.0.iter().map(SetupError::to_string).collect();
        f.write_str(&texts.join("\n\n"))
    }
}

/// A place with its module: `src/hooks.rs:12 (in my_bot::hooks)`.
struct Place<'a>(&'a Location);

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.module_path {
            "" => write!(f, "{}", self.0),
            module => write!(f, "{} (in {module})", self.0),
        }
    }
}
