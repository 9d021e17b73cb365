//! Counts deliveries by their endpoint and state, for the metrics.

use super::error::StoreError;
use super::handle::Jobs;
use super::state::State;

/// The states that are counted. Done deliveries are too many: those of a week by default.
pub(crate) const COUNTED: [State; 5] =
    [State::Queued, State::Running, State::Dead, State::Superseded, State::Cancelled];

/// How many deliveries of an endpoint are in a state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StateCount {
    /// The endpoint's path.
    pub(crate) endpoint: String,
    pub(crate) state: State,
    pub(crate) count: u64,
}

impl Jobs {
    /// Counts the deliveries of each endpoint of this program in each state of [`COUNTED`]. The store may be that of
    /// other programs, too. Takes longer the more deliveries there are: some tenths of a second for a million.
    pub(crate) async fn counts(&self) -> Result<Vec<StateCount>, StoreError> {
        let stored = self.query_in_time(async move |store| store.counts().await).await?;
        let mut counts = Vec::with_capacity(self.endpoints.len() * COUNTED.len());
        for endpoint in self.endpoints.iter() {
            for state in COUNTED {
                let of_both = |it: &&StateCount| it.endpoint == endpoint.path && it.state == state;
                let count = stored.iter().find(of_both).map_or(0, |it| it.count);
                counts.push(StateCount { endpoint: endpoint.path.clone(), state, count });
            }
        }
        Ok(counts)
    }
}
