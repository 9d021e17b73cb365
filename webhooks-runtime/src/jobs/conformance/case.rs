//! A case of `interleavings`: does the same steps with a store and with the model, and compares them.

use std::collections::BTreeSet;

use super::keyed::*;
use super::model::{Arrival, Model};
use super::steps::{LOST, Step, TICK};
use super::*;
use crate::jobs::delivery::DeliveryKey;
use crate::jobs::inspect::CancelTarget;
use crate::payload::MergeScope;

/// A store, two replicas, and what the model says about them.
pub(super) struct Case<'a> {
    fixture: &'a dyn Fixture,
    path: String,
    pub(super) store: Arc<dyn Store>,
    replicas: [ReplicaId; 2],
    running: Vec<(usize, Claimed)>,
    model: Model,
    /// The refs that functions have seen in attempts that succeeded.
    refs: BTreeSet<usize>,
}

fn endpoint_of(path: &str, policy: Policy) -> Vec<EndpointPolicy> {
    vec![EndpointPolicy { path: path.to_owned(), policy }]
}

fn limits(body: u64) -> StoreLimits {
    StoreLimits { body, ..NO_LIMIT.into() }
}

impl<'a> Case<'a> {
    pub(super) async fn open(
        fixture: &'a dyn Fixture,
        number: u32,
        policy: Policy,
        body_limit: u64,
    ) -> Self {
        let path = format!("/webhooks/case_{number}");
        let store = fixture.open(endpoint_of(&path, policy), limits(body_limit)).await;
        let replicas = [replica(&*store).await, replica(&*store).await];
        let (running, refs, model) = (Vec::new(), BTreeSet::new(), Model::new(policy, body_limit));
        Self { fixture, path, store, replicas, running, model, refs }
    }

    /// Begins a new time of the model: what happens in it happens at once, and after everything before.
    async fn tick(&mut self) {
        tokio::time::sleep(Duration::from_millis(2)).await;
        self.model.now.1 += 1;
    }

