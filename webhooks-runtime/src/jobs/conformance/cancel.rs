//! Tests of cancelling deliveries, by a person or for a newer one.

use super::keyed::*;
use super::*;
use crate::endpoint::background::Latest;
use crate::jobs::delivery::RecoveryReport;
use crate::jobs::inspect::{CancelReport, CancelTarget, Purge};

const CANCEL: Policy = KEYED.latest(Latest::Cancel);

async fn cancel(store: &dyn Store, id: Uuid) -> CancelReport {
    store.cancel(&CancelTarget::One(id)).await.unwrap()
}

/// Returns the claims whose attempts a replica must stop. A heartbeat and a claim report the same ones.
async fn stopping(store: &dyn Store, replica: ReplicaId) -> Vec<ClaimId> {
    let response = store.heartbeat(replica, LEASE).await.unwrap();
    assert!(response.is_registered);
    let requests = [ClaimRequest { endpoint: TRAIN, slots: 0 }];
    let step = store.complete_and_claim(replica, &[], &requests).await.unwrap();
    assert_eq!(step.cancelled, response.cancelled);
    response.cancelled
}

async fn note(store: &dyn Store, id: Uuid) -> Option<String> {
    summary(store, id).await.note
}

pub(crate) async fn a_queued_delivery_is_cancelled_at_once(fixture: &dyn Fixture) {
    let store = open_with(fixture, KEYED).await;
    let me = replica(&*store).await;
    let first = queued(&*store, comment("a")).await;
    let second = queued(&*store, comment("a")).await;
    let report = cancel(&*store, first).await;
    assert_eq!(report, CancelReport { cancelled: 1, ..CancelReport::default() });
    let shown = summary(&*store, first).await;
    assert_eq!((shown.state, shown.attempts), (State::Cancelled, 0));
    assert!(shown.ended_at.is_some());
    assert_eq!(shown.note.as_deref(), Some("cancelled"));
    assert_eq!(claim_ids(&*store, me).await, [second]);
    for ended in [first, Uuid::now_v7()] {
        assert_eq!(cancel(&*store, ended).await, CancelReport::default());
    }
}

pub(crate) async fn a_running_delivery_is_stopped_by_its_replica(fixture: &dyn Fixture) {
    let (store, elsewhere) = (open_with(fixture, KEYED).await, open_with(fixture, KEYED).await);
    let (me, other) = (replica(&*store).await, replica(&*elsewhere).await);
    let id = queued(&*store, comment("a")).await;
    let next = queued(&*store, comment("a")).await;
    let claimed = claim_one(&*store, me, TRAIN).await;
    assert!(stopping(&*store, me).await.is_empty());
    let report = cancel(&*elsewhere, id).await;
    let claim = (id, claimed.fencing_token);
    assert_eq!(report, CancelReport { stopping: vec![claim], ..CancelReport::default() });
    let shown = summary(&*store, id).await;
    assert_eq!((shown.state, shown.cancel_requested), (State::Running, true));
    let listed = elsewhere.list(&all()).await.unwrap();
    let requested: Vec<_> = listed.iter().map(|it| (it.id, it.cancel_requested)).collect();
    assert_eq!(requested, [(next, false), (id, true)]);
    assert_eq!(stopping(&*store, me).await, [claim]);
    assert!(stopping(&*elsewhere, other).await.is_empty());
    let stopped = completion(&claimed, Transition::Cancelled);
    let response = store.complete_and_claim(me, &[stopped], &[]).await.unwrap();
    assert!(response.stale.is_empty() && response.diverted.is_empty());
    let shown = summary(&*store, id).await;
    assert_eq!((shown.state, shown.cancel_requested), (State::Cancelled, false));
    assert_eq!(note(&*store, id).await.as_deref(), Some("cancelled"));
    assert!(stopping(&*store, me).await.is_empty());
    assert_eq!(claim_ids(&*elsewhere, other).await, [next]);
}

pub(crate) async fn a_stop_that_nobody_asked_for_is_no_end(fixture: &dyn Fixture) {
    let store = open_with(fixture, KEYED).await;
    let me = replica(&*store).await;
    let id = queued(&*store, push("a", 1, 2)).await;
    let claimed = claim_one(&*store, me, TRAIN).await;
    assert!(complete(&*store, me, &claimed, Transition::Cancelled).await);
    let again = claim_one(&*store, me, TRAIN).await;
    assert_eq!((again.id, again.attempt), (id, 1));
}

