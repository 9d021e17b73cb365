//! Receive the Hugging Face Hub's webhooks: annotate a function, run the program.
//!
//! ```no_run
//! # macro_rules! makes { ($($main:tt)*) => {} }
//! # makes!(fn main() {}); // so that rustdoc adds none
//! use webhooks_runtime::{WebhookPayload, webhook_endpoint, webhooks_main};
//!
//! #[webhook_endpoint(watch = "dataset:me/data", branch = "main")]
//! async fn trigger_training(payload: WebhookPayload) {
//!     tracing::info!("{} has changed: time to train", payload.repo.name);
//! }
//!
//! webhooks_main!();
//! ```
//!
//! This is a complete program. [`#[webhook_endpoint]`](macro@webhook_endpoint) calls the function for each
//! delivery to `/webhooks/trigger_training` that is about a commit to the main branch of the dataset,
//! [`webhooks_main!()`](webhooks_main) defines the program's `main`, and `cargo run` starts it. Among other lines, it prints:
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
//! Enter the public URL in the settings of your webhooks. By default it is created only in a terminal, and not in a
//! container, in CI or on a Space, which already has one. The local URL shows [the page](#the-page). Anyone who
//! knows a URL can call your functions, so define a [secret](WebhooksServer::webhook_secret), for example with the
//! variable `WEBHOOK_SECRET`.
//!
//! # Endpoints
//!
//! [`#[webhook_endpoint]`](macro@webhook_endpoint) describes the options of the attribute, [`EndpointArg`] the
//! arguments that a function can have, [`EndpointReply`] and [`EndpointError`] the values that it can return.
//! [`WebhookPayload`] is the payload of the Hub. [`WebhooksServer::add_webhook`] adds a function without the
//! attribute.
//!
//! A function acts on the Hub through an argument of the type [`Hub`], a client of the Hub's API with the program's
//! token: it comments, commits, restarts a Space or starts a Job. Such a function doesn't get what the program does
//! itself, so a bot doesn't reply to its own replies.
//!
//! ```
//! # use webhooks_runtime::WebhooksServer;
//! # use webhooks_runtime::testing::{HubStub, TestClient, comment_created};
//! use webhooks_runtime::{Hub, HubError, WebhookPayload, webhook_endpoint};
//!
//! #[webhook_endpoint(watch = "model:me/tiny", on = "create discussion.comment")]
//! async fn welcome(payload: WebhookPayload, hub: Hub) -> Result<(), HubError> {
//!     hub.reply(&payload, "Thanks, I'll have a look!").await?;
//!     Ok(())
//! }
//! # let stub = HubStub::new();
//! # let reply = serde_json::json!({ "newMessage": { "id": "c1", "type": "comment" } });
//! # stub.on("POST", "/api/models/me/tiny/discussions/7/comment").respond(reply);
//! # let server = WebhooksServer::empty().endpoint(welcome::endpoint()).hub(stub.hub());
//! # let client = TestClient::new(server)?;
//! # let comment = || comment_created().repo("me/tiny").number(7);
//! # assert_eq!(client.post(welcome::PATH, comment()).send().status(), 200);
//! # assert_eq!(stub.calls().len(), 1);
//! # let own = comment().author(HubStub::ACCOUNT_ID);
//! # assert!(client.post(welcome::PATH, own).send().skipped().is_some());
//! # Ok::<(), webhooks_runtime::LaunchError>(())
//! ```
//!
//! # Background deliveries
//!
//! The Hub gives up on a delivery after 30 s, and suspends a webhook that keeps failing. With
//! `#[webhook_endpoint(background)]`, the server responds with 202 as soon as the delivery is synced to disk, and
//! runs the function afterwards, at least once. A delivery may run more than once after a crash. It is never silently
//! dropped.
//!
//! ```
//! use webhooks_runtime::{Permanent, WebhookPayload, webhook_endpoint};
//!
//! #[webhook_endpoint(background(attempts = 5, timeout = "2h", concurrency = 1))]
//! async fn evaluate_model(payload: WebhookPayload) -> anyhow::Result<()> {
//!     if payload.repo.private {
//!         return Err(Permanent::new("private models are not evaluated").into());
//!     }
//!     // evaluate
//!     Ok(())
//! }
//! ```
//!
//! A delivery that fails is retried with a growing delay until its attempts are used up, unless the error is
//! [`Permanent`]. [`BackgroundArg`] lists the arguments of such a function, [`BackgroundReply`] its
//! return values. [`WebhooksServer::on_dead`] notifies the program of a delivery that has used up its attempts, and
//! [`WebhooksServer::alert_url`] a chat. What the function logs with `tracing` is stored with its delivery: the page and the command
//! `deliveries logs` show it. Deliveries are stored in a file or, for several replicas, in PostgreSQL: see
//! [`WebhooksServer::store`]. The program itself can enqueue a delivery, too: `evaluate_model::enqueue(&target, payload)`,
//! where the target is a [`ServerHandle`] or a [`DeliveryStore`].
//!
//! # Settings
//!
//! [`WebhooksServer`] has a method for each setting: `webhooks_main!(WebhooksServer::new().port(8000))`. Flags
//! override code, and code overrides the environment. All configuration errors are reported together, before the
//! port is open: see [`LaunchError`].
//!
//! # The page
//!
//! The server serves a page at `/`, made of [`Blocks`]. It lists the endpoints. For a browser that has opened it
//! with its token, it also shows the recent deliveries, sends samples, and runs dead background deliveries again. The
//! program prints the URL with the token to the terminal; `WEBHOOKS_PAGE_TOKEN` sets the token.
//!
//! `GET /health` reports that the server is up. With background endpoints, it also reports the store's status and the
//! age in seconds of the oldest due delivery. When the server registers its webhooks, it reports whether the Hub has
//! suspended one.
//!
//! # Tests
//!
//! [`testing`] has a [client](testing::TestClient) for the tests of your bot, and a
//! [sample](testing::samples) of each kind of delivery.
//!
//! # Features
//!
//! These are on by default. Without them (`default-features = false`), the crate has endpoints, secrets, payloads,
//! settings in code, and [`testing`].
//!
//! | feature | what it adds |
//! | --- | --- |
//! | `background` | `#[webhook_endpoint(background)]`: deliveries that are stored in a file and run after the response |
//! | `cli` | the flags of `webhooks_main!()`, log lines on standard error (filtered by `RUST_LOG`), and the commands `endpoints`, `deliver` and `trigger`; with `background` also `deliveries`, with `hub` also `deploy`, `webhooks` and `doctor` |
//! | `hub` | the client of the Hub's API: [`Hub`], [`hub`] and [`testing::HubStub`]; and the registration of webhooks: [`WebhooksServer::register`] |
//! | `page` | the page at `/`: the endpoints, a form to try them, the last deliveries; and the OpenAPI document at `/openapi.json` |
//! | `share` | the share link: a public URL for a program on your own machine |
//!
//! These are off by default:
//!
//! | feature | what it adds |
//! | --- | --- |
//! | `metrics` | metrics for Prometheus at `/metrics`: [`WebhooksServer::metrics`] |
//! | `otel` | traces of deliveries, sent to an OpenTelemetry collector: [`otel`] |
//! | `postgres` | background deliveries in PostgreSQL, shared by several replicas; includes `background` |
//! | `full` | every feature |

