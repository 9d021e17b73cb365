//! The server: a builder, and what it builds.
//!
//! `builder` makes it of endpoints; `listening`, `sharing` and `storing` are what else can be set of it.
//! `error` says why it doesn't start. `dispatch` brings a request to its function, `answer` makes its
//! answer, `body` reads what it brings, `record` notes what became of it, `connection` cuts off who sends
//! none, `app` puts the actix app together, and `launch` serves at its `ports` until `signals` stop it, with
//! the words of `banner`. `link` makes the tunnel and tells what becomes of it. `prepare` finds all that is
//! wrong before. `background` has the deliveries that are run later, of which `keep` takes one in and `kept`
//! are those that are there; `inline` runs one inside its request. `recipients` are the endpoints as one sees
//! them who sends them a delivery. `ui` is what may be the page: `page` has the routes of one made of blocks,
//! and `visitors` are those who look at it. `describe` serves the OpenAPI document, `viewer` what shows it,
//! and `health` says that the server is there.

mod answer;
mod app;
mod background;
mod banner;
mod body;
mod builder;
mod connection;
#[cfg(test)]
mod defaults;
#[cfg(feature = "openapi")]
mod describe;
mod dispatch;
mod error;
mod health;
#[cfg(feature = "background")]
mod inline;
#[cfg(feature = "background")]
mod keep;
#[cfg(all(feature = "background", feature = "cli"))]
mod kept;
mod launch;
#[cfg(feature = "share")]
mod link;
mod listening;
pub(crate) mod logs;
#[cfg(feature = "page")]
mod page;
mod ports;
mod prepare;
#[cfg(feature = "trigger")]
mod recipients;
mod record;
#[cfg(feature = "share")]
mod sharing;
mod signals;
#[cfg(feature = "background")]
mod storing;
mod ui;
#[cfg(feature = "docs")]
mod viewer;
mod visitors;

pub(crate) use answer::Cause;
pub(crate) use app::{Blueprint, guard};
pub(crate) use dispatch::{Dispatcher, SECRET};
pub use error::{LaunchError, SetupError};
#[cfg(all(feature = "background", feature = "cli"))]
pub(crate) use kept::Kept;
pub use launch::ServerHandle;
pub(crate) use prepare::in_process;
#[cfg(feature = "cli")]
pub(crate) use prepare::listing;
#[cfg(feature = "trigger")]
pub(crate) use recipients::Recipients;
pub use ui::Ui;

use std::fmt;

use crate::config::{Given, Limits};
#[cfg(feature = "background")]
use crate::endpoint::background::Shared;
use crate::endpoint::registry::Registered;
#[cfg(feature = "background")]
use crate::jobs::Options;
use app::Configure;

/// A server for webhooks, put together step by step and then started.
///
/// [`webhooks_main!()`](crate::webhooks_main) starts one with every endpoint of the program. To set
/// something in code, hand it a server of your own:
///
/// ```no_run
/// # macro_rules! makes { ($($main:tt)*) => {} }
/// # makes!(fn main() {}); // so that rustdoc adds none
/// use webhooks_runtime::{WebhookPayload, WebhooksServer, webhook_endpoint, webhooks_main};
///
/// #[webhook_endpoint]
/// async fn trigger_training(payload: WebhookPayload) {}
///
/// webhooks_main!(WebhooksServer::new().webhook_secret("my_secret").port(8000));
/// ```
///
/// A setting that can be given in several places is taken from the first of: a flag on the command
/// line, the code, the environment, the default.
///
/// In a `main` of your own, [`launch`](Self::launch) starts it and blocks, and in async code it is
/// [`run`](Self::run) that serves until a signal comes and [`start`](Self::start) that returns at once.
/// A test hands it to a [`TestClient`](crate::testing::TestClient).
#[must_use = "a server does nothing until it is started"]
pub struct WebhooksServer {
    endpoints: Vec<Registered>,
    bad_paths: Vec<SetupError>,
    secrets: Option<Vec<String>>,
    secret_in_query: bool,
    given: Given,
    limits: Limits,
    configure: Vec<Configure>,
    #[cfg(feature = "background")]
    shared: Shared,
    #[cfg(feature = "background")]
    background: Options,
    ui: Option<ui::Page>,
    /// The version of the program, if it is known.
    #[cfg(feature = "openapi")]
    version: Option<&'static str>,
    #[cfg(feature = "share")]
    link: link::Link,
}

/// The OpenAPI document, with the Cargo feature `openapi`.
#[cfg(feature = "openapi")]
impl WebhooksServer {
    /// Sets the version of the program.
    pub(crate) fn of_version(mut self, version: &'static str) -> Self {
        self.version = Some(version);
        self
    }
}

/// The public link, with the Cargo feature `share`.
#[cfg(feature = "share")]
impl WebhooksServer {
    /// Sets what the URL of the share link belongs to.
    pub(crate) fn of_project(mut self, project: &'static str) -> Self {
        self.link.project = Some(project);
        self
    }
}

impl Default for WebhooksServer {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for WebhooksServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebhooksServer")
            .field("endpoints", &self.endpoints)
            .field("given", &self.given)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}
