//! Notes how the deliveries of reconciled endpoints have moved the refs of watched repos.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use actix_web::http::StatusCode;
use tokio::sync::{mpsc, oneshot};

use super::memory::{ComparedRepo, RefMemory};
use super::ref_log::RefLogEntry;
use super::seen::NO_COMMIT;
use crate::endpoint::extract::body::parse_payload;
use crate::endpoint::filter::Conditions;
use crate::http::outcome::{Observation, Observer};
use crate::hub::RepoId;
use crate::payload::{EventAction, EventScope, WebhookPayloadUpdatedRef};
use crate::state::StateError;

/// How many deliveries may wait to be noted. A poll makes deliveries for the commits of those beyond that.
const MOST_WAITING: usize = 4096;

/// The longest name of a ref and the longest id of a commit that are noted, in bytes. Anyone who can send deliveries
/// chooses them.
const LONGEST_REF: usize = 500;
const LONGEST_SHA: usize = 64;

/// The longest name of a repo, in bytes.
const LONGEST_REPO: usize = 200;

/// The conditions of endpoints, by their paths.
pub(super) type EndpointConditions = HashMap<String, Conditions>;

/// The refs that a delivery has moved.
#[derive(Debug)]
pub(super) struct ObservedDelivery {
    /// The endpoint's path.
    endpoint: String,
    repo: RepoId,
    refs: Vec<WebhookPayloadUpdatedRef>,
}

/// What is passed on, in the order in which requests end.
#[derive(Debug)]
pub(super) enum ObservedItem {
    Delivery(ObservedDelivery),
    /// Answered when everything before it is stored.
    Flush(oneshot::Sender<()>),
}

/// Passes on what deliveries bring, so that no request waits for the store.
pub(super) struct CommitObserver {
    pub(super) endpoints: EndpointConditions,
    /// Taken when the server has responded to the last request.
    items: Mutex<Option<mpsc::Sender<ObservedItem>>>,
}

impl CommitObserver {
    /// Creates the observer of endpoints, and the receiver of what it observes.
    pub(super) fn new(endpoints: EndpointConditions) -> (Self, mpsc::Receiver<ObservedItem>) {
        let (items, receiver) = mpsc::channel(MOST_WAITING);
        (Self { endpoints, items: Mutex::new(Some(items)) }, receiver)
    }

