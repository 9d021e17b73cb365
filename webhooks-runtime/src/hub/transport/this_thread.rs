//! Lets calls run on the thread that waits for them.

use std::future::Future;

use tokio::task_local;

task_local! {
    static ON_THIS_THREAD: ();
}

/// Runs a call whose requests block the thread that polls it.
///
/// For a thread that waits for the call anyway. It may be the last one of the pool for blocking work.
pub(in crate::hub) async fn on_this_thread<F: Future>(call: F) -> F::Output {
    ON_THIS_THREAD.scope((), call).await
}

/// Returns whether the current call is one of [`on_this_thread`].
pub(in crate::hub) fn may_block() -> bool {
    ON_THIS_THREAD.try_with(|()| ()).is_ok()
}
