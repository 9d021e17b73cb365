//! What can go wrong with a store.

use std::error::Error as StdError;
use std::path::PathBuf;

/// Why deliveries cannot be kept.
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
    /// The store isn't named in a way that is understood.
    #[error(
        "The store of background deliveries must be a file, or postgres://user:password@host/database: {reason}."
    )]
    Address {
        /// What is wrong, without the address, which may hold a password.
        reason: String,
    },
    /// Another process has the file.
    #[error(
        "Another process has the background deliveries in {}.\n\
         Stop it, or give this one a file of its own: --store FILE, .store(\"FILE\") in code, or WEBHOOKS_STORE. \
         Several processes share a store on PostgreSQL: --store postgres://…",
        .path.display()
    )]
    Taken {
        /// The file.
        path: PathBuf,
    },
    /// The store cannot be opened.
    #[error("The background deliveries in {store} cannot be opened: {cause}.")]
    Open {
        /// The store, without a password.
        store: String,
        /// Why.
        cause: Box<dyn StdError + Send + Sync>,
    },
    /// The store was opened and doesn't do what it is asked.
    #[error("the store of background deliveries failed: {0}")]
    Failed(Box<dyn StdError + Send + Sync>),
    /// The server is being stopped.
    #[error("the store of background deliveries is closed")]
    Closed,
}

#[cfg(feature = "background")]
impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Failed(Box::new(error))
    }
}

#[cfg(feature = "postgres")]
impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::PoolClosed => Self::Closed,
            error => Self::Failed(Box::new(error)),
        }
    }
}
