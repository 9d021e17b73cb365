//! Compares the stores with `model` in random interleavings of everything that happens to deliveries with keys.

use std::collections::BTreeSet;
use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;
use proptest::collection::vec;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;

use super::keyed::*;
use super::model::Model;
use super::steps::{Step, policy, step};
use super::*;
use crate::jobs::delivery::DeliveryKey;
use crate::jobs::inspect::CancelTarget;

pub(crate) async fn random_interleavings_agree_with_the_model(fixture: &dyn Fixture) {
    let mut runner = TestRunner::default();
    let cases = (policy(), vec(step(), 1..80));
    let mut number = 0;
    // 22 by default: each step syncs the disk.
    for _ in 0..runner.config().cases.div_ceil(12) {
        let mut tree = cases.new_tree(&mut runner).unwrap();
        let mut smallest = None;
        loop {
            number += 1;
            let case = tree.current();
            let ended = AssertUnwindSafe(run_case(fixture, number, &case)).catch_unwind().await;
            let goes_on = match (ended, &smallest) {
                (Ok(()), None) => break,
                (Ok(()), Some(_)) => tree.complicate(),
                (Err(_), _) => {
                    smallest = Some(case);
                    tree.simplify()
                }
            };
            if !goes_on {
                panic!("{:#?}", smallest.unwrap());
            }
        }
    }
}

/// A store, two replicas, and what the model says about them.
struct Case<'a> {
    fixture: &'a dyn Fixture,
    path: String,
    store: Arc<dyn Store>,
    replicas: [ReplicaId; 2],
    running: Vec<(usize, Claimed)>,
    model: Model,
    /// The refs that functions have seen in attempts that succeeded.
    refs: BTreeSet<usize>,
}

/// Runs a case with an endpoint of its own: another case may have left deliveries in the store.
async fn run_case(fixture: &dyn Fixture, number: u32, (policy, steps): &(Policy, Vec<Step>)) {
    let path = format!("/webhooks/case_{number}");
    let store = fixture.open(endpoint_of(&path, *policy), NO_LIMIT.into()).await;
    let replicas = [replica(&*store).await, replica(&*store).await];
    let (running, refs, model) = (Vec::new(), BTreeSet::new(), Model::new(*policy));
    let mut case = Case { fixture, path, store, replicas, running, model, refs };
    let store = Arc::clone(&case.store);
    let ended = async {
        for step in steps {
            case.step(step).await;
            case.compare().await;
        }
        case.finish().await;
    };
    let ended = AssertUnwindSafe(ended).catch_unwind().await;
    case.store.close().await;
    drop(store);
    if let Err(panic) = ended {
        std::panic::resume_unwind(panic);
    }
}

fn endpoint_of(path: &str, policy: Policy) -> Vec<EndpointPolicy> {
    vec![EndpointPolicy { path: path.to_owned(), policy }]
}

