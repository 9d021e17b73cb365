//! Tests of attempts that could not decide whether to call the function.

use super::*;
use crate::jobs::inspect::RetryTarget;

const MINUTE: Duration = Duration::from_secs(60);

/// Completes a delivery that waits, with a note.
async fn wait(store: &dyn Store, replica: ReplicaId, claimed: &Claimed) {
    let next = Transition::Wait { after: MINUTE };
    let note = Some("the Hub does not respond".to_owned());
    let completions = [Completion { note, ..completion(claimed, next) }];
    let stale = store.complete_and_claim(replica, &completions, &[]).await.unwrap().stale;
    assert!(stale.is_empty());
}

pub(crate) async fn a_waiting_delivery_is_due_later_without_a_count(fixture: &dyn Fixture) {
    let store = open(fixture).await;
    let me = replica(&*store).await;
    let id = queue(&*store, TRAIN).await;
    let first = claim_one(&*store, me, TRAIN).await;
    assert_eq!((first.attempt, first.waits), (1, 0));
    wait(&*store, me, &first).await;
    let shown = store.show(id).await.unwrap().unwrap();
    assert_eq!((shown.summary.state, shown.summary.attempts), (State::Queued, 0));
    assert_eq!(shown.summary.note.as_deref(), Some("the Hub does not respond"));
    assert!(shown.failed.is_empty() && shown.summary.error.is_none());

    assert!(claim(&*store, me, TRAIN, 1).await.is_empty());
    let response = store
        .complete_and_claim(me, &[], &[ClaimRequest { endpoint: TRAIN, slots: 1 }])
        .await
        .unwrap();
    let next_due = response.next_due.unwrap();
    assert!(next_due > MINUTE / 2 && next_due <= MINUTE, "{next_due:?}");
    store.advance_clock(MINUTE).await.unwrap();
    store.register(me, LEASE).await.unwrap();
    let second = claim_one(&*store, me, TRAIN).await;
    assert_eq!((second.id, second.attempt, second.waits), (id, 1, 1));
    assert!(second.fencing_token > first.fencing_token);
}

pub(crate) async fn waits_are_counted_in_a_row(fixture: &dyn Fixture) {
    let store = open(fixture).await;
    let id = queue(&*store, TRAIN).await;
    let claim_later = async || {
        store.advance_clock(MINUTE).await.unwrap();
        let me = replica(&*store).await;
        (me, claim_one(&*store, me, TRAIN).await)
    };
    for waits in 0..3 {
        let (me, claimed) = claim_later().await;
        assert_eq!(claimed.waits, waits);
        wait(&*store, me, &claimed).await;
    }
    // A release says nothing about the decision. An attempt that counts does.
    let (me, claimed) = claim_later().await;
    complete(&*store, me, &claimed, Transition::Released).await;
    let (me, claimed) = claim_later().await;
    assert_eq!((claimed.waits, claimed.releases), (3, 1));
    complete(&*store, me, &claimed, Transition::Retry { after: Duration::ZERO }).await;
    let (me, claimed) = claim_later().await;
    assert_eq!((claimed.waits, claimed.attempt), (0, 2));
    wait(&*store, me, &claimed).await;
    let (me, claimed) = claim_later().await;
    assert_eq!((claimed.waits, claimed.attempt), (1, 2));
    // Nor does a person who retries it know the decision.
    complete(&*store, me, &claimed, Transition::Dead).await;
    assert_eq!(store.retry(RetryTarget::One(id)).await.unwrap(), 1);
    assert_eq!(claim_later().await.1.waits, 0);
}

pub(crate) async fn waiting_never_counts_as_a_release(fixture: &dyn Fixture) {
    let store = open(fixture).await;
    queue(&*store, TRAIN).await;
    for waits in 0..20 {
        let me = replica(&*store).await;
        let claimed = claim_one(&*store, me, TRAIN).await;
        assert_eq!((claimed.attempt, claimed.releases, claimed.waits), (1, 0, waits));
        wait(&*store, me, &claimed).await;
        store.advance_clock(MINUTE).await.unwrap();
    }
}

