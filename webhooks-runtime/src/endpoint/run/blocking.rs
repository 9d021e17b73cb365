//! Runs a function that is not async, on a pool of threads, so that it may block.

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use actix_web::web;
use tracing::Span;

use super::panic::caught;
use crate::endpoint::call::Failure;
use crate::trace::{self, in_scope};

/// An argument of an endpoint that is not async. It is sent to another thread.
///
/// ```
/// use std::fs;
///
/// use webhooks_runtime::{WebhookPayload, webhook_endpoint};
///
/// /// May block: the server keeps serving.
/// #[webhook_endpoint]
/// fn remember(payload: WebhookPayload) -> std::io::Result<()> {
///     fs::write("last-repo.txt", payload.repo.name)
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be an argument of a `fn` endpoint, because it cannot be sent to another thread",
    label = "not `Send`",
    note = "a `fn` endpoint runs on a pool of threads, so that it may block",
    note = "make the function an `async fn`, or remove this argument"
)]
pub trait BlockingArg: Send + 'static {}

#[diagnostic::do_not_recommend]
impl<T: Send + 'static> BlockingArg for T {}

/// A value that an endpoint that is not async returns. It is sent back from another thread.
///
/// ```
/// use std::process::Command;
///
/// use webhooks_runtime::{WebhookPayload, webhook_endpoint};
///
/// #[webhook_endpoint]
/// fn evaluate(payload: WebhookPayload) -> std::io::Result<String> {
///     let output = Command::new("./evaluate").arg(payload.repo.name).output()?;
///     Ok(String::from_utf8_lossy(&output.stdout).into_owned())
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be returned by a `fn` endpoint, because it cannot be sent to another thread",
    label = "not `Send`",
    note = "a `fn` endpoint runs on a pool of threads, so that it may block",
    note = "make the function an `async fn`, or return `()`, `web::Json<T>`, `serde_json::Value` or a `Result` of these"
)]
pub trait BlockingReply: Send + 'static {}

#[diagnostic::do_not_recommend]
impl<T: Send + 'static> BlockingReply for T {}

/// A value on its way to another thread.
///
/// It is `Send` for any `T`, because [`defer`] requires that `T` is. So the compiler reports a type that is not
/// `Send` once, at the argument.
pub struct Deferred<T>(Box<dyn FnOnce() -> T + Send>);

/// Prepares a value for another thread.
pub fn defer<T: BlockingArg>(value: T) -> Deferred<T> {
    Deferred::new(move || value)
}

impl<T> Deferred<T> {
    pub(super) fn new(make: impl FnOnce() -> T + Send + 'static) -> Self {
        Self(Box::new(make))
    }

    /// Returns the value.
    #[must_use]
    pub fn take(self) -> T {
        (self.0)()
    }
}

impl<T> fmt::Debug for Deferred<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Deferred(…)")
    }
}

/// Runs a function on the blocking pool, inside the caller's span. A panic continues in the caller.
pub fn run_blocking<R: BlockingReply>(
    function: impl FnOnce() -> R + Send + 'static,
) -> Pin<Box<dyn Future<Output = Result<R, Failure>>>> {
    let (span, traced) = (Span::current(), trace::current());
    Box::pin(async move {
        let run = move || caught(|| span.in_scope(|| in_scope(traced.as_ref(), function)));
        match web::block(run).await {
            Ok(Ok(reply)) => Ok(reply),
            Ok(Err(panic)) => panic.resume(),
            // The pool is closed: the server is shut down by force.
            Err(closed) => Err(Failure::Function(Box::new(closed))),
        }
    })
}
