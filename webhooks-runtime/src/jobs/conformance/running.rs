//! What an owner claims and settles.

use super::*;
use crate::jobs::store::Which;

pub(crate) async fn a_claim_brings_all_there_is_of_a_delivery(fixture: &dyn Fixture) {
    let store = open(fixture).await;
    let me = owner(&*store).await;
    let sent = New {
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
    let shown = listed(&*store, sent.id).await;
    assert_eq!((shown.state, shown.attempts), (State::Running, 1));
    assert!(shown.started_at.is_some());
}

pub(crate) async fn the_one_that_is_due_longest_comes_first(fixture: &dyn Fixture) {
    let store = open(fixture).await;
    let me = owner(&*store).await;
    let first = queue(&*store, TRAIN).await;
    store.pass(Duration::from_secs(1)).await.unwrap();
    let second = queue(&*store, TRAIN).await;
    store.pass(Duration::from_secs(1)).await.unwrap();
    let claimed = claim_one(&*store, me, TRAIN).await;
    assert_eq!(claimed.id, first);

    // One that waits for its time is due from then on.
    settle(&*store, me, &claimed, Next::Retry { after: Duration::from_secs(10) }).await;
    store.pass(Duration::from_secs(20)).await.unwrap();
    let third = queue(&*store, TRAIN).await;
    let claimed = claim(&*store, me, TRAIN, 10).await;
    let order: Vec<Uuid> = claimed.into_iter().map(|it| it.id).collect();
    assert_eq!(order, [second, first, third]);
}

pub(crate) async fn no_more_are_claimed_than_are_wanted(fixture: &dyn Fixture) {
    let store = open(fixture).await;
    let me = owner(&*store).await;
    for _ in 0..5 {
        queue(&*store, TRAIN).await;
    }
    assert!(store.advance(me, &[], &[]).await.unwrap().claimed.is_empty());
    assert!(claim(&*store, me, TRAIN, 0).await.is_empty());
    assert!(claim(&*store, me, ONE_AT_A_TIME, 1).await.is_empty());
    assert_eq!(claim(&*store, me, TRAIN, 3).await.len(), 3);
    assert_eq!(claim(&*store, me, TRAIN, 3).await.len(), 2);
    assert!(claim(&*store, me, TRAIN, 3).await.is_empty());
}

pub(crate) async fn concurrency_holds_over_all_owners(fixture: &dyn Fixture) {
    let (store, elsewhere) = (open(fixture).await, open(fixture).await);
    let (me, other) = (owner(&*store).await, owner(&*elsewhere).await);
    for _ in 0..3 {
        queue(&*store, ONE_AT_A_TIME).await;
    }
    let claimed = claim(&*store, me, ONE_AT_A_TIME, 3).await;
    assert_eq!(claimed.len(), 1);
    assert!(claim(&*elsewhere, other, ONE_AT_A_TIME, 3).await.is_empty());
    assert!(claim(&*store, me, ONE_AT_A_TIME, 3).await.is_empty());
    settle(&*store, me, &claimed[0], Next::Done).await;
    assert_eq!(claim(&*elsewhere, other, ONE_AT_A_TIME, 3).await.len(), 1);
}

pub(crate) async fn claims_at_the_same_time_never_exceed_the_concurrency(fixture: &dyn Fixture) {
    let (store, elsewhere) = (open(fixture).await, open(fixture).await);
    let (me, other) = (owner(&*store).await, owner(&*elsewhere).await);
    for _ in 0..40 {
        queue(&*store, ONE_AT_A_TIME).await;
    }
    for _ in 0..20 {
        let (mine, others) = tokio::join!(
            claim(&*store, me, ONE_AT_A_TIME, 2),
            claim(&*elsewhere, other, ONE_AT_A_TIME, 2),
        );
        assert_eq!(mine.len() + others.len(), 1);
        for (store, owner, claimed) in [(&store, me, mine), (&elsewhere, other, others)] {
            for claimed in claimed {
                assert!(settle(&**store, owner, &claimed, Next::Done).await);
            }
        }
    }
}

pub(crate) async fn settling_makes_room_in_the_same_step(fixture: &dyn Fixture) {
    let store = open(fixture).await;
    let me = owner(&*store).await;
    let want = [Want { endpoint: ONE_AT_A_TIME, slots: 1 }];
    queue(&*store, ONE_AT_A_TIME).await;
    let second = queue(&*store, ONE_AT_A_TIME).await;
    let claimed = claim_one(&*store, me, ONE_AT_A_TIME).await;
    let settled = [settlement(&claimed, Next::Done)];
    let advanced = store.advance(me, &settled, &want).await.unwrap();
    assert!(advanced.refused.is_empty());
    assert_eq!(advanced.claimed.len(), 1);
    assert_eq!(advanced.claimed[0].id, second);
}

pub(crate) async fn a_failed_attempt_waits_for_its_time(fixture: &dyn Fixture) {
    let store = open(fixture).await;
    let me = owner(&*store).await;
    let id = queue(&*store, TRAIN).await;
    let claimed = claim_one(&*store, me, TRAIN).await;
    let after = Duration::from_secs(60);
    settle(&*store, me, &claimed, Next::Retry { after }).await;
    let shown = listed(&*store, id).await;
    assert_eq!((shown.state, shown.attempts), (State::Queued, 1));
    assert_eq!(shown.error.as_deref(), Some("attempt 1 failed"));

    assert!(claim(&*store, me, TRAIN, 1).await.is_empty());
    store.pass(after / 2).await.unwrap();
    assert!(claim(&*store, me, TRAIN, 1).await.is_empty());
    store.pass(after / 2).await.unwrap();
    store.enlist(me, LEASE).await.unwrap();
    let again = claim_one(&*store, me, TRAIN).await;
    assert_eq!((again.id, again.attempt), (id, 2));
    assert!(again.fence > claimed.fence);
}

pub(crate) async fn the_next_due_one_is_known(fixture: &dyn Fixture) {
    let store = open(fixture).await;
    let me = owner(&*store).await;
    let next_due = async |settled: &[Settlement]| {
        let wants = [Want { endpoint: TRAIN, slots: 0 }];
        store.advance(me, settled, &wants).await.unwrap().next_due
    };
    assert_eq!(next_due(&[]).await, None);
    for _ in 0..3 {
        queue(&*store, TRAIN).await;
    }
    // One that is due already isn't waited for.
    assert_eq!(next_due(&[]).await, None);

    let claimed = claim(&*store, me, TRAIN, 2).await;
    let after = |seconds| Next::Retry { after: Duration::from_secs(seconds) };
    let settled = [settlement(&claimed[0], after(100)), settlement(&claimed[1], after(50))];
    let due = next_due(&settled).await.unwrap();
    assert!(due > Duration::from_secs(40) && due <= Duration::from_secs(50), "{due:?}");
    store.pass(Duration::from_secs(60)).await.unwrap();
    let due = next_due(&[]).await.unwrap();
    assert!(due > Duration::from_secs(30) && due <= Duration::from_secs(40), "{due:?}");
}

pub(crate) async fn what_is_released_does_not_count_the_attempt(fixture: &dyn Fixture) {
    let store = open(fixture).await;
    let me = owner(&*store).await;
    let id = queue(&*store, TRAIN).await;
    let claimed = claim_one(&*store, me, TRAIN).await;
    assert!(settle(&*store, me, &claimed, Next::Released).await);
    let shown = listed(&*store, id).await;
    assert_eq!((shown.state, shown.attempts, shown.error), (State::Queued, 0, None));

    let again = claim_one(&*store, me, TRAIN).await;
    assert_eq!((again.id, again.attempt), (id, 1));
    assert!(again.fence > claimed.fence);
}

pub(crate) async fn releases_are_counted_until_a_person_retries(fixture: &dyn Fixture) {
    let store = open(fixture).await;
    let me = owner(&*store).await;
    let id = queue(&*store, TRAIN).await;
    for releases in 0..3 {
        let claimed = claim_one(&*store, me, TRAIN).await;
        assert_eq!(claimed.releases, releases);
        assert!(settle(&*store, me, &claimed, Next::Released).await);
    }
    let claimed = claim_one(&*store, me, TRAIN).await;
    assert_eq!((claimed.attempt, claimed.releases), (1, 3));
    assert!(settle(&*store, me, &claimed, Next::Dead).await);
    assert_eq!(store.retry(Which::One(id)).await.unwrap(), 1);
    assert_eq!(claim_one(&*store, me, TRAIN).await.releases, 0);
}

pub(crate) async fn what_is_released_keeps_its_place(fixture: &dyn Fixture) {
    let store = open(fixture).await;
    let me = owner(&*store).await;
    let first = queue(&*store, TRAIN).await;
    store.pass(Duration::from_secs(1)).await.unwrap();
    let second = queue(&*store, TRAIN).await;
    let claimed = claim_one(&*store, me, TRAIN).await;
    assert_eq!(claimed.id, first);
    store.pass(Duration::from_secs(1)).await.unwrap();
    assert!(settle(&*store, me, &claimed, Next::Released).await);
    let claimed = claim(&*store, me, TRAIN, 2).await;
    assert_eq!(claimed.iter().map(|it| it.id).collect::<Vec<_>>(), [first, second]);
}

pub(crate) async fn a_settlement_with_an_old_fence_is_refused(fixture: &dyn Fixture) {
    let store = open(fixture).await;
    let me = owner(&*store).await;
    let id = queue(&*store, TRAIN).await;
    let first = claim_one(&*store, me, TRAIN).await;
    settle(&*store, me, &first, Next::Released).await;
    let second = claim_one(&*store, me, TRAIN).await;
    assert!(!settle(&*store, me, &first, Next::Done).await);
    assert_eq!(state(&*store, id).await, State::Running);
    assert!(settle(&*store, me, &second, Next::Done).await);
}

pub(crate) async fn a_settlement_by_somebody_else_is_refused(fixture: &dyn Fixture) {
    let store = open(fixture).await;
    let (me, other) = (owner(&*store).await, owner(&*store).await);
    queue(&*store, TRAIN).await;
    let claimed = claim_one(&*store, me, TRAIN).await;
    assert!(!settle(&*store, other, &claimed, Next::Dead).await);
    assert!(settle(&*store, me, &claimed, Next::Done).await);
}

pub(crate) async fn a_settlement_counts_once(fixture: &dyn Fixture) {
    let store = open(fixture).await;
    let me = owner(&*store).await;
    let id = queue(&*store, TRAIN).await;
    let claimed = claim_one(&*store, me, TRAIN).await;
    assert!(settle(&*store, me, &claimed, Next::Done).await);
    assert!(!settle(&*store, me, &claimed, Next::Dead).await);
    assert!(store.show(id).await.unwrap().unwrap().failed.is_empty());
    assert_eq!(state(&*store, id).await, State::Done);
}

pub(crate) async fn any_text_can_be_an_error(fixture: &dyn Fixture) {
    let store = open(fixture).await;
    let me = owner(&*store).await;
    let id = queue(&*store, TRAIN).await;
    let claimed = claim_one(&*store, me, TRAIN).await;
    let error = Some("nul \0, ünïcödé, 'quotes' and\nlines".to_owned());
    let settled = [Settlement { error, ..settlement(&claimed, Next::Dead) }];
    assert!(store.advance(me, &settled, &[]).await.unwrap().refused.is_empty());
    assert!(listed(&*store, id).await.error.unwrap().ends_with("ünïcödé, 'quotes' and\nlines"));
}