    /// Ends the receiver, once it has received what was observed.
    pub(super) fn close(&self) {
        self.items.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    /// Waits until what was observed before is stored. Returns `false` if the server ends instead.
    pub(super) async fn flush(&self) -> bool {
        let Some(items) = self.items.lock().unwrap_or_else(PoisonError::into_inner).clone() else {
            return false;
        };
        let (flushed, is_flushed) = oneshot::channel();
        items.send(ObservedItem::Flush(flushed)).await.is_ok() && is_flushed.await.is_ok()
    }

    /// Passes on the refs that a delivery has moved.
    pub(super) fn pass_on(&self, endpoint: &str, body: &[u8]) {
        let Some(conditions) = self.endpoints.get(endpoint) else { return };
        let Some((repo, mut refs)) = moved_refs(body, conditions) else { return };
        refs.retain(|updated| is_noted(updated, conditions));
        if refs.is_empty() {
            return;
        }
        let delivery = ObservedDelivery { endpoint: endpoint.to_owned(), repo, refs };
        let items = self.items.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(items) = &*items {
            let _ = items.try_send(ObservedItem::Delivery(delivery));
        }
    }
}

impl Observer for CommitObserver {
    fn observe(&self, observation: &Observation<'_>) {
        let (delivery, outcome) = (observation.delivery, observation.outcome);
        // A duplicate was noted before. What a viewer sends says nothing of the Hub.
        let is_accepted =
            outcome.delivery.is_some() && outcome.response.status() == StatusCode::ACCEPTED;
        let is_news = is_accepted || outcome.skip_reason().is_some();
        if let Some(body) = observation.body.filter(|_| is_news && !delivery.by_viewer) {
            self.pass_on(delivery.endpoint, body);
        }
    }
}

/// Returns the refs of a repo that an endpoint watches and that a payload has moved; `None` if there are none.
pub(super) fn moved_refs(
    body: &[u8],
    conditions: &Conditions,
) -> Option<(RepoId, Vec<WebhookPayloadUpdatedRef>)> {
    let payload = parse_payload(body).ok()?.payload;
    let is_content = payload.event.matches(EventAction::Update, EventScope::RepoContent);
    let is_watched = conditions.watches(&payload.repo) && payload.repo.name.len() <= LONGEST_REPO;
    if !is_content || !is_watched {
        return None;
    }
    let repo = RepoId::from(&payload);
    let mut refs = payload.updated_refs?;
    refs.retain(|updated| conditions.selects_ref(&updated.ref_name));
    (!refs.is_empty()).then_some((repo, refs))
}

/// Returns whether a move of a ref is noted.
pub(super) fn is_noted(updated: &WebhookPayloadUpdatedRef, conditions: &Conditions) -> bool {
    is_compared(&updated.ref_name, conditions) && is_bounded(updated)
}

fn is_bounded(updated: &WebhookPayloadUpdatedRef) -> bool {
    let WebhookPayloadUpdatedRef { ref_name, old_sha, new_sha } = updated;
    let mut shas = [old_sha, new_sha].into_iter().flatten();
    ref_name.len() <= LONGEST_REF && shas.all(|sha| sha.len() <= LONGEST_SHA)
}

/// Returns whether polls compare a ref for an endpoint: a branch or a tag. Pull requests can be very many.
pub(super) fn is_compared(ref_name: &str, conditions: &Conditions) -> bool {
    let is_kind = ["refs/heads/", "refs/tags/"].iter().any(|kind| ref_name.starts_with(kind));
    is_kind && conditions.selects_ref(ref_name)
}

/// Stores the moves that deliveries report, until the observer is closed.
pub(super) async fn note_all(memory: &RefMemory, mut observed: mpsc::Receiver<ObservedItem>) {
    while let Some(item) = observed.recv().await {
        match item {
            ObservedItem::Delivery(delivery) => {
                // A poll makes a delivery of what was not noted.
                if let Err(error) = note(memory, &delivery).await {
                    tracing::debug!(%error, "the commits of a delivery were not noted");
                }
            }
            ObservedItem::Flush(flushed) => {
                // The request that waits may have ended.
                let _ = flushed.send(());
            }
        }
    }
}

/// Stores the moves that a delivery reports.
async fn note(memory: &RefMemory, observed: &ObservedDelivery) -> Result<(), StateError> {
    let repo = observed.repo.to_string();
    let of = ComparedRepo { endpoint: &observed.endpoint, repo: &repo };
    let entry = |updated: &WebhookPayloadUpdatedRef| {
        let [old, new] = [&updated.old_sha, &updated.new_sha];
        let [old, new] = [old, new].map(|sha| sha.as_deref().unwrap_or(NO_COMMIT));
        RefLogEntry::arrived(&updated.ref_name, (old, new))
    };
    memory.note(of, &observed.refs.iter().map(entry).collect::<Vec<_>>()).await
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::config::environment::Environment;
    use crate::endpoint::filter::Filter;
    use crate::payload::WebhookPayload;
    use crate::samples::dataset_commit;

    /// Returns the names of the refs that are noted of a delivery that deletes four.
    fn noted(filter: &Filter, repo: &str) -> Vec<String> {
        let payload: WebhookPayload = dataset_commit().repo(repo).into();
        let mut body: Value = serde_json::to_value(payload).unwrap();
        let names = ["refs/heads/main", "refs/heads/dev", "refs/tags/v1", "refs/pr/1"];
        body["updatedRefs"] =
            names.map(|name| json!({ "ref": name, "oldSha": "a", "newSha": null })).into();
        let conditions = filter.resolve(&Environment::default(), &mut Vec::new());
        let moved = moved_refs(body.to_string().as_bytes(), &conditions);
        let refs = moved.into_iter().flat_map(|(_, refs)| refs);
        refs.filter(|it| is_noted(it, &conditions)).map(|it| it.ref_name).collect()
    }

    #[test]
    fn names_and_ids_that_are_too_long_are_not_noted() {
        let long = "x".repeat(LONGEST_REF);
        for (name, sha, is_noted) in
            [("main", "a", true), (&long, "a", false), ("main", &long, false)]
        {
            let updated = WebhookPayloadUpdatedRef {
                ref_name: format!("refs/heads/{name}"),
                old_sha: None,
                new_sha: Some(sha.to_owned()),
            };
            assert_eq!(is_bounded(&updated), is_noted);
        }
    }

    #[test]
    fn the_branches_and_tags_that_the_filter_selects_are_noted() {
        let watching = || Filter::new().watch("dataset:me/data");
        let all = ["refs/heads/main", "refs/heads/dev", "refs/tags/v1"];
        assert_eq!(noted(&watching(), "me/data"), all);
        assert_eq!(noted(&watching(), "me/other"), [""; 0]);
        // `branch` skips the deletion of a branch, but its next commit does not follow the one before.
        assert_eq!(noted(&watching().branch("main"), "me/data"), all[..1]);
        assert_eq!(noted(&watching().refs("refs/**"), "me/data"), all);
    }
}
