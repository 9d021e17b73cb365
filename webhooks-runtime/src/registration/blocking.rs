//! Does work on the blocking pool, so that no request waits for it.

use std::panic::resume_unwind;

use tokio::task::spawn_blocking;

/// Does work that takes some milliseconds or more, such as hashing secrets. A panic of it goes on here.
pub(crate) async fn on_blocking_pool<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> T {
    match spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => resume_unwind(panic),
            // The runtime ends, and this task with it.
            Err(_) => std::future::pending().await,
        },
    }
}
