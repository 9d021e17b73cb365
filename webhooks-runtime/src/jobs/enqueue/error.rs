//! Defines the errors of `enqueue`.

use crate::jobs::error::StoreError;

/// Why a delivery was not enqueued.
///
/// ```
/// use webhooks_runtime::{DeliveryStore, EnqueueError, StoreError, WebhookPayload, webhook_endpoint};
/// use webhooks_runtime::serde_json::json;
///
/// #[webhook_endpoint(background)]
/// async fn retrain(_payload: WebhookPayload) {}
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> anyhow::Result<()> {
/// # let server = webhooks_runtime::WebhooksServer::empty().endpoint(retrain::endpoint()).port(0);
/// # let folder = tempfile::tempdir()?;
/// # let file = folder.path().join("webhooks.db");
/// # let server = server.store(file.to_str().unwrap_or_default()).start().await?;
/// let error = retrain::enqueue(&server, json!({ "epochs": 3 })).await.unwrap_err();
/// assert!(matches!(error, EnqueueError::Rejected { .. }));
/// # server.stop().await;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EnqueueError {
    /// The payload cannot be written as JSON.
    #[error("the payload cannot be written as JSON: {0}")]
    Payload(#[source] serde_json::Error),
    /// An argument of the function, or the key of the delivery, cannot be read from the payload.
    #[error("the function at {path} cannot read the payload: {faults}")]
    Rejected {
        /// The endpoint's path.
        path: String,
        /// Where the payload is wrong, and what is expected there.
        faults: String,
    },
    /// The function of the option `key` panicked, or its key is too long.
    #[error("the key of the delivery for {path} is unknown: {reason}")]
    Key {
        /// The endpoint's path.
        path: String,
        /// The message of the panic, or the length of the key.
        reason: String,
    },
    /// The store holds as many bytes as the server's `store_limit` allows.
    #[error("the store of background deliveries is full")]
    StoreFull,
    /// As many deliveries are queued or running as the server's `backlog_limit` allows.
    #[error("too many background deliveries are queued")]
    BacklogFull,
    /// The server, or in a test the server of the client, does not have the function as an endpoint.
    #[error("this server has no background endpoint {path}: add it with .endpoint(…)")]
    UnknownEndpoint {
        /// The endpoint's path.
        path: String,
    },
    /// This process has no open store: the command `deliver` runs the function, or the server has no endpoint with
    /// `background`.
    #[error("this process has no store of background deliveries")]
    NoStore,
    /// The store failed, or no server with the endpoint has used it.
    #[error(transparent)]
    Store(#[from] StoreError),
}