impl Case<'_> {
    async fn step(&mut self, step: &Step) {
        let store = &*self.store;
        match step {
            Step::Accept(deliveries) => {
                let mut batch = Vec::new();
                for (key, scope) in deliveries {
                    let name = self.model.deliveries.len();
                    let mut new = comment(&key.to_string());
                    let body = format!(
                        r#"{{"updatedRefs":[{{"ref":"{name}","oldSha":"1","newSha":"2"}}]}}"#
                    );
                    let key_of = |text| DeliveryKey { text, merge: *scope, merge_bytes: 40 };
                    (new.key, new.body) = (Some(key_of(key.to_string())), body.into());
                    self.model.accept(new.id, *key, *scope);
                    batch.push(new);
                }
                let expected: Vec<_> = batch.iter().map(|new| Accepted::Queued(new.id)).collect();
                assert_eq!(store.accept(batch).await.unwrap(), expected);
            }
            Step::Claim { replica, slots } => self.claim(*replica, *slots).await,
            Step::End { which, next } => {
                if !self.running.is_empty() {
                    let at = which.index(self.running.len());
                    self.end(at, *next).await;
                }
            }
            Step::Stop { replica } => {
                let claim = |it: &Claimed| (it.id, it.fencing_token);
                let me = self.replicas[*replica];
                let told = store.heartbeat(me, LEASE).await.unwrap().cancelled;
                let stopped = |(owner, it): &(usize, Claimed)| {
                    *owner == *replica
                        && self.model.deliveries[self.model.position(it.id)].stop.is_some()
                };
                let mut expected: Vec<_> =
                    self.running.iter().filter(|it| stopped(it)).map(|(_, it)| claim(it)).collect();
                let mut claims = told.clone();
                claims.sort_unstable();
                expected.sort_unstable();
                assert_eq!(claims, expected, "told to stop");
                for stopped in told {
                    let at = self.running.iter().position(|(_, it)| claim(it) == stopped).unwrap();
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
            Step::Rerun(which) => {
                let all = 0..self.model.deliveries.len();
                let ended: Vec<_> =
                    all.filter(|at| self.model.deliveries[*at].state.is_final()).collect();
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
            Step::Wait(seconds) => {
                wait(store, *seconds).await;
                for replica in self.replicas {
                    store.register(replica, LEASE).await.unwrap();
                }
            }
            Step::Reopen => {
                self.lose(0).await;
                self.lose(1).await;
                self.store.close().await;
                let endpoints = endpoint_of(&self.path, self.model.policy);
                self.store = self.fixture.open(endpoints, NO_LIMIT.into()).await;
                self.replicas = [replica(&*self.store).await, replica(&*self.store).await];
            }
        }
    }

    async fn claim(&mut self, replica: usize, slots: u32) {
        let claimed = claim(&*self.store, self.replicas[replica], 0, slots).await;
        let ids: Vec<_> = claimed.iter().map(|it| it.id).collect();
        self.model.claim(&ids, slots as usize);
        for claimed in claimed {
            let at = self.model.position(claimed.id);
            let carries = &self.model.deliveries[at].carries;
            let merged: Vec<_> = carries.iter().map(|at| self.model.deliveries[*at].id).collect();
            assert_eq!(claimed.merged, merged, "in order of arrival");
            let expected: BTreeSet<_> = carries.iter().copied().chain([at]).collect();
            assert_eq!(refs_of(&claimed), expected);
            self.running.push((replica, claimed));
        }
    }

    async fn end(&mut self, at: usize, next: Transition) {
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
        let next = Transition::Retry { after: Duration::from_secs(10) };
        self.store.recover_lost(self.replicas[replica], &|_, _| next).await.unwrap();
        let (gone, left) = std::mem::take(&mut self.running)
            .into_iter()
            .partition::<Vec<_>, _>(|(owner, _)| *owner == replica);
        self.running = left;
        let mut gone: Vec<_> = gone.iter().map(|(_, it)| self.model.position(it.id)).collect();
        gone.sort_unstable();
        for at in gone {
            self.model.complete(at, next);
        }
    }

    /// Compares the states of all deliveries.
    async fn compare(&self) {
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
    async fn finish(&mut self) {
        self.step(&Step::Pause(false)).await;
        let has_live = |case: &Self| case.model.deliveries.iter().any(|it| !it.state.is_final());
        for _ in 0..self.model.deliveries.len() * 2 {
            if !has_live(self) {
                break;
            }
            while !self.running.is_empty() {
                self.end(0, Transition::Done).await;
            }
            self.step(&Step::Wait(100)).await;
            self.claim(0, 100).await;
            self.compare().await;
        }
        for at in 0..self.model.deliveries.len() {
            let it = &self.model.deliveries[at];
            assert!(it.state.is_final(), "{it:?} has not ended");
            let end = self.model.end_of(at);
            let has_run = end.state == State::Done && !it.is_late;
            assert!(!has_run || self.refs.contains(&at), "what {it:?} brought is lost");
        }
    }
}

fn refs_of(claimed: &Claimed) -> BTreeSet<usize> {
    let body: serde_json::Value = serde_json::from_slice(&claimed.body).unwrap();
    let refs = body["updatedRefs"].as_array().unwrap();
    refs.iter().map(|it| it["ref"].as_str().unwrap().parse().unwrap()).collect()
}
