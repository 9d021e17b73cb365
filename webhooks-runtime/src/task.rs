//! Spawns tasks with boxed futures.
//!
//! Tokio's code of a task, about a hundred functions, is compiled for each type of future and each kind of scheduler.
//! All boxed futures with the same output share one copy, which leaves a tenth less to compile and to link.

use std::future::Future;

use futures_util::FutureExt;
use tokio::task::JoinHandle;

/// Spawns a task in the current runtime.
pub(crate) fn spawn<T: Send + 'static>(
    future: impl Future<Output = T> + Send + 'static,
) -> JoinHandle<T> {
    tokio::spawn(future.boxed())
}