pub(crate) async fn a_cancelled_delivery_is_not_queued_again(fixture: &dyn Fixture) {
    for next in [
        Transition::Retry { after: Duration::ZERO },
        Transition::Released,
        Transition::Wait { after: Duration::ZERO },
        Transition::Snooze { after: Duration::ZERO },
    ] {
        let store = open(fixture).await;
        let me = replica(&*store).await;
        let id = queue(&*store, TRAIN).await;
        let claimed = claim_one(&*store, me, TRAIN).await;
        cancel(&*store, id).await;
        let completion = completion(&claimed, next);
        let response = store.complete_and_claim(me, &[completion], &[]).await.unwrap();
        assert_eq!(response.diverted, [(id, State::Cancelled)]);
        assert_eq!(state(&*store, id).await, State::Cancelled);
        assert_eq!(note(&*store, id).await.as_deref(), Some("cancelled"));
        assert!(claim_ids(&*store, me).await.is_empty());
        store.close().await;
    }
}

pub(crate) async fn a_cancelled_delivery_that_succeeds_is_done(fixture: &dyn Fixture) {
    let store = open(fixture).await;
    let me = replica(&*store).await;
    for (next, expected) in [(Transition::Done, State::Done), (Transition::Dead, State::Dead)] {
        let id = queue(&*store, TRAIN).await;
        let claimed = claim_one(&*store, me, TRAIN).await;
        cancel(&*store, id).await;
        assert!(complete(&*store, me, &claimed, next).await);
        assert_eq!(state(&*store, id).await, expected);
        assert!(stopping(&*store, me).await.is_empty());
    }
}

pub(crate) async fn a_run_that_cannot_be_stopped_is_not_cancelled(fixture: &dyn Fixture) {
    let policy = Policy { stoppable: false, ..Policy::DEFAULT };
    let store = open_with(fixture, policy).await;
    let me = replica(&*store).await;
    let running = queue(&*store, TRAIN).await;
    let claimed = claim_one(&*store, me, TRAIN).await;
    let queued = queue(&*store, TRAIN).await;
    let refused = CancelReport { refused: vec![running], ..CancelReport::default() };
    assert_eq!(cancel(&*store, running).await, refused);
    assert!(stopping(&*store, me).await.is_empty());
    assert_eq!(cancel(&*store, queued).await.cancelled, 1);
    assert!(complete(&*store, me, &claimed, Transition::Released).await);
    assert_eq!(state(&*store, running).await, State::Queued);
    store.close().await;
    drop(store);
    // The new version of the function is async.
    let store = open_with(fixture, Policy::DEFAULT).await;
    let me = replica(&*store).await;
    let again = claim_one(&*store, me, TRAIN).await;
    assert_eq!(cancel(&*store, running).await.stopping, [(running, again.fencing_token)]);
}

pub(crate) async fn all_deliveries_of_an_endpoint_are_cancelled(fixture: &dyn Fixture) {
    let store = open(fixture).await;
    let me = replica(&*store).await;
    let running = queue(&*store, TRAIN).await;
    let claimed = claim_one(&*store, me, TRAIN).await;
    let done = queue(&*store, TRAIN).await;
    let ended = claim_one(&*store, me, TRAIN).await;
    assert!(complete(&*store, me, &ended, Transition::Done).await);
    let batch = (0..2345).map(|at| if at % 2 == 0 { comment("a") } else { new(TRAIN, None, "{}") });
    store.accept(batch.collect()).await.unwrap();
    let other = queue(&*store, ONE_AT_A_TIME).await;
    let target = CancelTarget::Endpoint("/webhooks/train".to_owned());
    let report = store.cancel(&target).await.unwrap();
    let stopping = vec![(running, claimed.fencing_token)];
    let expected = CancelReport { cancelled: 2345, stopping, refused: Vec::new() };
    assert_eq!(report, expected);
    assert!(complete(&*store, me, &claimed, Transition::Cancelled).await);
    assert!(claim_ids(&*store, me).await.is_empty());
    assert_eq!(claim_one(&*store, me, ONE_AT_A_TIME).await.id, other);
    assert_eq!(state(&*store, done).await, State::Done);
    assert_eq!(store.cancel(&target).await.unwrap(), CancelReport::default());
    let unknown = CancelTarget::Endpoint("/webhooks/unknown".to_owned());
    assert_eq!(store.cancel(&unknown).await.unwrap(), CancelReport::default());
    let next = queued(&*store, comment("a")).await;
    assert_eq!(claim_ids(&*store, me).await, [next]);
}

pub(crate) async fn a_cancelled_delivery_has_duplicates_like_a_done_one(fixture: &dyn Fixture) {
    let store = open(fixture).await;
    let again = || new(TRAIN, Some("same"), "{}");
    let id = queued(&*store, again()).await;
    cancel(&*store, id).await;
    assert_eq!(accept(&*store, again()).await, Accepted::Duplicate(id, State::Cancelled));
    store.advance_clock(Policy::DEFAULT.dedup_window).await.unwrap();
    queued(&*store, again()).await;
}

