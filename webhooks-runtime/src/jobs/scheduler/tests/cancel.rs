//! Tests of a cancel that the store has not reported yet.

use super::*;

/// Counts its runs, and never ends.
fn counted(task: BackgroundTask) -> TaskFuture {
    let BackgroundTask { shared, .. } = task;
    let runs = shared.get::<AtomicU32>().cloned().unwrap();
    async move {
        runs.fetch_add(1, Ordering::Relaxed);
        pending().await
    }
    .boxed()
}

#[tokio::test]
async fn a_cancel_stops_the_attempt_before_the_store_reports_it() {
    let runs = Data::new(AtomicU32::new(0));
    let mut shared = SharedData::default();
    shared.insert(runs.clone());
    let running = TestEngine::new(Policy::DEFAULT, counted, shared).await;
    let id = running.accept(new(0, None, "{}")).await;
    running.reaches(id, State::Running).await;
    // The store knows of no request, so that the delivery runs again, with a new token.
    let starts_again = async {
        while runs.load(Ordering::Relaxed) < 2 {
            let cancel = SchedulerCommand::Cancel(vec![(id, 1)]);
            running.jobs.commands.send(cancel).await.unwrap();
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(Duration::from_secs(20), starts_again).await.unwrap();
    assert_eq!(running.summary(id).await.attempts, 1);
    running.close().await;
}
