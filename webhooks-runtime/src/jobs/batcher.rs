//! Collects the deliveries that the server's threads receive into batches and has the store accept them:
//! what arrives while the store commits one batch is the next batch.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::time::timeout;

use super::delivery::{Accepted, NewDelivery};
use super::error::StoreError;
use super::observer::{JobsObservers, StoreOperation};
use super::store::Store;
use super::wakeups::Wakeups;
use crate::task;

/// The maximum size of a batch.
const MAX_BATCH: usize = 256;

/// How many deliveries may wait for their batch. Further ones wait in their connections.
const MAX_PENDING: usize = 4096;

/// How long a request waits until its delivery is stored. The Hub gives up after 30 s.
const ACCEPT_TIMEOUT: Duration = Duration::from_secs(15);

/// The result of accepting one delivery.
type AcceptResult = Result<Accepted, Arc<StoreError>>;

/// A delivery that waits for its batch.
struct PendingDelivery {
    delivery: NewDelivery,
    reply: oneshot::Sender<AcceptResult>,
}

/// The sending half of the batcher.
#[derive(Clone, Debug)]
pub(super) struct Batcher(mpsc::Sender<PendingDelivery>);

impl Batcher {
    /// Starts collecting batches, in this runtime.
    pub(super) fn start(
        store: Arc<dyn Store>,
        wakeups: Arc<Wakeups>,
        observers: JobsObservers,
    ) -> Self {
        let (sender, pending) = mpsc::channel(MAX_PENDING);
        task::spawn(collect(store, wakeups, observers, pending));
        Self(sender)
    }

    /// Submits a delivery and waits for the store's response. Called on a thread of the server.
    pub(super) async fn accept(&self, delivery: NewDelivery) -> AcceptResult {
        let (reply, response) = oneshot::channel();
        let accepted = async {
            let pending = PendingDelivery { delivery, reply };
            self.0.send(pending).await.map_err(|_| StoreError::Closed)?;
            response.await.map_err(|_| StoreError::Closed)?
        };
        let late = || Arc::new(StoreError::Failed("it took too long".into()));
        timeout(ACCEPT_TIMEOUT, accepted).await.unwrap_or_else(|_| Err(late()))
    }
}

async fn collect(
    store: Arc<dyn Store>,
    wakeups: Arc<Wakeups>,
    observers: JobsObservers,
    mut pending: mpsc::Receiver<PendingDelivery>,
) {
    let permits = Arc::new(Semaphore::new(store.max_concurrent_batches()));
    // Neither the semaphore nor, while a sender is left, the channel is ever closed.
    while let Ok(permit) = Arc::clone(&permits).acquire_owned().await {
        let Some(first) = pending.recv().await else {
            return;
        };
        // A server thread on the same core may have more to submit, which the same sync can cover: 8 % more deliveries
        // per second.
        thread::yield_now();
        let mut batch = vec![first];
        while batch.len() < MAX_BATCH
            && let Ok(next) = pending.try_recv()
        {
            batch.push(next);
        }
        // These requests have timed out, and were answered that nothing was stored.
        batch.retain(|pending| !pending.reply.is_closed());
        let (store, wakeups) = (Arc::clone(&store), Arc::clone(&wakeups));
        let observers = observers.clone();
        task::spawn(async move {
            accept_batch(&*store, &wakeups, &observers, batch).await;
            drop(permit);
        });
    }
}

async fn accept_batch(
    store: &dyn Store,
    wakeups: &Wakeups,
    observers: &JobsObservers,
    pending: Vec<PendingDelivery>,
) {
    let (batch, replies): (Vec<_>, Vec<_>) =
        pending.into_iter().map(|pending| (pending.delivery, pending.reply)).unzip();
    let endpoints: Vec<_> = batch.iter().map(|delivery| delivery.endpoint).collect();
    let accepted = observers.measure(StoreOperation::Accept, store.accept(batch)).await;
    wakeups.record_batch(endpoints.len());
    match accepted {
        Ok(accepted) => {
            for (endpoint, accepted) in endpoints.into_iter().zip(&accepted) {
                if matches!(accepted, Accepted::Queued(_)) {
                    wakeups.wake(endpoint);
                }
            }
            for (reply, accepted) in replies.into_iter().zip(accepted) {
                // Fails if the request no longer waits.
                let _ = reply.send(Ok(accepted));
            }
        }
        Err(error) => {
            let error = Arc::new(error);
            for reply in replies {
                let _ = reply.send(Err(Arc::clone(&error)));
            }
        }
    }
}
