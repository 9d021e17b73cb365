//! The attribute of `webhooks-runtime`, which re-exports it. Depend on that crate, not on this one.
//!
//! Tokens in, tokens out, one stage per file:
//!
//! - `args`, `background` and `item` parse, with what `parse` has for all of them,
//! - `conditions` expands a function twice where a `#[cfg]` decides what it looks like,
//! - `check` applies every rule, with a look at the source file in `source`,
//! - `expand` writes the code, and `paths` has every path of the runtime that it names,
//! - `errors` collects all errors, so that they are reported together.

mod args;
mod background;
mod check;
mod conditions;
mod errors;
mod expand;
mod item;
mod parse;
mod paths;
mod source;

use proc_macro::TokenStream;

/// Makes a function an endpoint for webhooks, served at `/webhooks/{its name}`.
///
/// ```
/// use webhooks_runtime::{WebhookPayload, webhook_endpoint};
///
/// /// Starts a training run when a dataset changes.
/// #[webhook_endpoint]
/// async fn trigger_training(payload: WebhookPayload) {
///     if payload.repo.repo_type == "dataset" && payload.event.action == "update" {
///         // train
///     }
/// }
/// ```
///
/// The function stays what it is: call it in a test like any other. Its doc comment is shown on the
/// landing page. Beside it stands a type of the same name:
///
/// - `trigger_training::PATH` is its path, `"/webhooks/trigger_training"`,
/// - `trigger_training::endpoint()` its [`Endpoint`], to hand to a server,
/// - `trigger_training::launch()` starts a server with all endpoints of the program, and blocks.
///
/// # The function
///
/// It is an `async fn`, or a `fn`, which runs on a pool of threads so that it may block. It takes up
/// to 12 arguments ([`EndpointArg`]), of which one may read the body, and returns nothing,
/// `web::Json<T>`, `serde_json::Value`, any `Responder` of actix-web, or a `Result` of these
/// ([`EndpointReply`], [`EndpointError`]).
///
/// # In the brackets
///
/// | written | means |
/// | --- | --- |
/// | `"/say_hello"`, `path = "/say_hello"` | the path, below `/webhooks`; `/webhooks/x`, `/x`, `x` and `x/` are the same |
/// | `secret_env = "TRAINING_SECRET"` | this endpoint has a secret of its own, in that variable; without it the program doesn't start |
/// | `background` | requests are answered with 202 as soon as their delivery is kept, and the function runs afterwards, again when it fails |
/// | `background(attempts = 5)` | the same, with some of these set: |
/// | `attempts = 5` | how often a delivery is tried, up to 1000; default 5 |
/// | `timeout = "2h"` | how long an attempt may take before it has failed, up to 365 days; default `"24h"` |
/// | `concurrency = 1` | how many deliveries run at the same time, on all machines together, up to 10,000; default 16 |
/// | `backoff = "10s..30m"` | how long to wait after the first attempt that failed, twice as long after each further one, and the most, up to 30 days; `"10s"` is the same each time; default `"10s..30m"` |
/// | `dedup_window = "2m"` | for how long after it arrived a delivery's id is taken for a retry of it and not run again, up to 7 days; default `"2m"` |
/// | `crate = my_name` | the name that `webhooks-runtime` has in your crate, when you renamed it |
///
/// ```
/// use webhooks_runtime::{WebhookPayload, webhook_endpoint};
///
/// #[webhook_endpoint(path = "/training", secret_env = "TRAINING_SECRET")]
/// async fn trigger_training(payload: WebhookPayload) -> Result<(), std::io::Error> {
///     Ok(())
/// }
///
/// assert_eq!(trigger_training::PATH, "/webhooks/training");
/// ```
///
/// # In the background
///
/// A function that takes longer than the Hub waits, or that must not be lost, runs in the background. It
/// takes up to 12 of `WebhookPayload`, `web::Json<T>`, `web::Data<T>` and `Delivery` ([`BackgroundArg`]), and
/// returns nothing or a `Result<(), E>` ([`BackgroundReply`]). The future of an `async fn` is `Send`.
///
/// ```
/// use webhooks_runtime::{Delivery, Permanent, WebhookPayload, webhook_endpoint};
///
/// #[webhook_endpoint(background(attempts = 3, timeout = "2h", concurrency = 1))]
/// async fn trigger_training(payload: WebhookPayload, delivery: Delivery) -> Result<(), Permanent> {
///     println!("attempt {} of {}", delivery.attempt, delivery.max_attempts);
///     if payload.repo.private {
///         // Not tried again.
///         return Err(Permanent("private datasets are not for training"));
///     }
///     // train
///     Ok(())
/// }
/// ```
///
/// [`BackgroundArg`]: ../webhooks_runtime/trait.BackgroundArg.html
/// [`BackgroundReply`]: ../webhooks_runtime/trait.BackgroundReply.html
/// [`Endpoint`]: ../webhooks_runtime/struct.Endpoint.html
/// [`EndpointArg`]: ../webhooks_runtime/trait.EndpointArg.html
/// [`EndpointError`]: ../webhooks_runtime/trait.EndpointError.html
/// [`EndpointReply`]: ../webhooks_runtime/trait.EndpointReply.html
#[proc_macro_attribute]
pub fn webhook_endpoint(args: TokenStream, item: TokenStream) -> TokenStream {
    expand::webhook_endpoint(args.into(), item.into()).into()
}
