//! Notes which commits the deliveries of reconciled endpoints bring.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use actix_web::http::StatusCode;
use tokio::sync::mpsc;

use super::decide::after_delivery;
use super::memory::{RefMemory, WatchedRef};
use crate::endpoint::extract::body::parse_payload;
use crate::http::outcome::{Observation, Observer};
use crate::hub::RepoId;
use crate::payload::{EventAction, EventScope, WebhookPayloadUpdatedRef};
use crate::state::StateError;

/// How many deliveries may wait to be noted. A poll makes deliveries for the commits of those beyond that.
const MOST_WAITING: usize = 4096;

/// The refs that a delivery has moved.
#[derive(Debug)]
pub(super) struct ObservedDelivery {
    /// The endpoint's path.
    endpoint: String,
    repo: RepoId,
    refs: Vec<WebhookPayloadUpdatedRef>,
}

/// Passes on what deliveries bring, so that no request waits for the store.
pub(super) struct CommitObserver {
    endpoints: HashSet<String>,
    /// Taken when the server has responded to the last request.
    deliveries: Mutex<Option<mpsc::Sender<ObservedDelivery>>>,
}

impl CommitObserver {
    /// Creates the observer of endpoints, and the receiver of what it observes.
    pub(super) fn new(
        endpoints: impl IntoIterator<Item = String>,
    ) -> (Self, mpsc::Receiver<ObservedDelivery>) {
        let (deliveries, receiver) = mpsc::channel(MOST_WAITING);
        let endpoints = endpoints.into_iter().collect();
        (Self { endpoints, deliveries: Mutex::new(Some(deliveries)) }, receiver)
    }

    /// Ends the receiver, once it has received what was observed.
    pub(super) fn close(&self) {
        self.deliveries.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}

impl Observer for CommitObserver {
    fn observe(&self, observation: &Observation<'_>) {
        let (delivery, outcome) = (observation.delivery, observation.outcome);
        // A duplicate was noted before. What a viewer sends says nothing of the Hub.
        let is_accepted =
            outcome.delivery.is_some() && outcome.response.status() == StatusCode::ACCEPTED;
        let is_news = is_accepted || outcome.skip_reason().is_some();
        if !is_news || delivery.by_viewer || !self.endpoints.contains(&**delivery.endpoint) {
            return;
        }
        if let Some((repo, refs)) = observation.body.and_then(moved_refs) {
            let endpoint = (**delivery.endpoint).to_owned();
            let deliveries = self.deliveries.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(deliveries) = &*deliveries {
                let _ = deliveries.try_send(ObservedDelivery { endpoint, repo, refs });
            }
        }
    }
}

/// Returns the refs that a payload has moved; `None` if it is none of a commit.
pub(super) fn moved_refs(body: &[u8]) -> Option<(RepoId, Vec<WebhookPayloadUpdatedRef>)> {
    let payload = parse_payload(body).ok()?.payload;
    let is_content = payload.event.matches(EventAction::Update, EventScope::RepoContent);
    let repo = RepoId::from(&payload);
    Some((repo, payload.updated_refs?)).filter(|(_, refs)| is_content && !refs.is_empty())
}

/// Stores what a delivery has brought.
pub(super) async fn note(
    memory: &RefMemory,
    observed: &ObservedDelivery,
) -> Result<(), StateError> {
    let repo = observed.repo.to_string();
    for updated in &observed.refs {
        let WebhookPayloadUpdatedRef { ref_name, old_sha, new_sha } = updated;
        // Polls compare branches and tags. Pull requests can be very many.
        if !["refs/heads/", "refs/tags/"].iter().any(|kind| ref_name.starts_with(kind)) {
            continue;
        }
        let of = WatchedRef { endpoint: &observed.endpoint, repo: &repo, ref_name };
        match new_sha {
            None => memory.forget(&of).await?,
            Some(new) => {
                let seen = memory.seen(&of).await?;
                if let Some(seen) = after_delivery(seen, old_sha.as_deref(), new) {
                    memory.set_seen(&of, &seen).await?;
                }
            }
        }
    }
    Ok(())
}
