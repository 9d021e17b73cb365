//! Takes deliveries from the server's threads and has them kept, many at once: what arrives while the
//! store is busy is its next batch.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tokio::sync::{Semaphore, mpsc};
use tokio::time::timeout;

use super::error::StoreError;
use super::relay::{Outcome, Reply, send};
use super::scheduler::Hints;
use super::store::{Accepted, New, Store};

/// How many deliveries are kept at once, at the most.
const MOST_AT_ONCE: usize = 256;

/// How many may wait for that. More wait in their connections.
const MOST_WAITING: usize = 4096;

/// How long a delivery may wait until it is kept. The Hub gives up after 30 s.
const PATIENCE: Duration = Duration::from_secs(15);

/// A delivery, and where to say what became of it.
struct Arrival {
    new: New,
    reply: Reply,
}

/// Where deliveries are handed in.
#[derive(Clone, Debug)]
pub(super) struct Intake(mpsc::Sender<Arrival>);

impl Intake {
    /// Starts taking deliveries, in this runtime.
    pub(super) fn start(store: Arc<dyn Store>, hints: Arc<Hints>) -> Self {
        let (sender, arrivals) = mpsc::channel(MOST_WAITING);
        tokio::spawn(take(store, hints, arrivals));
        Self(sender)
    }

    /// Has a delivery kept, and waits until it is. Called on a thread of the server.
    pub(super) async fn accept(&self, new: New) -> Outcome {
        let (reply, answer) = Reply::new();
        let accepted = async {
            self.0.send(Arrival { new, reply }).await.map_err(|_| StoreError::Closed)?;
            answer.await.map_err(|_| StoreError::Closed)?
        };
        let late = || Arc::new(StoreError::Failed("it took too long".into()));
        timeout(PATIENCE, accepted).await.unwrap_or_else(|_| Err(late()))
    }
}

async fn take(store: Arc<dyn Store>, hints: Arc<Hints>, mut arrivals: mpsc::Receiver<Arrival>) {
    let places = Arc::new(Semaphore::new(store.at_once()));
    // Closed is neither the semaphore nor, before all who hand in are gone, the channel.
    while let Ok(place) = Arc::clone(&places).acquire_owned().await {
        let Some(first) = arrivals.recv().await else {
            return;
        };
        // Where a thread of the server shares its core with this one, it hands in first what it has: one
        // sync is for all of it.
        thread::yield_now();
        let mut some = vec![first];
        while some.len() < MOST_AT_ONCE
            && let Ok(arrival) = arrivals.try_recv()
        {
            some.push(arrival);
        }
        // Nobody waits for those any more, and they were told that nothing was kept.
        some.retain(|arrival| !arrival.reply.is_closed());
        let (store, hints) = (Arc::clone(&store), Arc::clone(&hints));
        tokio::spawn(async move {
            keep(&*store, &hints, some).await;
            drop(place);
        });
    }
}

async fn keep(store: &dyn Store, hints: &Hints, some: Vec<Arrival>) {
    let (batch, replies): (Vec<_>, Vec<_>) =
        some.into_iter().map(|arrival| (arrival.new, arrival.reply)).unzip();
    let endpoints: Vec<_> = batch.iter().map(|new| new.endpoint).collect();
    let accepted = store.accept(batch).await;
    hints.kept(endpoints.len());
    match accepted {
        Ok(accepted) => {
            for (endpoint, accepted) in endpoints.into_iter().zip(&accepted) {
                if matches!(accepted, Accepted::Queued(_)) {
                    hints.give(endpoint);
                }
            }
            send(replies.into_iter().zip(accepted.into_iter().map(Ok)));
        }
        Err(error) => {
            let error = Arc::new(error);
            send(replies.into_iter().map(|reply| (reply, Err(Arc::clone(&error)))));
        }
    }
}
