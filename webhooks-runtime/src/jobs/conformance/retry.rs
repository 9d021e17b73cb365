//! Tests of retrying dead deliveries.

use super::*;
use crate::jobs::inspect::RetryTarget;

pub(crate) async fn a_retried_delivery_has_all_its_attempts_again(fixture: &dyn Fixture) {
    let store = open(fixture).await;
    let dead = run(&*store, new(TRAIN, None, "{}"), Transition::Dead).await;
    let other = run(&*store, new(TRAIN, None, "{}"), Transition::Dead).await;
    assert_eq!(store.retry(RetryTarget::One(dead)).await.unwrap(), 1);
    assert_eq!(store.retry(RetryTarget::One(dead)).await.unwrap(), 0);
    assert_eq!(store.retry(RetryTarget::One(Uuid::now_v7())).await.unwrap(), 0);
    let me = replica(&*store).await;
    let claimed = claim_one(&*store, me, TRAIN).await;
    assert_eq!((claimed.id, claimed.attempt), (dead, 1));
    assert_eq!(state(&*store, other).await, State::Dead);
}

pub(crate) async fn all_dead_deliveries_can_be_retried(fixture: &dyn Fixture) {
    let store = open(fixture).await;
    for _ in 0..3 {
        run(&*store, new(TRAIN, None, "{}"), Transition::Dead).await;
    }
    run(&*store, new(TRAIN, None, "{}"), Transition::Done).await;
    assert_eq!(store.retry(RetryTarget::AllDead).await.unwrap(), 3);
    assert_eq!(store.retry(RetryTarget::AllDead).await.unwrap(), 0);
    let me = replica(&*store).await;
    assert_eq!(claim(&*store, me, TRAIN, 10).await.len(), 3);
}

pub(crate) async fn more_deliveries_than_one_chunk_are_retried_and_purged(fixture: &dyn Fixture) {
    let policy = Policy::DEFAULT.concurrency(5000);
    let store = fixture
        .open(vec![EndpointPolicy { path: "/webhooks/train".to_owned(), policy }], 5000.into())
        .await;
    let me = replica(&*store).await;
    let batch = (0..2345).map(|_| new(TRAIN, None, "{}")).collect();
    assert_eq!(store.accept(batch).await.unwrap().len(), 2345);
    let die = async || {
        let claimed = claim(&*store, me, TRAIN, 5000).await;
        assert_eq!(claimed.len(), 2345);
        let dead: Vec<_> = claimed.iter().map(|it| completion(it, Transition::Dead)).collect();
        assert!(store.complete_and_claim(me, &dead, &[]).await.unwrap().stale.is_empty());
    };
    die().await;
    assert_eq!(store.retry(RetryTarget::AllDead).await.unwrap(), 2345);
    die().await;
    assert_eq!(store.purge(&dead(Duration::ZERO)).await.unwrap(), 2345);
    assert!(store.list(&all()).await.unwrap().is_empty());
}

pub(crate) async fn retried_deliveries_run_in_the_order_of_death_before_newer_ones(
    fixture: &dyn Fixture,
) {
    for which in [None, Some(RetryTarget::AllDead)] {
        let store = open(fixture).await;
        let mut dead = Vec::new();
        for _ in 0..3 {
            dead.push(run(&*store, new(TRAIN, None, "{}"), Transition::Dead).await);
            store.advance_clock(Duration::from_secs(1)).await.unwrap();
        }
        let newer = queue(&*store, TRAIN).await;
        match which {
            Some(all) => assert_eq!(store.retry(all).await.unwrap(), 3),
            // Retried in the opposite order.
            None => {
                for id in dead.iter().rev() {
                    assert_eq!(store.retry(RetryTarget::One(*id)).await.unwrap(), 1);
                }
            }
        }
        let me = replica(&*store).await;
        for expected in dead.iter().chain([&newer]) {
            let claimed = claim_one(&*store, me, TRAIN).await;
            assert_eq!(claimed.id, *expected);
            complete(&*store, me, &claimed, Transition::Done).await;
        }
        store.close().await;
    }
}