    /// Makes a delivery that changes the ref with this number.
    fn delivery(
        &self,
        number: usize,
        webhook: usize,
        key: usize,
        scope: Option<MergeScope>,
    ) -> (NewDelivery, Arrival) {
        let body = format!(r#"{{"updatedRefs":[{{"ref":"{number}","oldSha":"1","newSha":"2"}}]}}"#);
        let text = key.to_string();
        let arrival = Arrival {
            id: Uuid::now_v7(),
            webhook,
            key,
            scope,
            length: body.len() as u64,
            bytes: 40,
        };
        let new = NewDelivery {
            id: arrival.id,
            webhook_id: Some(format!("{} {webhook}", self.path)),
            key: Some(DeliveryKey { text, merge: scope, merge_bytes: 40 }),
            body: body.into(),
            ..comment("")
        };
        (new, arrival)
    }

    /// Sends a delivery again, with its `Webhook-Id`.
    async fn repeat(&mut self, at: usize) {
        let it = &self.model.deliveries[at];
        let (webhook, key, count) = (it.webhook, it.key, self.model.deliveries.len());
        let scope = Some(MergeScope::Content);
        let expected = self.model.duplicate(at);
        let number = match expected {
            Some(Accepted::Queued(id)) => self.model.position(id),
            _ => count,
        };
        let (new, arrival) = self.delivery(number, webhook, key, scope);
        let accepted = accept(&*self.store, new).await;
        assert_eq!(accepted, expected.unwrap_or(Accepted::Queued(arrival.id)));
        match expected {
            None => self.model.accept(arrival),
            Some(Accepted::Queued(id)) => self.model.revive(id),
            Some(_) => {}
        }
    }

    pub(super) async fn step(&mut self, step: &Step) {
        self.tick().await;
        let store = &*Arc::clone(&self.store);
        match step {
            Step::Accept(deliveries) => {
                let mut batch = Vec::new();
                for (key, scope) in deliveries {
                    let number = self.model.deliveries.len();
                    let (new, arrival) = self.delivery(number, number, *key, *scope);
                    self.model.accept(arrival);
                    batch.push(new);
                }
                let expected: Vec<_> = batch.iter().map(|new| Accepted::Queued(new.id)).collect();
                assert_eq!(store.accept(batch).await.unwrap(), expected);
            }
            Step::Repeat(which) => {
                let dead = self.model.with_state(State::Dead);
                if !dead.is_empty() {
                    self.repeat(dead[which.index(dead.len())]).await;
                } else if !self.model.deliveries.is_empty() {
                    self.repeat(which.index(self.model.deliveries.len())).await;
                }
            }
            Step::Claim { replica, slots } => self.claim(*replica, *slots).await,
            Step::End { which, next } => {
                if !self.running.is_empty() {
                    let at = which.index(self.running.len());
                    self.end(at, *next).await;
                }
            }
            Step::Stop { replica } => {
                let me = self.replicas[*replica];
                let told = store.heartbeat(me, LEASE).await.unwrap().cancelled;
                self.assert_stops(*replica, &told);
                for claim in told {
                    let at = self.running.iter().position(|(_, it)| claim_id(it) == claim).unwrap();
                    self.end(at, Transition::Cancelled).await;
                }
            }
            Step::Cancel(which) => {
                if !self.model.deliveries.is_empty() {
                    let at = which.index(self.model.deliveries.len());
                    store.cancel(&CancelTarget::One(self.model.deliveries[at].id)).await.unwrap();
                    self.model.cancel(at);
                }
            }
            Step::CancelAll => {
                let all = CancelTarget::Endpoint(self.path.clone());
                store.cancel(&all).await.unwrap();
                (0..self.model.deliveries.len()).for_each(|at| self.model.cancel(at));
            }
            Step::Rerun(which) => {
                let ended = self.model.rerunnable();
                if !ended.is_empty() {
                    let at = ended[which.index(ended.len())];
                    assert!(store.rerun(self.model.deliveries[at].id).await.unwrap());
                    self.model.rerun(at);
                }
            }
            Step::Pause(pause) => {
                assert!(store.pause(&self.path, *pause).await.unwrap());
                self.model.is_paused = *pause;
            }
            Step::Lose { replica } => self.lose(*replica).await,
            Step::Wait(ticks) => {
                wait(store, TICK * ticks).await;
                self.model.now.0 += TICK * ticks;
                for replica in self.replicas {
                    store.register(replica, LEASE).await.unwrap();
                }
            }
            Step::Reopen => {
                self.lose(0).await;
                self.lose(1).await;
                self.store.close().await;
                let endpoints = endpoint_of(&self.path, self.model.policy);
                self.store = self.fixture.open(endpoints, limits(self.model.body_limit)).await;
                self.replicas = [replica(&*self.store).await, replica(&*self.store).await];
            }
        }
    }

    async fn claim(&mut self, replica: usize, slots: u32) {
        let (me, requests) = (self.replicas[replica], [ClaimRequest { endpoint: 0, slots }]);
        let response = self.store.complete_and_claim(me, &[], &requests).await.unwrap();
        self.assert_stops(replica, &response.cancelled);
        let claimed = response.claimed;
        let ids: Vec<_> = claimed.iter().map(|it| it.id).collect();
        self.model.claim(&ids, slots as usize);
        if let Some(seconds) = self.model.next_due().filter(|_| ids.len() < slots as usize) {
            let next_due = response.next_due.unwrap();
            assert!(next_due <= Duration::from_secs(seconds), "{next_due:?} and not {seconds} s");
        }
        for claimed in claimed {
            let at = self.model.position(claimed.id);
            let carries = &self.model.deliveries[at].carries;
            let merged: Vec<_> = carries.iter().map(|at| self.model.deliveries[*at].id).collect();
            assert_eq!(claimed.merged, merged, "in order of arrival");
            let it = &self.model.deliveries[at];
            assert_eq!((claimed.attempt, claimed.snoozes), (it.attempt, it.snoozes));
            let expected: BTreeSet<_> = carries.iter().copied().chain([at]).collect();
            assert_eq!(refs_of(&claimed), expected);
            self.running.push((replica, claimed));
        }
    }

    /// Asserts that a replica is told to stop the right deliveries.
    fn assert_stops(&self, replica: usize, told: &[ClaimId]) {
        let is_stopped = |id| self.model.deliveries[self.model.position(id)].stop.is_some();
        let mine = self.running.iter().filter(|(owner, it)| *owner == replica && is_stopped(it.id));
        let expected: BTreeSet<_> = mine.map(|(_, it)| claim_id(it)).collect();
        assert_eq!(told.iter().copied().collect::<BTreeSet<_>>(), expected, "told to stop");
    }

    async fn end(&mut self, at: usize, next: Transition) {
        self.tick().await;
        let (owner, claimed) = self.running.remove(at);
        assert!(complete(&*self.store, self.replicas[owner], &claimed, next).await);
        // A second completion has a stale fencing token.
        assert!(!complete(&*self.store, self.replicas[owner], &claimed, Transition::Dead).await);
        if next == Transition::Done {
            self.refs.extend(refs_of(&claimed));
        }
        self.model.complete(self.model.position(claimed.id), next);
    }

    async fn lose(&mut self, replica: usize) {
        let lost = self.replicas[replica];
        self.store.deregister(lost).await.unwrap();
        self.replicas[replica] = super::replica(&*self.store).await;
        self.store.recover_lost(self.replicas[replica], &|_, _| LOST).await.unwrap();
        let (gone, left) = std::mem::take(&mut self.running)
            .into_iter()
            .partition::<Vec<_>, _>(|(owner, _)| *owner == replica);
        self.running = left;
        let mut gone: Vec<_> = gone.iter().map(|(_, it)| self.model.position(it.id)).collect();
        gone.sort_unstable();
        for at in gone {
            self.model.complete(at, LOST);
        }
    }

    /// Compares the states of all deliveries.
    pub(super) async fn compare(&self) {
        let filter = DeliveryFilter { endpoint: Some(self.path.clone()), ..all() };
        let mut listed = self.store.list(&filter).await.unwrap();
        listed.reverse();
        let listed: Vec<_> = listed
            .iter()
            .map(|it| (it.id, it.state, it.superseded_by, it.merged as usize))
            .collect();
        let expected: Vec<_> = self
            .model
            .deliveries
            .iter()
            .map(|it| {
                let merged =
                    if it.state == State::Superseded { None } else { Some(it.carries.len()) };
                (it.id, it.state, it.superseded_by, merged)
            })
            .collect();
        assert_eq!(listed.len(), expected.len());
        for (listed, expected) in listed.into_iter().zip(expected) {
            let merged = expected.3.unwrap_or(listed.3);
            assert_eq!(listed, (expected.0, expected.1, expected.2, merged));
        }
    }

    /// Runs everything that is left, and checks that nothing is lost.
    pub(super) async fn finish(&mut self) {
        self.step(&Step::Pause(false)).await;
        let has_live = |case: &Self| case.model.deliveries.iter().any(|it| !it.state.is_final());
        for _ in 0..self.model.deliveries.len() * 2 {
            if !has_live(self) {
                break;
            }
            while !self.running.is_empty() {
                self.end(0, Transition::Done).await;
            }
            self.step(&Step::Wait(5)).await;
            self.claim(0, 100).await;
            self.compare().await;
        }
        for at in 0..self.model.deliveries.len() {
            let it = &self.model.deliveries[at];
            assert!(it.state.is_final(), "{it:?} has not ended");
            let end = self.model.end_of(at);
            let has_run = end.state == State::Done && !end.is_unseen && !it.is_unseen;
            assert!(!has_run || self.refs.contains(&at), "what {it:?} brought is lost");
        }
    }
}

fn claim_id(claimed: &Claimed) -> ClaimId {
    (claimed.id, claimed.fencing_token)
}
