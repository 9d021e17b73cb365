//! Receive the Hugging Face Hub's webhooks: annotate a function, run the program.
//!
//! ```no_run
//! # macro_rules! makes { ($($main:tt)*) => {} }
//! # makes!(fn main() {}); // so that rustdoc adds none
//! use webhooks_runtime::{WebhookPayload, webhook_endpoint, webhooks_main};
//!
//! #[webhook_endpoint]
//! async fn trigger_training(payload: WebhookPayload) {
//!     if payload.repo.repo_type == "dataset" && payload.event.action == "update" {
//!         // train
//!     }
//! }
//!
//! webhooks_main!();
//! ```
//!
//! This is a whole program. [`#[webhook_endpoint]`](macro@webhook_endpoint) has the function called for each
//! delivery to `/webhooks/trigger_training`, [`webhooks_main!()`](webhooks_main) makes the program's `main`, and
//! `cargo run` starts it. The screen shows, among other things:
//!
//! ```text
//! * Running on local URL:  http://127.0.0.1:7860
//! * Running on public URL: https://4f6e1f65055263866d.gradio.live
//!   It stays the same at every start.
//!
//! Webhooks are correctly set up and ready to use:
//!   - POST https://4f6e1f65055263866d.gradio.live/webhooks/trigger_training
//! Go to https://huggingface.co/settings/webhooks to set up your webhooks.
//! ```
//!
//! The public URL is for the settings of your webhooks. By default it is made only in a terminal, and not in a
//! container, in CI or on a Space, which has one already. The local URL shows [the page](#the-page). Whoever knows an address can call your functions, so
//! define a [secret](WebhooksServer::webhook_secret): in the variable `WEBHOOK_SECRET`, for instance.
//!
//! # Endpoints
//!
//! [`#[webhook_endpoint]`](macro@webhook_endpoint) says what a function may look like and what may stand in
//! the brackets, [`EndpointArg`] what it may take, [`EndpointReply`] and [`EndpointError`] what it may return.
//! [`WebhookPayload`] is what the Hub sends. A function without the attribute is added with
//! [`WebhooksServer::add_webhook`].
//!
//! # Background deliveries
//!
//! The Hub gives up on a delivery after 30 s and suspends a webhook that keeps failing. With
//! `#[webhook_endpoint(background)]` a delivery is answered with 202 as soon as it is on disk, synced, and
//! its function runs afterwards: at least once, whatever dies. It can run again after a crash, never
//! silently not at all.
//!
//! ```
//! use webhooks_runtime::{Permanent, WebhookPayload, webhook_endpoint};
//!
//! #[webhook_endpoint(background(attempts = 5, timeout = "2h", concurrency = 1))]
//! async fn evaluate_model(payload: WebhookPayload) -> anyhow::Result<()> {
//!     if payload.repo.private {
//!         return Err(Permanent("private models are not evaluated").into());
//!     }
//!     // evaluate
//!     Ok(())
//! }
//! ```
//!
//! An error is tried again, later each time, until the attempts are used up; a [`Permanent`](struct@Permanent)
//! one is not. [`BackgroundArg`] says what such a function may take, [`BackgroundReply`] what it may return.
//! Deliveries are kept in a file or, for several replicas, in PostgreSQL: see [`WebhooksServer::store`].
//!
//! # Settings
//!
//! [`WebhooksServer`] has a method for each of them, and `webhooks_main!(WebhooksServer::new().port(8000))` has
//! the program take them. A flag goes before the code, the code before the environment. All that is wrong with
//! them is told at once, before the port is open: see [`LaunchError`].
//!
//! # The page
//!
//! At `/` there is a page made of [`Blocks`]. It lists the endpoints and, for a browser that has opened it with
//! its token, sends them samples and shows the last deliveries. The program prints the URL with the token to the
//! terminal; `WEBHOOKS_PAGE_TOKEN` sets one. There a dead background delivery can be run again, as with the
//! command `deliveries` of the program.
//!
//! `GET /health` says that the server is there and, where functions run in the background, how the store is and
//! for how many seconds the oldest delivery has been waiting that is due.
//!
//! # Tests
//!
//! [`testing`] has a [client](testing::TestClient) for the tests of your own bot, and a
//! [sample](testing::samples) of each kind of delivery.
//!
//! # Features
//!
//! All of them are on by default. With `default-features = false` there remain endpoints, secrets, payloads, the
//! settings in code, and [`testing`].
//!
//! | feature | what it adds |
//! | --- | --- |
//! | `background` | `#[webhook_endpoint(background)]`: deliveries that are stored in a file and run after the response |
//! | `cli` | the flags of `webhooks_main!()`, log lines on standard error (filtered by `RUST_LOG`), and the commands `endpoints` and `trigger`; with `background` also `deliveries` |
//! | `page` | the page at `/`: the endpoints, a form to try them, the last deliveries; and the OpenAPI document at `/openapi.json` |
//! | `share` | the share link: a public URL for a program on your own machine |
//!
//! These are off by default:
//!
//! | feature | what it adds |
//! | --- | --- |
//! | `postgres` | background deliveries in PostgreSQL, shared by several replicas; includes `background` |
//! | `full` | every feature |

