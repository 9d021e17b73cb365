//! Detects functions that block their worker's thread, and logs their endpoints.
//!
//! While an `async fn` computes or sleeps without `.await`, every other connection of its thread waits. A blocked
//! thread cannot report itself, so the watchdog checks all workers from a separate thread.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Once, PoisonError, Weak};
use std::task::{Context, Poll};
use std::thread;
use std::time::{Duration, Instant};

use crate::endpoint::call::DELIVERY;

/// The time between two checks, and the shortest block that is reported.
const INTERVAL: Duration = Duration::from_secs(2);

/// How soon after a block the requests that arrived during it are read.
const BACKLOG: Duration = Duration::from_millis(100);

/// The state of a worker's thread, which only that thread writes.
#[derive(Debug, Default)]
struct Worker {
    /// Increases at the start and the end of each poll of a function, and is odd during a poll.
    polls: AtomicU64,
    /// The endpoint whose function was polled last. It is written only when it changes, because writing it takes
    /// a lock.
    endpoint: Mutex<Option<Arc<str>>>,
}

impl Worker {
    fn begin(&self) {
        // `| 1` because the count is already odd if the previous poll unwound.
        self.polls.store((self.polls.load(Ordering::Relaxed) + 1) | 1, Ordering::Release);
    }

    fn end(&self) {
        self.polls.store(self.polls.load(Ordering::Relaxed) + 1, Ordering::Release);
    }
}

/// A period in which a function blocked a thread.
#[derive(Clone, Copy, Debug)]
struct ThreadBlock {
    began: Instant,
    ended: Instant,
}

static WORKERS: Mutex<Vec<Weak<Worker>>> = Mutex::new(Vec::new());

thread_local! {
    static WORKER: Arc<Worker> = register();
    /// A copy of the worker's `endpoint`, to compare without its lock.
    static ENDPOINT: RefCell<Option<Arc<str>>> = const { RefCell::new(None) };
    /// When the last poll of the function that has just completed began.
    static LAST_POLL: Cell<Option<Instant>> = const { Cell::new(None) };
    static LAST_BLOCK: Cell<Option<ThreadBlock>> = const { Cell::new(None) };
}

fn register() -> Arc<Worker> {
    let worker = Arc::new(Worker::default());
    let mut workers = WORKERS.lock().unwrap_or_else(PoisonError::into_inner);
    workers.retain(|worker| worker.strong_count() > 0);
    workers.push(Arc::downgrade(&worker));
    worker
}

/// Starts the watchdog, once per process.
pub(crate) fn start() {
    static STARTED: Once = Once::new();
    STARTED.call_once(|| {
        // If the thread cannot start, requests are served without the watchdog.
        let _ = thread::Builder::new().name("webhooks-watchdog".to_owned()).spawn(watch);
    });
}

/// A poll that was running at the last check.
struct ObservedPoll {
    worker: Weak<Worker>,
    poll: u64,
    since: Instant,
    /// The number of intervals after which it is reported next.
    report_after: u32,
}

fn watch() {
    let mut seen: Vec<ObservedPoll> = Vec::new();
    loop {
        thread::sleep(INTERVAL);
        let workers = WORKERS.lock().unwrap_or_else(PoisonError::into_inner).clone();
        seen.retain(|seen| seen.worker.strong_count() > 0);
        for worker in workers {
            let Some(live) = worker.upgrade() else { continue };
            let poll = live.polls.load(Ordering::Acquire);
            let is_polling = poll % 2 == 1;
            let known = seen.iter_mut().find(|seen| seen.worker.ptr_eq(&worker));
            match known {
                Some(known) if is_polling && known.poll == poll => {
                    let blocked = known.since.elapsed();
                    if blocked >= INTERVAL * known.report_after {
                        // A long block is reported less and less often.
                        known.report_after *= 2;
                        let endpoint = live.endpoint.lock();
                        let endpoint = endpoint.unwrap_or_else(PoisonError::into_inner).clone();
                        report(endpoint.as_deref(), blocked);
                    }
                }
                Some(known) => {
                    (known.poll, known.since, known.report_after) = (poll, Instant::now(), 1);
                }
                None => {
                    seen.push(ObservedPoll {
                        worker,
                        poll,
                        since: Instant::now(),
                        report_after: 1,
                    });
                }
            }
        }
    }
}

fn report(endpoint: Option<&str>, blocked: Duration) {
    let seconds = blocked.as_secs();
    tracing::warn!(
        target: DELIVERY,
        endpoint,
        seconds,
        "this function blocks its thread, so other requests wait: remove `async` from the function, or use \
         spawn_blocking"
    );
}

/// Runs a function's future, and lets the watchdog observe its polls. `now` is the current time or a moment ago. The
/// caller must call [`record_last_poll`] afterwards, with a time that it needs anyway.
pub(crate) async fn watch_for_blocking<F: Future>(
    endpoint: &Arc<str>,
    now: Instant,
    future: F,
) -> F::Output {
    let mut future = pin!(future);
    let mut now = Some(now);
    std::future::poll_fn(move |context| {
        let began = now.take().unwrap_or_else(Instant::now);
        WORKER.with(|worker| observed_poll(worker, endpoint, began, future.as_mut(), context))
    })
    .await
}

/// Records that the last poll of the function that has just completed on this thread ended at `now`.
pub(crate) fn record_last_poll(now: Instant) {
    if let Some(began) = LAST_POLL.take() {
        record_poll(began, now);
    }
}

fn record_poll(began: Instant, ended: Instant) {
    if ended.duration_since(began) >= INTERVAL {
        LAST_BLOCK.set(Some(ThreadBlock { began, ended }));
    }
}

fn observed_poll<F: Future>(
    worker: &Worker,
    endpoint: &Arc<str>,
    began: Instant,
    future: Pin<&mut F>,
    context: &mut Context<'_>,
) -> Poll<F::Output> {
    ENDPOINT.with_borrow_mut(|last| {
        if !last.as_ref().is_some_and(|last| Arc::ptr_eq(last, endpoint)) {
            *last = Some(Arc::clone(endpoint));
            *worker.endpoint.lock().unwrap_or_else(PoisonError::into_inner) = last.clone();
        }
    });
    worker.begin();
    let polled = future.poll(context);
    worker.end();
    match polled {
        Poll::Ready(_) => LAST_POLL.set(Some(began)),
        Poll::Pending => record_poll(began, Instant::now()),
    }
    polled
}

/// Returns whether this thread has just been blocked for at least `time`. If so, the bytes that are read now may
/// have arrived that long ago.
pub(crate) fn was_just_blocked(time: Duration) -> bool {
    LAST_BLOCK
        .get()
        .is_some_and(|block| block.ended - block.began >= time && block.ended.elapsed() < BACKLOG)
}

/// Returns whether this thread was blocked for at least half of `time` after `since`.
pub(crate) fn was_blocked_since(since: Instant, time: Duration) -> bool {
    LAST_BLOCK.get().is_some_and(|block| {
        block.ended > since && block.ended - block.began.max(since) >= time / 2
    })
}
