//! Elects the replica that asks the Hub.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;
use uuid::Uuid;

use crate::state::SharedState;

/// The lease of one replica.
pub(super) struct PollLease {
    pub(super) state: Arc<dyn SharedState>,
    pub(super) name: String,
    pub(super) holder: Uuid,
    pub(super) renewal: Duration,
}

impl PollLease {
    /// Takes or renews it. Returns whether this replica has it.
    pub(super) async fn renew(&self) -> bool {
        self.state.lease(&self.name, self.holder, self.renewal * 3).await.unwrap_or(false)
    }

    /// Renews it meanwhile. Returns `None`, and ends the work, when this replica has lost it.
    pub(super) async fn renewing<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        let mut work = std::pin::pin!(work);
        loop {
            tokio::select! {
                result = &mut work => return Some(result),
                () = sleep(self.renewal) => if !self.renew().await { return None },
            }
        }
    }
}