// On docs.rs each item says by itself which Cargo feature it needs.
#![cfg_attr(docsrs, feature(doc_cfg))]
// A capability that is off leaves code unused that only it needs.
#![cfg_attr(
    not(all(
        feature = "background",
        feature = "cli",
        feature = "page",
        feature = "postgres",
        feature = "share"
    )),
    allow(dead_code, unused_imports, unused_variables, reason = "some capabilities are off")
)]

mod activity;
#[cfg(feature = "cli")]
mod cli;
mod config;
#[cfg(feature = "page")]
mod dashboard;
mod endpoint;
mod http;
mod jobs;
mod json_lines;
#[cfg(any(feature = "cli", feature = "share"))]
mod network;
mod openapi;
mod payload;
mod samples;
mod server;
#[cfg(feature = "share")]
mod share;
pub mod testing;
mod text;

pub use actix_web::{self, HttpRequest, HttpResponse, web};
pub use utoipa;
pub use {serde, serde_json};

pub use config::error::SettingError;
pub use config::secret::SecretError;
#[cfg(feature = "page")]
pub use dashboard::{Block, Blocks, Visit};
pub use endpoint::background::BackgroundArg;
pub use endpoint::in_background::BackgroundReply;
pub use endpoint::{
    BlockingArg, BlockingReply, Delivery, Endpoint, EndpointArg, EndpointError, EndpointFn,
    EndpointReply, JsonArg, Location, MarkPermanent, PathError, Permanent,
};
pub use jobs::StoreError;
#[cfg(feature = "page")]
pub use maud;
pub use payload::{
    DiscussionStatus, EventAction, EventScope, FileAction, ObjectId, RepoType, WebhookPayload,
    WebhookPayloadComment, WebhookPayloadDiscussion, WebhookPayloadDiscussionChanges,
    WebhookPayloadEvent, WebhookPayloadMovedTo, WebhookPayloadRepo, WebhookPayloadUpdatedConfig,
    WebhookPayloadUpdatedFile, WebhookPayloadUpdatedRef, WebhookPayloadUrl, WebhookPayloadWebhook,
};
pub use server::{LaunchError, ServerHandle, SetupError, Ui, WebhooksServer};
#[cfg(feature = "share")]
pub use share::{OpenTunnel, Tunnel, TunnelEnd, TunnelError};
pub use webhooks_macros::webhook_endpoint;

#[doc(hidden)]
#[path = "private.rs"]
pub mod __private;

/// Makes the program's `main`: it reads the command line and starts the server.
///
/// Write it at the top level of `main.rs`. Without an argument it serves every endpoint of the
/// program. An expression sets more: its value is a [`WebhooksServer`], or a `Result` of one.
///
/// ```no_run
/// # macro_rules! makes { ($($main:tt)*) => {} }
/// # makes!(fn main() {}); // so that rustdoc adds none
/// # use webhooks_runtime::{WebhookPayload, webhook_endpoint};
/// use webhooks_runtime::{WebhooksServer, webhooks_main};
/// # #[webhook_endpoint]
/// # async fn trigger_training(payload: WebhookPayload) {}
///
/// webhooks_main!(WebhooksServer::new().webhook_secret("my_secret"));
/// ```
///
/// ```no_run
/// # macro_rules! makes { ($($main:tt)*) => {} }
/// # makes!(fn main() {}); // so that rustdoc adds none
/// # use webhooks_runtime::{WebhookPayload, webhook_endpoint};
/// use webhooks_runtime::{WebhooksServer, webhooks_main};
/// # #[webhook_endpoint]
/// # async fn trigger_training(payload: WebhookPayload) {}
///
/// fn server() -> anyhow::Result<WebhooksServer> {
///     let token = std::env::var("HF_TOKEN")?;
///     Ok(WebhooksServer::new().data(token))
/// }
///
/// webhooks_main!(server());
/// ```
///
/// The expression is evaluated when the server starts, and for the commands that need its settings:
/// `endpoints`, `trigger`, and `deliveries` without `--store`. If it fails or panics, the server does not
/// start; a command prints a warning and uses flags and environment variables only.
///
/// The program ends with 0 when it was stopped by a signal, with 1 and one message when the server
/// could not start, and with 2 when a flag is wrong.
#[macro_export]
macro_rules! webhooks_main {
    ($($server:expr)? $(,)?) => {
        fn main() -> $crate::__private::MainExit {
            const PROGRAM: $crate::__private::Program = $crate::__private::Program {
                name: match ::core::option_env!("CARGO_BIN_NAME") {
                    ::core::option::Option::Some(name) => name,
                    ::core::option::Option::None => ::core::env!("CARGO_PKG_NAME"),
                },
                version: ::core::env!("CARGO_PKG_VERSION"),
                folder: $crate::__private::hash(::core::env!("CARGO_MANIFEST_DIR")),
                crate_name: ::core::env!("CARGO_CRATE_NAME"),
            };
            $crate::__private::main(&PROGRAM, || $crate::__server!($($server)?))
        }

        const _: () = $crate::__private::at_top_level(self::main);
    };
}

/// The argument of `webhooks_main!`, or what stands for none.
#[doc(hidden)]
#[macro_export]
macro_rules! __server {
    () => {
        $crate::__private::into_server($crate::WebhooksServer::new())
    };
    ($server:expr) => {
        $crate::__private::into_server($server)
    };
}
