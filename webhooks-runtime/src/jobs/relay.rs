//! Sends the results of a batch back to the server's threads: one message per thread, which distributes it
//! to its own requests. Waking a thread for each request costs more than storing the delivery.

use std::cell::RefCell;
use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};

use super::delivery::Accepted;
use super::error::StoreError;

/// The result of accepting one delivery.
pub(super) type AcceptResult = Result<Accepted, Arc<StoreError>>;

/// The results for several requests of one thread.
type ReplyBatch = Vec<(oneshot::Sender<AcceptResult>, AcceptResult)>;

thread_local! {
    /// The channel to this thread's distributing task, once one was started.
    static REPLIES: RefCell<Option<mpsc::UnboundedSender<ReplyBatch>>> =
        const { RefCell::new(None) };
}

/// The return address of one request.
pub(super) struct ReplyHandle {
    thread: mpsc::UnboundedSender<ReplyBatch>,
    request: oneshot::Sender<AcceptResult>,
}

impl ReplyHandle {
    /// Creates a handle for a request of this thread, which must run an actix worker, and the receiver of
    /// its result.
    pub(super) fn new() -> (Self, oneshot::Receiver<AcceptResult>) {
        let thread = REPLIES.with_borrow_mut(|replies| match replies {
            Some(thread) if !thread.is_closed() => thread.clone(),
            _ => replies.insert(distribute()).clone(),
        });
        let (request, result) = oneshot::channel();
        (Self { thread, request }, result)
    }

    /// Returns whether the request no longer waits.
    pub(super) fn is_closed(&self) -> bool {
        self.request.is_closed()
    }
}

/// Starts the task that distributes results to this thread's requests.
fn distribute() -> mpsc::UnboundedSender<ReplyBatch> {
    let (thread, mut batches) = mpsc::unbounded_channel::<ReplyBatch>();
    actix_web::rt::spawn(async move {
        while let Some(batch) = batches.recv().await {
            for (request, result) in batch {
                // Fails when the request no longer waits.
                let _ = request.send(result);
            }
        }
    });
    thread
}

/// Sends each result to its request.
pub(super) fn send_replies(results: impl Iterator<Item = (ReplyHandle, AcceptResult)>) {
    // A linear search: there are only as many threads as the server has workers.
    let mut threads: Vec<(mpsc::UnboundedSender<ReplyBatch>, ReplyBatch)> = Vec::new();
    for (ReplyHandle { thread, request }, result) in results {
        match threads.iter_mut().find(|(other, _)| other.same_channel(&thread)) {
            Some((_, batch)) => batch.push((request, result)),
            None => threads.push((thread, vec![(request, result)])),
        }
    }
    for (thread, batch) in threads {
        let _ = thread.send(batch);
    }
}
