//! Lets one replica of a server register its webhooks.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;
use uuid::Uuid;

use crate::state::{SharedState, StateError};

/// The lease of the replica that registers. The others wait until it ends.
#[derive(Clone)]
pub(crate) struct RegistrationLease {
    state: Arc<dyn SharedState>,
    name: String,
    holder: Uuid,
    /// The interval at which it is renewed. It lasts for three of them.
    renewal: Duration,
}

impl RegistrationLease {
    /// Returns the lease with a name, for a replica that does not have it yet.
    pub(super) fn new(state: Arc<dyn SharedState>, name: String, renewal: Duration) -> Self {
        Self { state, name, holder: Uuid::new_v4(), renewal }
    }

    /// Takes or renews the lease. Returns whether this replica has it.
    ///
    /// # Errors
    ///
    /// When the state cannot be changed.
    pub(super) async fn renew(&self) -> Result<bool, StateError> {
        self.state.lease(&self.name, self.holder, self.renewal * 3).await
    }

    /// Leaves the registration to another replica.
    pub(super) async fn release(&self) {
        // Otherwise the lease ends by itself.
        let _ = self.state.release(&self.name, self.holder).await;
    }

    /// Renews the lease while something takes long. The lease can be lost meanwhile: renew it before each change.
    pub(super) async fn renewing<T>(&self, work: impl Future<Output = T>) -> T {
        let mut work = std::pin::pin!(work);
        loop {
            tokio::select! {
                result = &mut work => return result,
                () = sleep(self.renewal) => drop(self.renew().await),
            }
        }
    }
}
