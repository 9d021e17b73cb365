//! Distributes connections to the workers: round robin, skipping workers whose thread is blocked.
//!
//! A worker takes a new connection within microseconds, unless a function blocks its thread. A worker that
//! leaves a connection in its queue for too long therefore counts as stuck: it gets no new connections until it
//! takes one again, and the other workers get the connections in its queue.

use std::collections::VecDeque;
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep};

use crate::http::connection::{ConnectionPermit, Origin};

/// How long a connection may be queued before its worker counts as stuck.
const STUCK_AFTER: Duration = Duration::from_millis(100);

/// A connection that no worker serves yet.
pub(super) struct AcceptedConnection {
    pub(super) stream: TcpStream,
    pub(super) peer: SocketAddr,
    pub(super) origin: Origin,
    pub(super) permit: ConnectionPermit,
}

/// The queue of connections for one worker.
#[derive(Default)]
pub(super) struct WorkerQueue {
    ready: Notify,
    connections: Mutex<VecDeque<(Instant, AcceptedConnection)>>,
    pushed: Notify,
    /// Whether the worker has left a connection in the queue for too long.
    is_stuck: AtomicBool,
}

impl WorkerQueue {
    fn connections(&self) -> MutexGuard<'_, VecDeque<(Instant, AcceptedConnection)>> {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Announces that the worker is ready to take connections.
    pub(super) fn mark_ready(&self) {
        self.ready.notify_one();
    }

    fn push(&self, accepted: AcceptedConnection) {
        self.connections().push_back((Instant::now(), accepted));
        self.pushed.notify_one();
    }

    /// Waits for connections and takes all of them.
    pub(super) async fn take(&self) -> impl Iterator<Item = AcceptedConnection> + use<> {
        self.pushed.notified().await;
        self.take_all()
    }

    /// Takes all connections without waiting.
    pub(super) fn take_all(&self) -> impl Iterator<Item = AcceptedConnection> + use<> {
        self.is_stuck.store(false, Ordering::Relaxed);
        std::mem::take(&mut *self.connections()).into_iter().map(|(_, accepted)| accepted)
    }

    /// Updates whether the worker is stuck, and returns whether the queue has connections.
    fn check(&self, now: Instant) -> bool {
        let connections = self.connections();
        let Some((since, _)) = connections.front() else { return false };
        if now - *since >= STUCK_AFTER {
            self.is_stuck.store(true, Ordering::Relaxed);
        }
        true
    }

    fn is_stuck(&self) -> bool {
        self.is_stuck.load(Ordering::Relaxed)
    }
}

/// Distributes connections to the queues of all workers.
pub(super) struct Balancer {
    queues: Vec<Arc<WorkerQueue>>,
    next: AtomicUsize,
    assigned: Notify,
}

impl Balancer {
    pub(super) fn new(queues: Vec<Arc<WorkerQueue>>) -> Self {
        Self { queues, next: AtomicUsize::new(0), assigned: Notify::new() }
    }

    /// Waits until all workers are ready. Before that, the first ready worker would get every connection.
    pub(super) async fn all_ready(&self) {
        for queue in &self.queues {
            queue.ready.notified().await;
        }
    }

    /// Assigns a connection to the next worker that is not stuck, or to the next one if all are stuck.
    pub(super) fn assign(&self, accepted: AcceptedConnection) {
        let workers = self.queues.len();
        let next = self.next.load(Ordering::Relaxed);
        let in_turn = (next..next + workers).map(|turn| turn % workers);
        let mut free = in_turn.filter(|&worker| !self.queues[worker].is_stuck());
        let worker = free.next().unwrap_or(next % workers);
        self.next.store((worker + 1) % workers, Ordering::Relaxed);
        self.queues[worker].push(accepted);
        self.assigned.notify_one();
    }

    /// Moves connections from the queues of stuck workers to other workers. Never returns.
    pub(super) async fn reassign_stuck(&self) {
        loop {
            // Polls only while a queue may have connections, so that an idle server sleeps.
            self.assigned.notified().await;
            loop {
                sleep(STUCK_AFTER).await;
                let now = Instant::now();
                let queued = self.queues.iter().filter(|queue| queue.check(now)).count();
                if queued == 0 {
                    break;
                }
                if self.queues.iter().all(|queue| queue.is_stuck()) {
                    continue;
                }
                for queue in self.queues.iter().filter(|queue| queue.is_stuck()) {
                    let stuck = std::mem::take(&mut *queue.connections());
                    stuck.into_iter().for_each(|(_, accepted)| self.assign(accepted));
                }
            }
        }
    }
}
