//! Records the limits of a server in its store, so that programs that enqueue deliveries for it apply them, too.

use super::error::StoreError;
use super::store::StoreLimits;
use crate::state::SharedState;

/// The key of the value.
const LIMITS: &str = "store limits";

/// Records the limits of a server that has opened this store.
pub(super) async fn record_limits(
    store: &(impl SharedState + ?Sized),
    limits: StoreLimits,
) -> Result<(), StoreError> {
    let limits = serde_json::to_string(&limits).map_err(failed)?;
    store.set(LIMITS, &limits, None).await.map_err(failed)
}

/// Returns the limits of the server that has opened this store last. A server of an older version has recorded none: they
/// are the defaults.
pub(super) async fn recorded_limits(
    store: &(impl SharedState + ?Sized),
) -> Result<StoreLimits, StoreError> {
    let recorded = store.get(LIMITS).await.map_err(failed)?;
    // A newer version may record other ones.
    let limits = recorded.and_then(|recorded| serde_json::from_str(&recorded).ok());
    Ok(limits.unwrap_or_default())
}

fn failed(error: impl std::error::Error + Send + Sync + 'static) -> StoreError {
    StoreError::Failed(error.into())
}
