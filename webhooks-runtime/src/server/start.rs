//! Calls the functions that the builder's method `on_start` adds, once the server accepts connections.

use std::sync::{Mutex, PoisonError};

use futures_util::future::{BoxFuture, ready};
use tokio::task::AbortHandle;
use tokio::time::Instant;

use crate::http::part::{Console, Part};
use crate::jobs::DeliveryStore;

/// A function to call at the start. Its error is a text with all causes.
pub(super) type StartFunction =
    Box<dyn FnOnce(DeliveryStore) -> BoxFuture<'static, Result<(), String>> + Send>;

/// The functions to call at the start.
pub(super) struct StartPart {
    functions: Mutex<Vec<StartFunction>>,
    store: DeliveryStore,
    /// Those that were called.
    tasks: Mutex<Vec<AbortHandle>>,
}

impl StartPart {
    pub(super) fn new(functions: Vec<StartFunction>, store: DeliveryStore) -> Self {
        Self { functions: Mutex::new(functions), store, tasks: Mutex::default() }
    }
}

impl Part for StartPart {
    fn started(&self, _: Console) {
        let functions =
            std::mem::take(&mut *self.functions.lock().unwrap_or_else(PoisonError::into_inner));
        for function in functions {
            let store = self.store.clone();
            // The call is in the task, so that a panic ends the task and not the server.
            let task = tokio::spawn(async move {
                if let Err(error) = function(store).await {
                    tracing::error!(error, "the function of on_start failed");
                }
            });
            self.tasks.lock().unwrap_or_else(PoisonError::into_inner).push(task.abort_handle());
        }
    }

    /// Stops the functions, whose deliveries would not be accepted anymore.
    fn drain(&self, _: Instant) -> BoxFuture<'_, ()> {
        for task in self.tasks.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            task.abort();
        }
        Box::pin(ready(()))
    }
}