// docs.rs shows the Cargo feature that each item needs.
#![cfg_attr(docsrs, feature(doc_cfg))]
// Without a feature, the code that only it uses is dead.
#![cfg_attr(
    not(feature = "full"),
    allow(dead_code, unused_imports, unused_variables, reason = "some features are off")
)]

mod activity;
#[cfg(any(feature = "cli", feature = "hub"))]
mod alerts;
#[cfg(feature = "cli")]
mod cli;
mod config;
#[cfg(feature = "page")]
mod dashboard;
#[cfg(all(feature = "cli", feature = "hub"))]
mod deploy;
#[cfg(all(feature = "cli", feature = "hub"))]
mod doctor;
mod endpoint;
#[cfg(fuzzing)]
pub mod fuzzing;
mod http;
#[cfg(feature = "hub")]
pub mod hub;
mod jobs;
mod json_lines;
#[cfg(feature = "metrics")]
mod metrics;
#[cfg(any(feature = "cli", feature = "hub", feature = "otel", feature = "share"))]
mod network;
mod openapi;
#[cfg(feature = "otel")]
pub mod otel;
mod payload;
mod random;
#[cfg(feature = "hub")]
mod reconcile;
#[cfg(feature = "hub")]
mod registration;
mod samples;
mod server;
#[cfg(feature = "share")]
mod share;
mod state;
mod task;
pub mod testing;
mod text;
mod trace;

pub use actix_web::{self, HttpRequest, HttpResponse, web};
pub use {serde, serde_json, utoipa};

pub use config::error::SettingError;
pub use config::secret::SecretError;
pub use endpoint::{
    BackgroundArg, BackgroundReply, BlockingArg, BlockingReply, Delivery, Endpoint, EndpointArg,
    EndpointError, EndpointFn, EndpointReply, Filter, FilterError, JsonArg, Location,
    MarkPermanent, Note, PathError, Permanent, RetryAfter,
};
#[cfg(feature = "hub")]
pub use hub::{Hub, HubError, RepoId};
pub use jobs::enqueue::EnqueueTarget;
pub use jobs::{DeadDelivery, DeliveryStore, EnqueueError, StoreError};
pub use payload::{
    DiscussionStatus, EventAction, EventScope, FileAction, NewComment, ObjectId, RepoType,
    WebhookPayload, WebhookPayloadComment, WebhookPayloadDiscussion,
    WebhookPayloadDiscussionChanges, WebhookPayloadEvent, WebhookPayloadMovedTo,
    WebhookPayloadRepo, WebhookPayloadUpdatedConfig, WebhookPayloadUpdatedFile,
    WebhookPayloadUpdatedRef, WebhookPayloadUrl, WebhookPayloadWebhook,
};
#[cfg(feature = "cli")]
pub use server::log::subscriber::delivery_log_layer;
pub use server::{LaunchError, ServerHandle, SetupError, Ui, WebhooksServer};
#[cfg(feature = "share")]
pub use share::{OpenTunnel, Tunnel, TunnelEnd, TunnelError};
pub use webhooks_macros::webhook_endpoint;
#[cfg(feature = "page")]
pub use {
    dashboard::{Block, Blocks, PageContext, Visit},
    maud,
};

#[doc(hidden)]
#[path = "private.rs"]
pub mod __private;

/// Defines the program's `main`, which parses the command line and starts the server.
///
/// Write it at the top level of `main.rs`. Without an argument, the server has every annotated function of the
/// program and the default settings. The argument is an expression whose value is a [`WebhooksServer`], or a
/// `Result` of one.
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
/// In a terminal, variables in the file `.env` of the current folder are set first, unless they are set already or the
/// program runs on a Space, in a Job, in a container or in CI.
///
/// The exit code is 0 after a signal stopped the program, 1 with one message when the server cannot start, and 2
/// for a wrong command line.
#[macro_export]
macro_rules! webhooks_main {
    ($($server:expr)? $(,)?) => {
        fn main() -> $crate::__private::MainExit {
            const PROGRAM: $crate::__private::MainProgram = $crate::__private::MainProgram {
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

/// Converts the argument of `webhooks_main!`, or its absence, to a server.
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
