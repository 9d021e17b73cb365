//! Notices a function that blocks its worker's thread, and names its endpoint in the log.
//!
//! An `async fn` that computes or sleeps without `.await` keeps its thread, and every connection of that
//! thread waits. A thread of the watchdog's own looks at all workers: the blocked one cannot report itself.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Once, PoisonError, Weak};
use std::task::{Context, Poll};
use std::thread;
use std::time::{Duration, Instant};

use crate::endpoint::call::DELIVERY;

/// How often the watchdog looks. A function is reported when it has been blocking for at least as long.
const INTERVAL: Duration = Duration::from_secs(2);

/// How soon after a block a request is read that arrived during it.
const BACKLOG: Duration = Duration::from_millis(100);

/// What a worker's thread is doing. Only its own thread writes it.
#[derive(Debug, Default)]
struct Worker {
    /// Changes with each poll of a function, and is odd while one is being polled.
    polls: AtomicU64,
    /// The endpoint whose function was polled last. It is written only when it changes, since this is on
    /// the way of each request.
    endpoint: Mutex<Option<Arc<str>>>,
}

impl Worker {
    fn begin(&self) {
        // Odd after a poll that unwound, too.
        self.polls.store((self.polls.load(Ordering::Relaxed) + 1) | 1, Ordering::Release);
    }

    fn end(&self) {
        self.polls.store(self.polls.load(Ordering::Relaxed) + 1, Ordering::Release);
    }
}

/// The last time that a thread was blocked.
#[derive(Clone, Copy, Debug)]
struct ThreadBlock {
    began: Instant,
    ended: Instant,
}

static WORKERS: Mutex<Vec<Weak<Worker>>> = Mutex::new(Vec::new());

thread_local! {
    static WORKER: Arc<Worker> = register();
    /// What the worker's `endpoint` is, to be compared without its lock.
    static ENDPOINT: RefCell<Option<Arc<str>>> = const { RefCell::new(None) };
    /// When the last poll of a function began that has returned its output just now.
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
        // Without a thread there is no report, and requests are served all the same.
        let _ = thread::Builder::new().name("webhooks-watchdog".to_owned()).spawn(watch);
    });
}

/// A poll that the watchdog has seen before.
struct SeenPoll {
    worker: Weak<Worker>,
    poll: u64,
    since: Instant,
    /// After how many intervals it is reported next.
    report_after: u32,
}

fn watch() {
    let mut seen: Vec<SeenPoll> = Vec::new();
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
                        // Less and less often while it lasts.
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
                    seen.push(SeenPoll { worker, poll, since: Instant::now(), report_after: 1 });
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
        "this function blocks its thread, and other requests wait: make it a fn without async, or use spawn_blocking"
    );
}

/// Runs a function's future while the watchdog looks on. `now` is the time, or a moment ago. The caller
/// reports the end of the last poll with [`poll_ended`], since it reads the clock anyway.
pub(crate) async fn watched<F: Future>(endpoint: &Arc<str>, now: Instant, future: F) -> F::Output {
    let mut future = pin!(future);
    let mut now = Some(now);
    std::future::poll_fn(move |context| {
        let began = now.take().unwrap_or_else(Instant::now);
        WORKER.with(|worker| poll_watched(worker, endpoint, began, future.as_mut(), context))
    })
    .await
}

/// Notes that the function that has just returned its output on this thread did so until `now`.
pub(crate) fn poll_ended(now: Instant) {
    if let Some(began) = LAST_POLL.take() {
        note_poll(began, now);
    }
}

fn note_poll(began: Instant, ended: Instant) {
    if ended.duration_since(began) >= INTERVAL {
        LAST_BLOCK.set(Some(ThreadBlock { began, ended }));
    }
}

fn poll_watched<F: Future>(
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
        Poll::Pending => note_poll(began, Instant::now()),
    }
    polled
}

/// Whether this thread has just been blocked for at least `time`, so that what is read now arrived long
/// ago.
pub(crate) fn was_just_blocked(time: Duration) -> bool {
    LAST_BLOCK
        .get()
        .is_some_and(|block| block.ended - block.began >= time && block.ended.elapsed() < BACKLOG)
}

/// Whether this thread was blocked for most of `time`, some time after `since`.
pub(crate) fn was_blocked_since(since: Instant, time: Duration) -> bool {
    LAST_BLOCK.get().is_some_and(|block| {
        block.ended > since && block.ended - block.began.max(since) >= time / 2
    })
}
