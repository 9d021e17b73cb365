//! Tests of deliveries that wait until their key is quiet.

use super::keyed::*;
use super::*;

/// 5 minutes, at most 30.
const DEBOUNCED: Policy = KEYED.debounce(300_000, 1_800_000);

async fn is_due(store: &dyn Store) -> bool {
    let me = replica(store).await;
    let claimed = claim(store, me, TRAIN, 10).await;
    for claimed in &claimed {
        assert!(complete(store, me, claimed, Transition::Released).await);
    }
    !claimed.is_empty()
}

pub(crate) async fn a_delivery_waits_until_its_key_is_quiet(fixture: &dyn Fixture) {
    let store = open_with(fixture, DEBOUNCED).await;
    let me = replica(&*store).await;
    let first = queued(&*store, push("a", 1, 2)).await;
    let response = store
        .complete_and_claim(me, &[], &[ClaimRequest { endpoint: TRAIN, slots: 1 }])
        .await
        .unwrap();
    assert!(response.claimed.is_empty());
    let next_due = response.next_due.unwrap().as_secs();
    assert!((290..=300).contains(&next_due), "{next_due}");
    assert_eq!(store.oldest_due().await.unwrap(), None);
    wait(&*store, 200).await;
    let second = queued(&*store, push("a", 2, 3)).await;
    assert_superseded(&*store, first, second).await;
    wait(&*store, 200).await;
    assert!(claim(&*store, replica(&*store).await, TRAIN, 1).await.is_empty());
    wait(&*store, 100).await;
    let claimed = claim_one(&*store, replica(&*store).await, TRAIN).await;
    assert_eq!((claimed.id, moved(&claimed)), (second, (1, 3)));
}

pub(crate) async fn a_key_that_is_never_quiet_runs_after_the_longest_wait(fixture: &dyn Fixture) {
    let store = open_with(fixture, DEBOUNCED).await;
    for at in 0..9 {
        queued(&*store, push("a", at, at + 1)).await;
        wait(&*store, 200).await;
        assert_eq!(summary(&*store, queued(&*store, comment("b")).await).await.merged, 0);
    }
    // 1800 seconds after the first one.
    let me = replica(&*store).await;
    let claimed: Vec<_> = claim(&*store, me, TRAIN, 10).await;
    let merged = claimed.iter().find(|it| !it.merged.is_empty()).unwrap();
    assert_eq!((merged.merged.len(), moved(merged)), (8, (0, 9)));
    // The next one begins anew.
    assert!(complete(&*store, me, merged, Transition::Done).await);
    queued(&*store, push("a", 9, 10)).await;
    wait(&*store, 200).await;
    let again = claim(&*store, replica(&*store).await, TRAIN, 10).await;
    assert!(again.iter().all(|it| it.body == "{}"));
}

pub(crate) async fn a_duplicate_does_not_restart_the_quiet_time(fixture: &dyn Fixture) {
    let store = open_with(fixture, DEBOUNCED).await;
    let same = || NewDelivery { webhook_id: Some("same".to_owned()), ..push("a", 1, 2) };
    let first = queued(&*store, same()).await;
    wait(&*store, 290).await;
    assert_eq!(accept(&*store, same()).await, Accepted::Duplicate(first, State::Queued));
    wait(&*store, 10).await;
    assert_eq!(drain(&*store).await, [first]);
}

pub(crate) async fn a_barrier_ends_the_wait(fixture: &dyn Fixture) {
    let store = open_with(fixture, DEBOUNCED).await;
    let other = queued(&*store, push("b", 1, 2)).await;
    let waiting = queued(&*store, push("a", 1, 2)).await;
    let barrier = queued(&*store, comment("a")).await;
    let after = queued(&*store, push("a", 2, 3)).await;
    assert_eq!(drain(&*store).await, [waiting, barrier]);
    assert!(!is_due(&*store).await);
    wait(&*store, 300).await;
    assert_eq!(drain(&*store).await, [other, after]);
}

pub(crate) async fn a_delivery_of_another_scope_ends_the_wait(fixture: &dyn Fixture) {
    let store = open_with(fixture, DEBOUNCED).await;
    let waiting = queued(&*store, push("a", 1, 2)).await;
    let other = queued(&*store, configured("a")).await;
    assert_eq!(drain(&*store).await, [waiting]);
    wait(&*store, 300).await;
    assert_eq!(drain(&*store).await, [other]);
}

pub(crate) async fn a_failed_delivery_starts_a_new_wait_with_the_next_one(fixture: &dyn Fixture) {
    let store = open_with(fixture, DEBOUNCED).await;
    let first = queued(&*store, push("a", 1, 2)).await;
    wait(&*store, 300).await;
    let me = replica(&*store).await;
    let claimed = claim_one(&*store, me, TRAIN).await;
    let after = Duration::from_secs(2000);
    assert!(complete(&*store, me, &claimed, Transition::Retry { after }).await);
    wait(&*store, 1600).await;
    let second = queued(&*store, push("a", 2, 3)).await;
    assert_superseded(&*store, first, second).await;
    assert!(!is_due(&*store).await);
    wait(&*store, 300).await;
    let claimed = claim_one(&*store, replica(&*store).await, TRAIN).await;
    assert_eq!((claimed.id, moved(&claimed)), (second, (1, 3)));
}

pub(crate) async fn keys_wait_by_themselves(fixture: &dyn Fixture) {
    let store = open_with(fixture, DEBOUNCED).await;
    let first = queued(&*store, push("a", 1, 2)).await;
    wait(&*store, 200).await;
    let second = queued(&*store, push("b", 1, 2)).await;
    // Not even with nothing to wait for.
    let without_key = queued(&*store, new(TRAIN, None, "{}")).await;
    assert_eq!(drain(&*store).await, [without_key]);
    wait(&*store, 100).await;
    assert_eq!(drain(&*store).await, [first]);
    wait(&*store, 200).await;
    assert_eq!(drain(&*store).await, [second]);
}
