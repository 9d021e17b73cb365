//! Cancels deliveries, runs them again, and pauses endpoints.

use std::sync::Arc;
use std::time::SystemTime;

use uuid::Uuid;

use super::error::StoreError;
use super::handle::Jobs;
use super::inspect::{CancelReport, CancelTarget};
use super::scheduler::SchedulerCommand;
use super::store::Store;

impl Jobs {
    /// Cancels queued deliveries, and stops running ones: at once in this process, and with their next heartbeats in
    /// others.
    ///
    /// # Errors
    ///
    /// When the store is unavailable.
    pub(crate) async fn cancel(&self, target: CancelTarget) -> Result<CancelReport, StoreError> {
        let report =
            self.query(async move |store: Arc<dyn Store>| store.cancel(&target).await).await?;
        if !report.stopping.is_empty() {
            let _ = self.commands.try_send(SchedulerCommand::Cancel(report.stopping.clone()));
        }
        // The next one of a key may be claimed now.
        self.wakeups.wake_all();
        self.changed();
        Ok(report)
    }

    /// Queues an ended delivery again, and returns whether it had ended.
    ///
    /// # Errors
    ///
    /// When the store is unavailable.
    pub(crate) async fn rerun(&self, id: Uuid) -> Result<bool, StoreError> {
        let queued = self.query_in_time(async move |store| store.rerun(id).await).await?;
        self.wakeups.wake_all();
        self.changed();
        Ok(queued)
    }

    /// Pauses an endpoint, or resumes it. Returns whether the store has the endpoint.
    ///
    /// # Errors
    ///
    /// When the store is unavailable.
    pub(crate) async fn pause(&self, path: &str, pause: bool) -> Result<bool, StoreError> {
        let path = path.to_owned();
        let found = self.query_in_time(async move |store| store.pause(&path, pause).await).await?;
        self.wakeups.wake_all();
        self.changed();
        Ok(found)
    }

    /// Returns the paths of the paused endpoints, and since when each is paused.
    ///
    /// # Errors
    ///
    /// When the store is unavailable.
    pub(crate) async fn paused(&self) -> Result<Vec<(String, SystemTime)>, StoreError> {
        self.query_in_time(async |store| store.paused().await).await
    }

    /// Returns whether a running delivery of the endpoint with this path can be stopped; `None` when there is no such
    /// endpoint.
    pub(crate) fn is_stoppable(&self, path: &str) -> Option<bool> {
        self.indexes.get(path).map(|index| self.endpoints[*index].policy.stoppable)
    }

    /// Returns the paths of this program's background endpoints.
    pub(crate) fn paths(&self) -> impl Iterator<Item = &str> {
        self.endpoints.iter().map(|endpoint| endpoint.path.as_str())
    }
}
