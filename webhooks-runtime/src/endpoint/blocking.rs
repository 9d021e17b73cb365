//! Functions that aren't async: they run on a pool of threads, so that they may block.

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use actix_web::web;
use tracing::Span;

use super::call::Failure;
use super::panic::caught;

/// What may be an argument of an endpoint that isn't async: what can go to another thread.
///
/// ```
/// use std::fs;
///
/// use webhooks_runtime::{WebhookPayload, webhook_endpoint};
///
/// /// May block: the server goes on serving.
/// #[webhook_endpoint]
/// fn remember(payload: WebhookPayload) -> std::io::Result<()> {
///     fs::write("last-repo.txt", payload.repo.name)
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be an argument of a `fn` endpoint, because it cannot be sent to another thread",
    label = "not `Send`",
    note = "a `fn` endpoint runs on a pool of threads, so that it may block",
    note = "make the function an `async fn`, or leave this argument out"
)]
pub trait BlockingArg: Send + 'static {}

#[diagnostic::do_not_recommend]
impl<T: Send + 'static> BlockingArg for T {}

/// What an endpoint that isn't async may return: what can come back from another thread.
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
    message = "`{Self}` cannot be the answer of a `fn` endpoint, because it cannot be sent to another thread",
    label = "not `Send`",
    note = "a `fn` endpoint runs on a pool of threads, so that it may block",
    note = "make the function an `async fn`, or return `()`, `web::Json<T>`, `serde_json::Value` or a `Result` of these"
)]
pub trait BlockingReply: Send + 'static {}

#[diagnostic::do_not_recommend]
impl<T: Send + 'static> BlockingReply for T {}

/// A value on its way to another thread.
///
/// It can be sent whatever `T` is, because [`defer`] made it where `T` was known to be `Send`. So the
/// compiler says just once, at the argument, that a type isn't.
pub struct Deferred<T>(Box<dyn FnOnce() -> T + Send>);

/// Makes a value ready to go to another thread.
pub fn defer<T: BlockingArg>(value: T) -> Deferred<T> {
    Deferred::new(move || value)
}

impl<T> Deferred<T> {
    pub(super) fn new(make: impl FnOnce() -> T + Send + 'static) -> Self {
        Self(Box::new(make))
    }

    /// The value.
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

/// Runs a function on the blocking pool, inside the caller's span. A panic goes on in the caller.
pub fn run<R: BlockingReply>(
    function: impl FnOnce() -> R + Send + 'static,
) -> Pin<Box<dyn Future<Output = Result<R, Failure>>>> {
    let span = Span::current();
    Box::pin(async move {
        let run = move || caught(|| span.in_scope(function));
        match web::block(run).await {
            Ok(Ok(reply)) => Ok(reply),
            Ok(Err(panic)) => panic.resume(),
            // The pool is closed: the server is being stopped by force.
            Err(closed) => Err(Failure::Function(Box::new(closed))),
        }
    })
}
