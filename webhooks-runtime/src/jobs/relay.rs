//! Brings what became of a batch back to the threads that wait for it: once to each thread, which tells
//! its own requests. To wake a thread for each request costs more than to keep its delivery.

use std::cell::RefCell;
use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};

use super::error::StoreError;
use super::store::Accepted;

/// What became of a delivery.
pub(super) type Outcome = Result<Accepted, Arc<StoreError>>;

/// What a thread is told: which of its requests, and what.
type Told = Vec<(oneshot::Sender<Outcome>, Outcome)>;

thread_local! {
    /// Where this thread is told, once it has asked for something.
    static HERE: RefCell<Option<mpsc::UnboundedSender<Told>>> = const { RefCell::new(None) };
}

/// The way back to one request.
pub(super) struct Reply {
    thread: mpsc::UnboundedSender<Told>,
    request: oneshot::Sender<Outcome>,
}

impl Reply {
    /// A way back to this thread, which runs an actix worker, and what comes by it.
    pub(super) fn new() -> (Self, oneshot::Receiver<Outcome>) {
        let thread = HERE.with_borrow_mut(|here| match here {
            Some(thread) if !thread.is_closed() => thread.clone(),
            _ => here.insert(listen()).clone(),
        });
        let (request, outcome) = oneshot::channel();
        (Self { thread, request }, outcome)
    }

    /// Whether nobody waits any more.
    pub(super) fn is_closed(&self) -> bool {
        self.request.is_closed()
    }
}

/// Tells this thread's requests what the thread is told, for as long as it runs.
fn listen() -> mpsc::UnboundedSender<Told> {
    let (thread, mut told) = mpsc::unbounded_channel::<Told>();
    actix_web::rt::spawn(async move {
        while let Some(some) = told.recv().await {
            for (request, outcome) in some {
                // An error says that nobody waits any more.
                let _ = request.send(outcome);
            }
        }
    });
    thread
}

/// Sends outcomes to where they are waited for.
pub(super) fn send(outcomes: impl Iterator<Item = (Reply, Outcome)>) {
    // There are as many threads as the server has workers: a few.
    let mut threads: Vec<(mpsc::UnboundedSender<Told>, Told)> = Vec::new();
    for (Reply { thread, request }, outcome) in outcomes {
        match threads.iter_mut().find(|(known, _)| known.same_channel(&thread)) {
            Some((_, told)) => told.push((request, outcome)),
            None => threads.push((thread, vec![(request, outcome)])),
        }
    }
    for (thread, told) in threads {
        let _ = thread.send(told);
    }
}
