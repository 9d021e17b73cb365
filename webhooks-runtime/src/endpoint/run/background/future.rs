//! Makes the future that runs a background function.

use std::future::{self, Future};
use std::marker::PhantomData;
use std::pin::Pin;

use tokio::task::spawn_blocking;
use tracing::Span;

use super::task::{BackgroundTask, TaskFailure, TaskFuture, TaskResult};
use crate::endpoint::run::panic::caught;
use crate::trace::{self, in_scope};

/// The future of an `async fn`, with its type erased.
type SendFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// The types of all arguments of a function, in a tuple.
#[derive(Debug)]
pub struct ArgTypes<T>(PhantomData<T>);

impl<T> ArgTypes<T> {
    /// A value to call `future()` of.
    pub const NEW: Self = Self(PhantomData);
}

impl<T: Send> ArgTypes<T> {
    /// Erases the type of the function's future.
    pub fn future<F>(self, future: F) -> SendFuture<F::Output>
    where
        F: Future + Send + 'static, // because it runs on the background's own threads
    {
        Box::pin(future)
    }
}

/// `future()` for arguments of which one is not `Send`. The compile error is at that argument, and is not
/// repeated for the future that holds it.
pub trait OtherArgTypes {
    /// Never called.
    fn future<F: Future<Output: 'static>>(&self, _future: F) -> SendFuture<F::Output> {
        Box::pin(future::pending())
    }
}

impl<T> OtherArgTypes for ArgTypes<T> {}

/// Runs a function that is not async on the blocking pool, inside the caller's span. A panic continues in the
/// caller.
pub fn run_blocking(
    task: BackgroundTask,
    function: impl FnOnce() -> TaskResult + Send + 'static,
) -> TaskFuture {
    let BackgroundTask { on_thread, .. } = task;
    on_thread.set();
    let (span, traced) = (Span::current(), trace::current());
    Box::pin(async move {
        let run = move || caught(|| span.in_scope(|| in_scope(traced.as_ref(), function)));
        match spawn_blocking(run).await {
            Ok(Ok(ended)) => ended,
            Ok(Err(panic)) => panic.resume(),
            // The runtime is shut down by force.
            Err(stopped) => Err(TaskFailure::of(&stopped)),
        }
    })
}
