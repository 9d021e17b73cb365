//! Tests of what only a poll finds.

use super::*;
use crate::jobs::inspect::DeliveryFilter;

/// Takes a few milliseconds, so that some of many end during each round.
fn short(_: BackgroundTask) -> TaskFuture {
    async {
        sleep(Duration::from_millis(fastrand::u64(1..20))).await;
        Ok(Default::default())
    }
    .boxed()
}

fn fails_once(task: BackgroundTask) -> TaskFuture {
    let BackgroundTask { delivery, .. } = task;
    async move {
        match delivery.attempt {
            1 => Err(TaskFailure { text: "busy".to_owned(), permanent: false, retry_after: None }),
            _ => Ok(Default::default()),
        }
    }
    .boxed()
}

#[tokio::test]
async fn a_retry_is_found_while_another_endpoint_is_busy() {
    let policy = Policy::DEFAULT.concurrency(200);
    let retried = Policy::DEFAULT.backoff(200, 200);
    let running = TestEngine::open(vec![
        handler(PATH, policy, short, SharedData::default()),
        handler("/webhooks/retried", retried, fails_once, SharedData::default()),
    ])
    .await;
    let busy: Vec<_> = (0..20_000).map(|_| new(0, None, "{}")).collect();
    let id = running.accept(new(1, None, "{}")).await;
    running.jobs.store.accept(busy).await.unwrap();
    running.jobs.wakeups.wake(0);
    running.reaches(id, State::Done).await;
    let queued = DeliveryFilter { state: Some(State::Queued), endpoint: None, limit: 1 };
    assert!(!running.jobs.list(queued).await.unwrap().is_empty(), "it waited for the others");
    running.close().await;
}