pub(crate) async fn a_lost_cancelled_delivery_is_cancelled(fixture: &dyn Fixture) {
    let store = open(fixture).await;
    // Also when the lost attempt was the last one.
    for (next, uncancelled) in [
        (Transition::Retry { after: Duration::ZERO }, State::Queued),
        (Transition::Dead, State::Dead),
    ] {
        let late = replica(&*store).await;
        let (id, other) = (queue(&*store, TRAIN).await, queue(&*store, ONE_AT_A_TIME).await);
        claim_one(&*store, late, TRAIN).await;
        claim_one(&*store, late, ONE_AT_A_TIME).await;
        cancel(&*store, id).await;
        store.advance_clock(LEASE * 2).await.unwrap();
        let me = replica(&*store).await;
        let report = store.recover_lost(me, &|_, _| next).await.unwrap();
        // Not the cancelled one.
        let dead: Vec<_> = (uncancelled == State::Dead).then_some(other).into_iter().collect();
        assert_eq!(report, RecoveryReport { recovered: 2, dead });
        assert_eq!(state(&*store, id).await, State::Cancelled);
        assert_eq!(note(&*store, id).await.as_deref(), Some("cancelled"));
        assert!(summary(&*store, id).await.ended_at.is_some());
        assert_eq!(state(&*store, other).await, uncancelled);
        cancel(&*store, other).await;
        store.deregister(me).await.unwrap();
    }
}

pub(crate) async fn a_newer_delivery_stops_the_running_one(fixture: &dyn Fixture) {
    let store = open_with(fixture, CANCEL).await;
    let me = replica(&*store).await;
    let older = queued(&*store, push("a", 1, 2)).await;
    let other = queued(&*store, push("b", 1, 2)).await;
    let mut claimed = claim(&*store, me, TRAIN, 2).await;
    claimed.retain(|it| it.id == older);
    let newer = queued(&*store, push("a", 2, 3)).await;
    assert_eq!(stopping(&*store, me).await, [(older, claimed[0].fencing_token)]);
    assert!(summary(&*store, older).await.cancel_requested);
    let stopped = completion(&claimed[0], Transition::Cancelled);
    let response = store.complete_and_claim(me, &[stopped], &[]).await.unwrap();
    assert_eq!(response.diverted, [(older, State::Superseded)]);
    assert_eq!(note(&*store, older).await, None);
    assert_superseded(&*store, older, newer).await;
    assert_eq!(summary(&*store, older).await.attempts, 0);
    let next = claim_one(&*store, me, TRAIN).await;
    assert_eq!((next.id, moved(&next)), (newer, (1, 3)));
    assert_eq!(state(&*store, other).await, State::Running);

    // A person's wish comes first.
    let last = queued(&*store, push("a", 3, 4)).await;
    assert_eq!(cancel(&*store, newer).await.stopping, [(newer, next.fencing_token)]);
    assert!(complete(&*store, me, &next, Transition::Cancelled).await);
    assert_eq!(state(&*store, newer).await, State::Cancelled);
    let next = claim_one(&*store, me, TRAIN).await;
    assert_eq!((next.id, moved(&next)), (last, (3, 4)));
}

pub(crate) async fn a_barrier_stops_nothing(fixture: &dyn Fixture) {
    let store = open_with(fixture, CANCEL).await;
    let me = replica(&*store).await;
    queued(&*store, push("a", 1, 2)).await;
    claim_one(&*store, me, TRAIN).await;
    queued(&*store, comment("a")).await;
    // Nor does one after a barrier, or of another scope.
    queued(&*store, push("a", 2, 3)).await;
    queued(&*store, comment("b")).await;
    claim_one(&*store, me, TRAIN).await;
    queued(&*store, push("b", 2, 3)).await;
    assert!(stopping(&*store, me).await.is_empty());
}

pub(crate) async fn a_delivery_that_was_stopped_for_a_purged_one_runs_again(fixture: &dyn Fixture) {
    let store = open_with(fixture, CANCEL).await;
    let me = replica(&*store).await;
    let older = queued(&*store, push("a", 1, 2)).await;
    let claimed = claim_one(&*store, me, TRAIN).await;
    queued(&*store, push("a", 2, 3)).await;
    let purge = Purge { state: State::Queued, endpoint: None, older_than: Duration::ZERO };
    assert_eq!(store.purge(&purge).await.unwrap(), 1);
    assert!(complete(&*store, me, &claimed, Transition::Cancelled).await);
    let again = claim_one(&*store, me, TRAIN).await;
    assert_eq!((again.id, again.attempt, moved(&again)), (older, 1, (1, 2)));
    assert!(stopping(&*store, me).await.is_empty());
}
