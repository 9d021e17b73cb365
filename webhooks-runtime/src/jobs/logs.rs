//! Reads the log lines of a delivery's attempts, for the page and the command line.

use uuid::Uuid;

use super::attempt_log::{AttemptLogLine, LogPosition};
use super::error::StoreError;
use super::handle::Jobs;
use super::inspect::DeliverySummary;

impl Jobs {
    /// Returns the log lines of a delivery's attempts, in order: the first `limit` after a position, or else the last
    /// `limit`.
    ///
    /// # Errors
    ///
    /// When the store is unavailable.
    pub(crate) async fn logs(
        &self,
        id: Uuid,
        after: Option<LogPosition>,
        limit: u32,
    ) -> Result<Vec<AttemptLogLine>, StoreError> {
        self.query_in_time(async move |store| store.logs(id, after, limit).await).await
    }

    /// Returns a delivery as a list shows it: its state says whether more lines may follow. `None` when it is deleted.
    ///
    /// # Errors
    ///
    /// When the store is unavailable.
    pub(crate) async fn summary_of(&self, id: Uuid) -> Result<Option<DeliverySummary>, StoreError> {
        self.query_in_time(async move |store| store.summary_of(id).await).await
    }
}
