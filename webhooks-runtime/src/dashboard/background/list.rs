//! Reads the background deliveries that the page shows.

use std::time::Duration;

use tokio::time::timeout;

use super::pause::PausedEndpoints;
use crate::jobs::{DeliveryFilter, DeliverySummary, Jobs, State, StoreError};

/// The largest number of dead deliveries to show, and of the newest.
const MAX_SHOWN: u32 = 20;

/// The largest number of running deliveries to show.
const MAX_RUNNING_SHOWN: u32 = 100;

/// How long to wait for the store.
pub(super) const STORE_TIMEOUT: Duration = Duration::from_secs(2);

/// The background deliveries that the page shows.
#[derive(Debug)]
pub(in crate::dashboard) struct BackgroundDeliveries {
    /// In the order in which they are shown; `None` when the store does not respond.
    pub(in crate::dashboard) deliveries: Option<Vec<BackgroundDelivery>>,
    pub(in crate::dashboard) paused: PausedEndpoints,
}

/// A background delivery, with the policy of its endpoint.
#[derive(Clone, Debug)]
pub(in crate::dashboard) struct BackgroundDelivery {
    pub(in crate::dashboard) summary: DeliverySummary,
    /// The largest number of attempts; `None` when the program no longer has the endpoint.
    pub(in crate::dashboard) max_attempts: Option<u32>,
    /// How long an attempt may take; `None` when the program no longer has the endpoint.
    pub(in crate::dashboard) timeout: Option<Duration>,
    /// Whether a running attempt can be stopped. The store decides it for an endpoint that the program no longer has.
    pub(in crate::dashboard) is_stoppable: bool,
}

/// Reads the background deliveries that the page shows; `None` when the store does not respond.
pub(in crate::dashboard) async fn shown(jobs: &Jobs) -> Option<Vec<BackgroundDelivery>> {
    timeout(STORE_TIMEOUT, list(jobs)).await.ok()?.ok()
}

/// Lists the dead deliveries first, because they wait for a person, then the running ones, then the newest of the
/// rest.
async fn list(jobs: &Jobs) -> Result<Vec<BackgroundDelivery>, StoreError> {
    let query = |state, limit| jobs.list(DeliveryFilter { state, endpoint: None, limit });
    let (dead, running, newest) = tokio::try_join!(
        query(Some(State::Dead), MAX_SHOWN),
        query(Some(State::Running), MAX_RUNNING_SHOWN),
        query(None, MAX_SHOWN),
    )?;
    // A delivery can be in several results, for example when its state changes between the queries.
    let mut deliveries: Vec<BackgroundDelivery> = Vec::new();
    for summary in dead.into_iter().chain(running).chain(newest) {
        if !deliveries.iter().any(|delivery| delivery.summary.id == summary.id) {
            deliveries.push(BackgroundDelivery::new(jobs, summary));
        }
    }
    Ok(deliveries)
}

impl BackgroundDelivery {
    pub(super) fn new(jobs: &Jobs, summary: DeliverySummary) -> Self {
        let path = &summary.endpoint;
        Self {
            max_attempts: jobs.attempts(path),
            timeout: jobs.timeout(path),
            is_stoppable: jobs.is_stoppable(path).unwrap_or(true),
            summary,
        }
    }
}
