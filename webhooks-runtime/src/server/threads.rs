//! Starts and stops the threads of a server: one that accepts connections, and the workers that serve them.
//!
//! This replaces `actix_web::HttpServer`, which assigns connections to blocked workers, too.

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
use super::balancer::{Balancer, WorkerQueue};
use super::worker::{Phase, WorkerSetup, run_worker};
use crate::http::connection::{ConnectionLimit, Origin};

/// The maximum number of threads for blocking functions, in all workers together.
const BLOCKING_THREADS: usize = 512;

/// How long to wait for the workers to drop their connections. A worker whose thread is blocked takes longer.
const ABORT_TIMEOUT: Duration = Duration::from_secs(1);

/// Receives a thread's result, or an error if the thread panicked.
type ThreadResult = oneshot::Receiver<io::Result<()>>;

type ThreadResults = FuturesUnordered<ThreadResult>;

/// The threads of a server. Dropping it stops them.
pub(super) struct Threads {
    /// Dropped to stop the acceptor.
    accepting: Option<oneshot::Sender<()>>,
    acceptor: ThreadResults,
    phase: watch::Sender<Phase>,
    workers: ThreadResults,
}

impl Threads {
    /// Starts the workers and the acceptor.
    pub(super) fn start(
        listeners: Vec<(TcpListener, Origin)>,
        limits: (ConnectionLimit, ConnectionLimit),
        setup: &WorkerSetup,
        workers: usize,
    ) -> io::Result<Self> {
        let (phase, in_phase) = watch::channel(Phase::Serving);
        let queues: Vec<Arc<WorkerQueue>> = (0..workers).map(|_| Arc::default()).collect();
        let cores = thread::available_parallelism().map_or(2, NonZero::get);
        let blocking = (BLOCKING_THREADS / cores).max(1);
        let spawn_worker = |(number, queue): (usize, &Arc<WorkerQueue>)| {
            let (queue, setup, phase) = (Arc::clone(queue), setup.clone(), in_phase.clone());
            spawn(format!("webhooks-worker-{number}"), blocking, move || {
                run_worker(queue, setup, phase)
            })
        };
        let workers = queues.iter().enumerate().map(spawn_worker).collect::<io::Result<_>>()?;
        let (accepting, stopped) = oneshot::channel::<()>();
        let balancer = Arc::new(Balancer::new(queues));
        let acceptor = spawn("webhooks-acceptor".to_owned(), 1, move || async move {
            tokio::select! {
                failed = accept(listeners, balancer, limits) => failed,
                _ = stopped => Ok(()),
            }
        })?;
        let acceptor = ThreadResults::from_iter([acceptor]);
        Ok(Self { accepting: Some(accepting), acceptor, phase, workers })
    }

    /// Waits until a thread stops unexpectedly, and returns its error.
    pub(super) async fn failed(&mut self) -> io::Error {
        let result = tokio::select! {
            Some(result) = self.workers.next() => Some(result),
            Some(result) = self.acceptor.next() => Some(result),
            else => None,
        };
        match result {
            Some(Ok(Err(error))) => error,
            _ => io::Error::other("one of its threads stopped unexpectedly"),
        }
    }

    /// Stops accepting connections and waits for the running requests. Returns whether all of them finished by
    /// `deadline`.
    pub(super) async fn drain(&mut self, deadline: Instant) -> bool {
        self.accepting = None;
        // The acceptor has nothing to finish, so it stops well before the deadline.
        let _ = timeout_at(deadline, all_stopped(&mut self.acceptor)).await;
        self.phase.send_replace(Phase::Draining);
        timeout_at(deadline, all_stopped(&mut self.workers)).await.is_ok()
    }

    /// Drops the requests that are still running.
    pub(super) async fn abort(mut self) {
        self.phase.send_replace(Phase::Aborting);
        let _ = timeout(ABORT_TIMEOUT, all_stopped(&mut self.workers)).await;
    }
}

/// Waits until all these threads have stopped.
async fn all_stopped(results: &mut ThreadResults) {
    while results.next().await.is_some() {}
}

/// Runs a task, and the tasks that it spawns, on a new thread.
fn spawn<F: Future<Output = io::Result<()>>>(
    name: String,
    blocking_threads: usize,
    task: impl FnOnce() -> F + Send + 'static,
) -> io::Result<ThreadResult> {
    let (sender, receiver) = oneshot::channel();
    thread::Builder::new().name(name).spawn(move || {
        let mut builder = Builder::new_current_thread();
        builder.enable_all().max_blocking_threads(blocking_threads);
        let result = builder.build_local(Default::default()).and_then(|runtime| {
            let result = runtime.block_on(task());
            // Drops the remaining tasks without waiting for blocking functions.
            runtime.shutdown_background();
            result
        });
        // The receiver is gone if the server was dropped.
        let _ = sender.send(result);
    })?;
    Ok(receiver)
}
