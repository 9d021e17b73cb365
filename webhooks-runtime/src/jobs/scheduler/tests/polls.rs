//! Tests of what only a poll finds.

use tokio::task::yield_now;

use super::*;

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
    let retried = Policy::DEFAULT.backoff(200, 200);
    let handlers = vec![
        handler(PATH, Policy::DEFAULT, quick, SharedData::default()),
        handler("/webhooks/retried", retried, fails_once, SharedData::default()),
    ];
    let endpoints = handlers.iter().map(|it| {
        let policy = it.background.policy;
        EndpointPolicy { path: it.path.clone(), policy }
    });
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("webhooks.db");
    let store = SqliteStore::open(&file, endpoints.collect(), 1000, Access::Serve).unwrap();
    let store: Arc<dyn Store> = Arc::new(store);
    let (me, delivery) = (Uuid::now_v7(), new(1, None, "{}"));
    let id = delivery.id;
    store.register(me, Duration::from_secs(3600)).await.unwrap();
    store.accept(vec![delivery]).await.unwrap();
    let wakeups = Arc::new(Wakeups::new(2));
    let mut scheduler = Scheduler::new(
        Arc::clone(&store),
        handlers,
        Arc::clone(&wakeups),
        Handle::current(),
        me,
        watch::Sender::new(0),
        mpsc::unbounded_channel().0,
    );
    let (_sender, mut commands) = mpsc::channel(1);
    // Before each step of the scheduler, as if deliveries arrived all the time.
    let busy = async {
        loop {
            wakeups.wake(0);
            yield_now().await;
        }
    };
    let done = async {
        while store.show(id).await.unwrap().unwrap().summary.state != State::Done {
            sleep(Duration::from_millis(5)).await;
        }
    };
    let running = async {
        tokio::select! {
            biased;
            () = busy => {}
            () = scheduler.run(&mut commands) => {}
            () = done => {}
        }
    };
    timeout(Duration::from_secs(20), running).await.expect("it waited for the other endpoint");
    store.close().await;
}
