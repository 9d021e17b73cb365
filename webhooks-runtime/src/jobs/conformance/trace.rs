//! Tests of the trace context that is stored with a delivery.

use super::keyed::*;
use super::*;

const TRACE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const OTHER: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";

fn traced(trace: &str, new: NewDelivery) -> NewDelivery {
    NewDelivery { trace: Some(trace.to_owned()), ..new }
}

pub(crate) async fn each_attempt_has_the_context_that_was_accepted(fixture: &dyn Fixture) {
    for keyed in [false, true] {
        let store = open_with(fixture, LATEST).await;
        let delivery = if keyed { comment("a") } else { new(TRAIN, None, "{}") };
        let id = queued(&*store, traced(TRACE, delivery)).await;
        let me = replica(&*store).await;
        let again = Transition::Retry { after: Duration::ZERO };
        for next in [again, Transition::Released, Transition::Dead] {
            let claimed = claim_one(&*store, me, TRAIN).await;
            assert_eq!((claimed.id, claimed.trace.as_deref()), (id, Some(TRACE)), "{next:?}");
            assert!(complete(&*store, me, &claimed, next).await);
        }
        store.deregister(me).await.unwrap();
        store.close().await;
        drop(store);
        let store = open_with(fixture, LATEST).await;
        assert!(store.rerun(id).await.unwrap());
        let me = replica(&*store).await;
        let claimed = claim_one(&*store, me, TRAIN).await;
        assert_eq!((claimed.id, claimed.trace.as_deref()), (id, Some(TRACE)));
        assert!(complete(&*store, me, &claimed, Transition::Done).await);
        store.close().await;
    }
}

pub(crate) async fn a_delivery_without_a_context_has_none(fixture: &dyn Fixture) {
    let store = open(fixture).await;
    let me = replica(&*store).await;
    // In one batch with one that has a context.
    let batch = vec![new(TRAIN, None, "{}"), traced(TRACE, new(TRAIN, None, "{}"))];
    assert_eq!(store.accept(batch).await.unwrap().len(), 2);
    let claimed = claim(&*store, me, TRAIN, 2).await;
    let traces: Vec<_> = claimed.iter().map(|it| it.trace.as_deref()).collect();
    assert_eq!(traces, [None, Some(TRACE)]);
}

pub(crate) async fn a_merged_delivery_has_the_contexts_of_those_that_it_carries(
    fixture: &dyn Fixture,
) {
    let store = open_with(fixture, LATEST).await;
    let me = replica(&*store).await;
    let _ = queued(&*store, traced(OTHER, push("a", 1, 2))).await;
    let _ = queued(&*store, push("a", 2, 3)).await;
    let newest = queued(&*store, traced(TRACE, push("a", 3, 4))).await;
    let claimed = claim_one(&*store, me, TRAIN).await;
    assert_eq!((claimed.id, claimed.trace.as_deref()), (newest, Some(TRACE)));
    assert_eq!((claimed.merged.len(), &*claimed.merged_traces), (2, &[OTHER.to_owned()][..]));
}

pub(crate) async fn a_revived_delivery_has_the_new_context(fixture: &dyn Fixture) {
    let store = open(fixture).await;
    let same = |trace| traced(trace, new(TRAIN, Some("same"), "{}"));
    let dead = run(&*store, same(OTHER), Transition::Dead).await;
    assert_eq!(accept(&*store, same(TRACE)).await, Accepted::Queued(dead));
    let me = replica(&*store).await;
    let claimed = claim_one(&*store, me, TRAIN).await;
    assert_eq!((claimed.id, claimed.trace.as_deref()), (dead, Some(TRACE)));
}
