//! Reads the log lines of a delivery's attempts, for the page and the command line.

use uuid::Uuid;

use super::attempt_log::{AttemptLogLine, LogPosition};
use super::error::StoreError;
use super::handle::Jobs;
use super::state::State;

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

    /// Returns the state of a delivery, which says whether more lines may follow; `None` when it is deleted.
    ///
    /// # Errors
    ///
    /// When the store is unavailable.
    pub(crate) async fn state_of(&self, id: Uuid) -> Result<Option<State>, StoreError> {
        self.query_in_time(async move |store| store.state_of(id).await).await
    }
}
