//! The threads of a server: one that accepts connections, and the workers that serve them.
//!
//! In place of `actix_web::HttpServer`, whose thread gives connections to blocked workers, too.

use std::io;
use std::net::TcpListener;
use std::num::NonZero;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::runtime::Builder;
use tokio::sync::{oneshot, watch};
use tokio::time::{Instant, timeout, timeout_at};

use super::accept::accept;
use super::turns::{Inbox, Turns};
use super::worker::{Phase, WorkerSetup, work};
use crate::http::connection::{Origin, Slots};

/// How many threads for functions that block there are at most, in all workers together.
const BLOCKING_THREADS: usize = 512;

/// How long the workers take to drop what they serve. One whose thread is blocked takes longer.
const DROP_TIME: Duration = Duration::from_secs(1);

/// Receives how a thread ended; nothing when it panicked.
type Ending = oneshot::Receiver<io::Result<()>>;

type Endings = FuturesUnordered<Ending>;

/// The threads of a server. They end when this is dropped.
pub(super) struct Threads {
    /// Is dropped to end the acceptor.
    accepting: Option<oneshot::Sender<()>>,
    acceptor: Endings,
    phase: watch::Sender<Phase>,
    workers: Endings,
}

impl Threads {
    pub(super) fn start(
        listeners: Vec<(TcpListener, Origin)>,
        slots: (Slots, Slots),
        setup: &WorkerSetup,
        workers: usize,
    ) -> io::Result<Self> {
        let (phase, in_phase) = watch::channel(Phase::Serving);
        let inboxes: Vec<Arc<Inbox>> = (0..workers).map(|_| Arc::default()).collect();
        let cores = thread::available_parallelism().map_or(2, NonZero::get);
        let blocking = (BLOCKING_THREADS / cores).max(1);
        let work_at = |(number, inbox): (usize, &Arc<Inbox>)| {
            let (inbox, setup, phase) = (Arc::clone(inbox), setup.clone(), in_phase.clone());
            spawn(format!("webhooks-worker-{number}"), blocking, move || work(inbox, setup, phase))
        };
        let workers = inboxes.iter().enumerate().map(work_at).collect::<io::Result<_>>()?;
        let (accepting, ended) = oneshot::channel::<()>();
        let turns = Arc::new(Turns::new(inboxes));
        let acceptor = spawn("webhooks-acceptor".to_owned(), 1, move || async move {
            tokio::select! {
                failed = accept(listeners, turns, slots) => failed,
                _ = ended => Ok(()),
            }
        })?;
        let acceptor = Endings::from_iter([acceptor]);
        Ok(Self { accepting: Some(accepting), acceptor, phase, workers })
    }

    /// Waits until a thread ends by itself, which none does unless something is wrong.
    pub(super) async fn failed(&mut self) -> io::Error {
        let ending = tokio::select! {
            Some(ending) = self.workers.next() => Some(ending),
            Some(ending) = self.acceptor.next() => Some(ending),
            else => None,
        };
        match ending {
            Some(Ok(Err(error))) => error,
            _ => io::Error::other("one of its threads ended"),
        }
    }

    /// Accepts nothing more, and lets what is being served end. Returns whether it did until `deadline`.
    pub(super) async fn drain(&mut self, deadline: Instant) -> bool {
        self.accepting = None;
        // It waits for nothing, so that it ends in time.
        let _ = timeout_at(deadline, all(&mut self.acceptor)).await;
        self.phase.send_replace(Phase::Draining);
        timeout_at(deadline, all(&mut self.workers)).await.is_ok()
    }

    /// Drops what is still being served.
    pub(super) async fn end(mut self) {
        self.phase.send_replace(Phase::Ending);
        let _ = timeout(DROP_TIME, all(&mut self.workers)).await;
    }
}

/// Waits until all these threads have ended.
async fn all(endings: &mut Endings) {
    while endings.next().await.is_some() {}
}

/// Runs a task on a thread of its own, and what the task starts.
fn spawn<F: Future<Output = io::Result<()>>>(
    name: String,
    blocking_threads: usize,
    task: impl FnOnce() -> F + Send + 'static,
) -> io::Result<Ending> {
    let (ended, ending) = oneshot::channel();
    thread::Builder::new().name(name).spawn(move || {
        let mut builder = Builder::new_current_thread();
        builder.enable_all().max_blocking_threads(blocking_threads);
        let result = builder.build_local(Default::default()).and_then(|runtime| {
            let result = runtime.block_on(task());
            // Drops what the task left, without waiting for functions that block.
            runtime.shutdown_background();
            result
        });
        // Nobody waits for a server that was dropped.
        let _ = ended.send(result);
    })?;
    Ok(ending)
}
