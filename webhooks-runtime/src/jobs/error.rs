//! Defines the errors of a store of background deliveries.

use std::error::Error as StdError;
use std::path::PathBuf;

use crate::state::StateError;

/// An error of the store of background deliveries.
///
/// ```
/// use webhooks_runtime::{LaunchError, StoreError, WebhookPayload, WebhooksServer, webhook_endpoint};
///
/// #[webhook_endpoint(background)]
/// async fn train(_payload: WebhookPayload) {}
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let server = WebhooksServer::empty().endpoint(train::endpoint()).port(0);
/// let error = server.store("mysql://db/webhooks").start().await.unwrap_err();
/// assert!(matches!(error, LaunchError::Store(StoreError::Address { .. })));
/// # }
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The name or URL of the store is invalid.
    #[error(
        "The store of background deliveries must be a file, or postgres://user:password@host/database: {reason}."
    )]
    Address {
        /// The reason why it is invalid. It does not contain the address, which may contain a password.
        reason: String,
    },
    /// Another process is using the file.
    #[error(
        "Another process is using the background deliveries in {}.\n\
         Stop it, or choose another file: --store FILE, .store(\"FILE\") in code, or WEBHOOKS_STORE. \
         To share a store between processes, use PostgreSQL: --store postgres://…",
        .path.display()
    )]
    Taken {
        /// The file.
        path: PathBuf,
    },
    /// The store could not be opened.
    #[error("The background deliveries in {store} cannot be opened: {cause}.")]
    Open {
        /// The store's name, without a password.
        store: String,
        /// The cause.
        cause: Box<dyn StdError + Send + Sync>,
    },
    /// No server with the endpoint has used the store, or the server does not have it.
    #[error(
        "no server with the endpoint {path} has used the store of background deliveries: start one first"
    )]
    UnknownEndpoint {
        /// The endpoint's path.
        path: String,
    },
    /// An operation on the open store failed.
    #[error("the store of background deliveries failed: {0}")]
    Failed(Box<dyn StdError + Send + Sync>),
    /// The server is shutting down.
    #[error("the store of background deliveries is closed")]
    Closed,
}

impl From<StoreError> for StateError {
    fn from(error: StoreError) -> Self {
        Self::Store(Box::new(error))
    }
}
