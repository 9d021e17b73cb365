//! Gives connections to the workers in turn, and past a worker whose thread is blocked.
//!
//! A worker takes a new connection within microseconds, unless a function blocks its thread. So a worker
//! that leaves one waiting is passed over until it takes one again, and what waits for it goes to others.

use std::collections::VecDeque;
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep};

use crate::http::connection::{Origin, Slot};

/// How long a worker may leave a connection waiting.
const PATIENCE: Duration = Duration::from_millis(100);

/// A connection that no worker serves yet.
pub(super) struct AcceptedConnection {
    pub(super) stream: TcpStream,
    pub(super) peer: SocketAddr,
    pub(super) origin: Origin,
    pub(super) slot: Slot,
}

/// The connections that wait for one worker.
#[derive(Default)]
pub(super) struct Inbox {
    opened: Notify,
    waiting: Mutex<VecDeque<(Instant, AcceptedConnection)>>,
    given: Notify,
    /// Whether the worker has left a connection waiting for too long.
    is_stuck: AtomicBool,
}

impl Inbox {
    fn waiting(&self) -> MutexGuard<'_, VecDeque<(Instant, AcceptedConnection)>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Announces that the worker is ready to take connections.
    pub(super) fn open(&self) {
        self.opened.notify_one();
    }

    fn push(&self, accepted: AcceptedConnection) {
        self.waiting().push_back((Instant::now(), accepted));
        self.given.notify_one();
    }

    /// Takes the connections that wait, when there are some.
    pub(super) async fn take(&self) -> impl Iterator<Item = AcceptedConnection> + use<> {
        self.given.notified().await;
        self.take_all()
    }

    /// Takes the connections that wait, if there are any.
    pub(super) fn take_all(&self) -> impl Iterator<Item = AcceptedConnection> + use<> {
        self.is_stuck.store(false, Ordering::Relaxed);
        std::mem::take(&mut *self.waiting()).into_iter().map(|(_, accepted)| accepted)
    }

    /// Looks whether the worker is stuck, and returns whether connections wait for it.
    fn look(&self, now: Instant) -> bool {
        let waiting = self.waiting();
        let Some((since, _)) = waiting.front() else { return false };
        if now - *since >= PATIENCE {
            self.is_stuck.store(true, Ordering::Relaxed);
        }
        true
    }

    fn is_stuck(&self) -> bool {
        self.is_stuck.load(Ordering::Relaxed)
    }
}

/// The inboxes of all workers, and whose turn it is.
pub(super) struct Turns {
    inboxes: Vec<Arc<Inbox>>,
    next: AtomicUsize,
    given: Notify,
}

impl Turns {
    pub(super) fn new(inboxes: Vec<Arc<Inbox>>) -> Self {
        Self { inboxes, next: AtomicUsize::new(0), given: Notify::new() }
    }

    /// Waits until all workers are ready. Otherwise the first would be given what the others cannot take yet.
    pub(super) async fn all_open(&self) {
        for inbox in &self.inboxes {
            inbox.opened.notified().await;
        }
    }

    /// Gives a connection to the next worker that is not stuck; to the next one when all are.
    pub(super) fn give(&self, accepted: AcceptedConnection) {
        let workers = self.inboxes.len();
        let next = self.next.load(Ordering::Relaxed);
        let in_turn = (next..next + workers).map(|turn| turn % workers);
        let mut free = in_turn.filter(|&worker| !self.inboxes[worker].is_stuck());
        let worker = free.next().unwrap_or(next % workers);
        self.next.store((worker + 1) % workers, Ordering::Relaxed);
        self.inboxes[worker].push(accepted);
        self.given.notify_one();
    }

    /// Gives connections that wait for stuck workers to others, for as long as it is polled.
    pub(super) async fn reassign_stuck(&self) {
        loop {
            // Looks only while there can be something to see, so that an idle server sleeps.
            self.given.notified().await;
            loop {
                sleep(PATIENCE).await;
                let now = Instant::now();
                let waiting = self.inboxes.iter().filter(|inbox| inbox.look(now)).count();
                if waiting == 0 {
                    break;
                }
                if self.inboxes.iter().all(|inbox| inbox.is_stuck()) {
                    continue;
                }
                for inbox in self.inboxes.iter().filter(|inbox| inbox.is_stuck()) {
                    let stuck = std::mem::take(&mut *inbox.waiting());
                    stuck.into_iter().for_each(|(_, accepted)| self.give(accepted));
                }
            }
        }
    }
}
