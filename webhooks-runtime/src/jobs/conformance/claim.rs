//! Tests of claiming and completing deliveries.

use super::*;
use crate::jobs::inspect::RetryTarget;

pub(crate) async fn a_claim_returns_the_delivery_in_full(fixture: &dyn Fixture) {
    let store = open(fixture).await;
    let me = replica(&*store).await;
    let sent = NewDelivery {
        received_at: SystemTime::UNIX_EPOCH + Duration::from_millis(1_700_000_000_123),
        ..new(ONE_AT_A_TIME, Some("f5ec…"), r#"{"event":{"action":"update"}}"#)
    };
    accept(&*store, sent.clone()).await;
    let claimed = claim_one(&*store, me, ONE_AT_A_TIME).await;
    assert_eq!(claimed.id, sent.id);
    assert_eq!(claimed.endpoint, ONE_AT_A_TIME);
    assert_eq!(claimed.webhook_id, sent.webhook_id);
    assert_eq!(claimed.attempt, 1);
    assert_eq!(claimed.received_at, sent.received_at);
    assert_eq!(claimed.body, sent.body);
    let shown = summary(&*store, sent.id).await;
    assert_eq!((shown.state, shown.attempts), (State::Running, 1));
    assert!(shown.started_at.is_some());
}

pub(crate) async fn a_claim_returns_where_the_delivery_comes_from(fixture: &dyn Fixture) {
    use super::keyed::{LATEST, endpoint, push, queued};
    let endpoints = vec![endpoint(LATEST), endpoints().remove(ONE_AT_A_TIME)];
    let store = fixture.open(endpoints, NO_LIMIT.into()).await;
    let me = replica(&*store).await;
    for origin in [DeliveryOrigin::Webhook, DeliveryOrigin::Reconcile, DeliveryOrigin::Enqueued] {
        let sent = NewDelivery { origin, ..new(ONE_AT_A_TIME, None, "{}") };
        accept(&*store, sent.clone()).await;
        let claimed = claim_one(&*store, me, ONE_AT_A_TIME).await;
        assert_eq!(claimed.origin, origin);
        assert_eq!(summary(&*store, sent.id).await.origin, origin);
        assert!(complete(&*store, me, &claimed, Transition::Done).await);
    }
    // What carries a delivery that the program enqueued runs whatever the checks say, as that one would.
    let enqueued = NewDelivery { origin: DeliveryOrigin::Enqueued, ..push("a", 1, 2) };
    queued(&*store, enqueued).await;
    let newest = queued(&*store, push("a", 2, 3)).await;
    let claimed = claim_one(&*store, me, TRAIN).await;
    assert_eq!((claimed.id, claimed.origin), (newest, DeliveryOrigin::Enqueued));
    assert_eq!(summary(&*store, newest).await.origin, DeliveryOrigin::Webhook);
}

pub(crate) async fn the_longest_due_delivery_is_claimed_first(fixture: &dyn Fixture) {
    let store = open(fixture).await;
    let me = replica(&*store).await;
    let first = queue(&*store, TRAIN).await;
    store.advance_clock(Duration::from_secs(1)).await.unwrap();
    let second = queue(&*store, TRAIN).await;
    store.advance_clock(Duration::from_secs(1)).await.unwrap();
    let claimed = claim_one(&*store, me, TRAIN).await;
    assert_eq!(claimed.id, first);

    // A retried delivery is ordered by when it became due.
    complete(&*store, me, &claimed, Transition::Retry { after: Duration::from_secs(10) }).await;
    store.advance_clock(Duration::from_secs(20)).await.unwrap();
    let third = queue(&*store, TRAIN).await;
    let claimed = claim(&*store, me, TRAIN, 10).await;
    let order: Vec<Uuid> = claimed.into_iter().map(|it| it.id).collect();
    assert_eq!(order, [second, first, third]);
}

pub(crate) async fn no_more_deliveries_are_claimed_than_requested(fixture: &dyn Fixture) {
    let store = open(fixture).await;
    let me = replica(&*store).await;
    for _ in 0..5 {
        queue(&*store, TRAIN).await;
    }
    assert!(store.complete_and_claim(me, &[], &[]).await.unwrap().claimed.is_empty());
    assert!(claim(&*store, me, TRAIN, 0).await.is_empty());
    assert!(claim(&*store, me, ONE_AT_A_TIME, 1).await.is_empty());
    assert_eq!(claim(&*store, me, TRAIN, 3).await.len(), 3);
    assert_eq!(claim(&*store, me, TRAIN, 3).await.len(), 2);
    assert!(claim(&*store, me, TRAIN, 3).await.is_empty());
}

pub(crate) async fn concurrency_limits_all_replicas_together(fixture: &dyn Fixture) {
    let (store, elsewhere) = (open(fixture).await, open(fixture).await);
    let (me, other) = (replica(&*store).await, replica(&*elsewhere).await);
    for _ in 0..3 {
        queue(&*store, ONE_AT_A_TIME).await;
    }
    let claimed = claim(&*store, me, ONE_AT_A_TIME, 3).await;
    assert_eq!(claimed.len(), 1);
    assert!(claim(&*elsewhere, other, ONE_AT_A_TIME, 3).await.is_empty());
    assert!(claim(&*store, me, ONE_AT_A_TIME, 3).await.is_empty());
    complete(&*store, me, &claimed[0], Transition::Done).await;
    assert_eq!(claim(&*elsewhere, other, ONE_AT_A_TIME, 3).await.len(), 1);
}

pub(crate) async fn simultaneous_claims_never_exceed_the_concurrency(fixture: &dyn Fixture) {
    let (store, elsewhere) = (open(fixture).await, open(fixture).await);
    let (me, other) = (replica(&*store).await, replica(&*elsewhere).await);
    for _ in 0..40 {
        queue(&*store, ONE_AT_A_TIME).await;
    }
    for _ in 0..20 {
        let (mine, others) = tokio::join!(
            claim(&*store, me, ONE_AT_A_TIME, 2),
            claim(&*elsewhere, other, ONE_AT_A_TIME, 2),
        );
        assert_eq!(mine.len() + others.len(), 1);
        for (store, replica, claimed) in [(&store, me, mine), (&elsewhere, other, others)] {
            for claimed in claimed {
                assert!(complete(&**store, replica, &claimed, Transition::Done).await);
            }
        }
    }
}

pub(crate) async fn a_completion_frees_a_slot_in_the_same_step(fixture: &dyn Fixture) {
    let store = open(fixture).await;
    let me = replica(&*store).await;
    let request = [ClaimRequest { endpoint: ONE_AT_A_TIME, slots: 1 }];
    queue(&*store, ONE_AT_A_TIME).await;
    let second = queue(&*store, ONE_AT_A_TIME).await;
    let claimed = claim_one(&*store, me, ONE_AT_A_TIME).await;
    let completions = [completion(&claimed, Transition::Done)];
    let response = store.complete_and_claim(me, &completions, &request).await.unwrap();
    assert!(response.stale.is_empty());
    assert_eq!(response.claimed.len(), 1);
    assert_eq!(response.claimed[0].id, second);
}

pub(crate) async fn a_failed_attempt_is_retried_after_its_backoff(fixture: &dyn Fixture) {
    let store = open(fixture).await;
    let me = replica(&*store).await;
    let id = queue(&*store, TRAIN).await;
    let claimed = claim_one(&*store, me, TRAIN).await;
    let after = Duration::from_secs(60);
    complete(&*store, me, &claimed, Transition::Retry { after }).await;
    let shown = summary(&*store, id).await;
    assert_eq!((shown.state, shown.attempts), (State::Queued, 1));
    assert_eq!(shown.error.as_deref(), Some("attempt 1 failed"));

    assert!(claim(&*store, me, TRAIN, 1).await.is_empty());
    store.advance_clock(after / 2).await.unwrap();
    assert!(claim(&*store, me, TRAIN, 1).await.is_empty());
    store.advance_clock(after / 2).await.unwrap();
    store.register(me, LEASE).await.unwrap();
    let again = claim_one(&*store, me, TRAIN).await;
    assert_eq!((again.id, again.attempt), (id, 2));
    assert!(again.fencing_token > claimed.fencing_token);
}

pub(crate) async fn the_time_until_the_next_due_delivery_is_returned(fixture: &dyn Fixture) {
    let store = open(fixture).await;
    let me = replica(&*store).await;
    let next_due = async |completions: &[Completion]| {
        let requests = [ClaimRequest { endpoint: TRAIN, slots: 0 }];
        store.complete_and_claim(me, completions, &requests).await.unwrap().next_due
    };
    assert_eq!(next_due(&[]).await, None);
    for _ in 0..3 {
        queue(&*store, TRAIN).await;
    }
    // Deliveries that are due already are not waited for.
    assert_eq!(next_due(&[]).await, None);

    let claimed = claim(&*store, me, TRAIN, 2).await;
    let after = |seconds| Transition::Retry { after: Duration::from_secs(seconds) };
    let completions = [completion(&claimed[0], after(100)), completion(&claimed[1], after(50))];
    let due = next_due(&completions).await.unwrap();
    assert!(due > Duration::from_secs(40) && due <= Duration::from_secs(50), "{due:?}");
    store.advance_clock(Duration::from_secs(60)).await.unwrap();
    let due = next_due(&[]).await.unwrap();
    assert!(due > Duration::from_secs(30) && due <= Duration::from_secs(40), "{due:?}");
}

pub(crate) async fn a_release_does_not_count_the_attempt(fixture: &dyn Fixture) {
    let store = open(fixture).await;
    let me = replica(&*store).await;
    let id = queue(&*store, TRAIN).await;
    let claimed = claim_one(&*store, me, TRAIN).await;
    assert!(complete(&*store, me, &claimed, Transition::Released).await);
    let shown = summary(&*store, id).await;
    assert_eq!((shown.state, shown.attempts, shown.error), (State::Queued, 0, None));

    let again = claim_one(&*store, me, TRAIN).await;
    assert_eq!((again.id, again.attempt), (id, 1));
    assert!(again.fencing_token > claimed.fencing_token);
}

pub(crate) async fn releases_are_counted_until_a_retry_resets_them(fixture: &dyn Fixture) {
    let store = open(fixture).await;
    let me = replica(&*store).await;
    let id = queue(&*store, TRAIN).await;
    for releases in 0..3 {
        let claimed = claim_one(&*store, me, TRAIN).await;
        assert_eq!(claimed.releases, releases);
        assert!(complete(&*store, me, &claimed, Transition::Released).await);
    }
    let claimed = claim_one(&*store, me, TRAIN).await;
    assert_eq!((claimed.attempt, claimed.releases), (1, 3));
    assert!(complete(&*store, me, &claimed, Transition::Dead).await);
    assert_eq!(store.retry(RetryTarget::One(id)).await.unwrap(), 1);
    assert_eq!(claim_one(&*store, me, TRAIN).await.releases, 0);
}

pub(crate) async fn a_released_delivery_keeps_its_place_in_the_queue(fixture: &dyn Fixture) {
    let store = open(fixture).await;
    let me = replica(&*store).await;
    let first = queue(&*store, TRAIN).await;
    store.advance_clock(Duration::from_secs(1)).await.unwrap();
    let second = queue(&*store, TRAIN).await;
    let claimed = claim_one(&*store, me, TRAIN).await;
    assert_eq!(claimed.id, first);
    store.advance_clock(Duration::from_secs(1)).await.unwrap();
    assert!(complete(&*store, me, &claimed, Transition::Released).await);
    let claimed = claim(&*store, me, TRAIN, 2).await;
    assert_eq!(claimed.iter().map(|it| it.id).collect::<Vec<_>>(), [first, second]);
}

pub(crate) async fn a_completion_with_a_stale_fencing_token_is_discarded(fixture: &dyn Fixture) {
    let store = open(fixture).await;
    let me = replica(&*store).await;
    let id = queue(&*store, TRAIN).await;
    let first = claim_one(&*store, me, TRAIN).await;
    complete(&*store, me, &first, Transition::Released).await;
    let second = claim_one(&*store, me, TRAIN).await;
    assert!(!complete(&*store, me, &first, Transition::Done).await);
    assert_eq!(state(&*store, id).await, State::Running);
    assert!(complete(&*store, me, &second, Transition::Done).await);
}

pub(crate) async fn a_completion_by_another_replica_is_discarded(fixture: &dyn Fixture) {
    let store = open(fixture).await;
    let (me, other) = (replica(&*store).await, replica(&*store).await);
    queue(&*store, TRAIN).await;
    let claimed = claim_one(&*store, me, TRAIN).await;
    assert!(!complete(&*store, other, &claimed, Transition::Dead).await);
    assert!(complete(&*store, me, &claimed, Transition::Done).await);
}

pub(crate) async fn a_completion_counts_once(fixture: &dyn Fixture) {
    let store = open(fixture).await;
    let me = replica(&*store).await;
    let id = queue(&*store, TRAIN).await;
    let claimed = claim_one(&*store, me, TRAIN).await;
    assert!(complete(&*store, me, &claimed, Transition::Done).await);
    assert!(!complete(&*store, me, &claimed, Transition::Dead).await);
    assert!(store.show(id).await.unwrap().unwrap().failed.is_empty());
    assert_eq!(state(&*store, id).await, State::Done);
}

pub(crate) async fn an_error_may_contain_any_text(fixture: &dyn Fixture) {
    let store = open(fixture).await;
    let me = replica(&*store).await;
    let id = queue(&*store, TRAIN).await;
    let claimed = claim_one(&*store, me, TRAIN).await;
    let error = Some("nul \0, ünïcödé, 'quotes' and\nlines".to_owned());
    let completions = [Completion { error, ..completion(&claimed, Transition::Dead) }];
    assert!(store.complete_and_claim(me, &completions, &[]).await.unwrap().stale.is_empty());
    assert!(summary(&*store, id).await.error.unwrap().ends_with("ünïcödé, 'quotes' and\nlines"));
}
