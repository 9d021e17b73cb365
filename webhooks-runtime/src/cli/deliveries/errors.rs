//! Defines the errors of the command `deliveries`.

use std::error::Error;
use std::path::PathBuf;

use crate::jobs::StoreError;

/// The error of a store that does not exist yet.
#[derive(Debug, thiserror::Error)]
#[error(
    "The store {} does not exist yet. The server creates it when it starts. If the server uses another store, \
     name it with --store or WEBHOOKS_STORE.",
    .0.display()
)]
pub(super) struct NoStore(pub(super) PathBuf);

/// The error of a program without background deliveries.
#[derive(Debug, thiserror::Error)]
#[error(
    "This program has no background endpoint, so it has no background deliveries. Add one with \
     #[webhook_endpoint(background)]."
)]
pub(super) struct NoBackgroundEndpoint;

/// A command line without deliveries to change.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoSelection {
    #[error("Name deliveries by their ids, or retry all dead ones: deliveries retry --dead")]
    Retry,
    #[error(
        "Choose the deliveries to delete: --dead for dead ones, --endpoint for the dead and queued ones of an \
         endpoint"
    )]
    Purge,
    #[error(
        "Name deliveries by their ids, or cancel all of an endpoint: deliveries cancel --endpoint PATH"
    )]
    Cancel,
}

/// The error of a command that modifies a store when the settings in code are unknown: the default store may be
/// the wrong one.
pub(super) const UNKNOWN_STORE: &str = "The store may be set in code, so nothing was changed. \
    Name it: --store FILE or --store URL.";

/// The error of an endpoint that the store does not have.
#[derive(Debug, thiserror::Error)]
#[error(
    "There is no endpoint {path} in {store}. This program has the background endpoints {known}; the server adds them to \
     its store when it starts."
)]
pub(super) struct NoEndpoint {
    pub(super) path: String,
    pub(super) store: String,
    pub(super) known: String,
}

/// Converts the error of a store to one that a terminal can show.
pub(super) fn failed(error: StoreError) -> Box<dyn Error> {
    match error {
        StoreError::Failed(cause) => {
            format!("The store of background deliveries failed: {cause}.").into()
        }
        error => error.into(),
    }
}