pub(crate) async fn a_snoozed_delivery_is_due_later_without_a_count(fixture: &dyn Fixture) {
    let store = open(fixture).await;
    let me = replica(&*store).await;
    let id = queue(&*store, TRAIN).await;
    let claimed = claim_one(&*store, me, TRAIN).await;
    assert_eq!((claimed.attempt, claimed.snoozes), (1, 0));
    let after = Duration::from_secs(20);
    let note = Some("the Hub says: 429".to_owned());
    let snoozed = Completion { note, ..completion(&claimed, Transition::Snooze { after }) };
    assert!(store.complete_and_claim(me, &[snoozed], &[]).await.unwrap().stale.is_empty());
    let shown = store.show(id).await.unwrap().unwrap();
    assert_eq!((shown.summary.state, shown.summary.attempts), (State::Queued, 0));
    assert_eq!(shown.summary.note.as_deref(), Some("the Hub says: 429"));
    assert!(shown.failed.is_empty() && shown.summary.error.is_none());
    assert!(claim(&*store, me, TRAIN, 1).await.is_empty());
    store.advance_clock(after).await.unwrap();
    let claimed = claim_one(&*store, me, TRAIN).await;
    assert_eq!((claimed.attempt, claimed.snoozes), (1, 1));
}

pub(crate) async fn snoozes_are_counted_in_a_row(fixture: &dyn Fixture) {
    let store = open(fixture).await;
    let me = replica(&*store).await;
    let id = queue(&*store, TRAIN).await;
    let snooze = Transition::Snooze { after: Duration::ZERO };
    for snoozes in 0..3 {
        let claimed = claim_one(&*store, me, TRAIN).await;
        assert_eq!((claimed.attempt, claimed.snoozes), (1, snoozes));
        assert!(complete(&*store, me, &claimed, snooze).await);
    }
    // Neither a release nor a wait says anything about the function.
    let claimed = claim_one(&*store, me, TRAIN).await;
    assert!(complete(&*store, me, &claimed, Transition::Released).await);
    let claimed = claim_one(&*store, me, TRAIN).await;
    let wait = Transition::Wait { after: Duration::ZERO };
    assert!(complete(&*store, me, &claimed, wait).await);
    let claimed = claim_one(&*store, me, TRAIN).await;
    assert_eq!((claimed.snoozes, claimed.releases, claimed.waits), (3, 1, 1));
    // The function decides that it was called.
    assert!(complete(&*store, me, &claimed, snooze).await);
    let claimed = claim_one(&*store, me, TRAIN).await;
    assert_eq!((claimed.snoozes, claimed.waits), (4, 0));
    // One too many counts as an attempt, and is still one in the row.
    let counted = Transition::CountedSnooze { after: Duration::ZERO };
    assert!(complete(&*store, me, &claimed, counted).await);
    let claimed = claim_one(&*store, me, TRAIN).await;
    assert_eq!((claimed.snoozes, claimed.attempt), (5, 2));
    // Any other attempt that counts ends the row, and so does a person.
    assert!(complete(&*store, me, &claimed, Transition::Retry { after: Duration::ZERO }).await);
    let claimed = claim_one(&*store, me, TRAIN).await;
    assert_eq!((claimed.snoozes, claimed.attempt), (0, 3));
    assert!(complete(&*store, me, &claimed, snooze).await);
    let claimed = claim_one(&*store, me, TRAIN).await;
    assert!(complete(&*store, me, &claimed, Transition::Dead).await);
    assert_eq!(store.retry(RetryTarget::One(id)).await.unwrap(), 1);
    assert_eq!(claim_one(&*store, me, TRAIN).await.snoozes, 0);
}
