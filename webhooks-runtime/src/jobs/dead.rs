//! Defines the delivery that a program is notified of when it has ended dead, and collects such deliveries for the parts
//! of the server that notify people.
//!
//! A part gets only the ids at first, because the store's thread must not wait for anything. It reads each delivery from
//! the store when it has the time for it.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use actix_web::web::Bytes;
use serde::Deserialize;
use tokio::sync::mpsc;
use tokio::time::sleep;
use uuid::Uuid;

use super::error::StoreError;
use super::handle::Jobs;
use super::inspect::DeliveryDetail;
use super::observer::JobsObserver;
use super::state::State;
use crate::endpoint::extract::body::parse_payload;
use crate::payload::{RepoType, WebhookPayload};

/// A background delivery that has ended dead: all its attempts failed, one failed with a
/// [`Permanent`](crate::Permanent) error, or its last attempt was lost with its process.
///
/// A function of [`on_dead`](crate::WebhooksServer::on_dead) takes it.
///
/// ```
/// use webhooks_runtime::{DeadDelivery, WebhooksServer};
///
/// let server = WebhooksServer::new().on_dead(async |delivery: DeadDelivery| {
///     let DeadDelivery { endpoint, id, error, .. } = &delivery;
///     eprintln!("{endpoint} has given up: {error}. Run it again with: deliveries retry {id}");
/// });
/// ```
#[derive(Clone)]
#[non_exhaustive]
pub struct DeadDelivery {
    /// The id in the 202 response, which `deliveries show` and `deliveries retry` accept.
    pub id: String,
    /// The `Webhook-Id` header.
    pub webhook_id: Option<String>,
    /// The endpoint's path: `/webhooks/trigger_training`.
    pub endpoint: String,
    /// The action and scope, such as `update repo.content`; `None` if the payload has none.
    pub event: Option<String>,
    /// The repo's type; `None` if the payload has none.
    pub repo_type: Option<RepoType>,
    /// The repo's name, such as `me/data`; `None` if the payload has none.
    pub repo: Option<String>,
    /// How many attempts have started.
    pub attempts: u32,
    /// The error of the last attempt, with its causes. It has at most 4 KiB.
    pub error: String,
    /// When the request's head had arrived.
    pub received_at: SystemTime,
    /// When the last attempt ended.
    pub ended_at: SystemTime,
    body: Bytes,
}

impl DeadDelivery {
    /// Makes a delivery that has just ended after one attempt, to call a function in a test. Its payload is empty.
    ///
    /// ```
    /// use webhooks_runtime::DeadDelivery;
    ///
    /// fn title(delivery: &DeadDelivery) -> String {
    ///     format!("{} is dead", delivery.id)
    /// }
    ///
    /// assert_eq!(title(&DeadDelivery::new("88cf08b1")), "88cf08b1 is dead");
    /// ```
    #[must_use]
    pub fn new(id: impl Into<String>) -> Self {
        let now = SystemTime::now();
        Self {
            id: id.into(),
            webhook_id: None,
            endpoint: String::new(),
            event: None,
            repo_type: None,
            repo: None,
            attempts: 1,
            error: String::new(),
            received_at: now,
            ended_at: now,
            body: Bytes::new(),
        }
    }

    /// Returns the body of the request.
    ///
    /// ```
    /// use webhooks_runtime::DeadDelivery;
    ///
    /// assert!(DeadDelivery::new("88cf08b1").body().is_empty());
    /// ```
    #[must_use]
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// Returns the Hub's payload; `None` if the body is something else, such as what the program has enqueued. With
    /// `latest` of the attribute, it does not have the changes of older deliveries that this one replaced.
    ///
    /// ```
    /// use webhooks_runtime::DeadDelivery;
    ///
    /// assert!(DeadDelivery::new("88cf08b1").payload().is_none());
    /// ```
    #[must_use]
    pub fn payload(&self) -> Option<WebhookPayload> {
        parse_payload(&self.body).ok().map(|read| read.payload)
    }
}

impl From<DeliveryDetail> for DeadDelivery {
    fn from(detail: DeliveryDetail) -> Self {
        let DeliveryDetail { summary, body, .. } = detail;
        Self {
            id: summary.id.to_string(),
            webhook_id: summary.webhook_id,
            endpoint: summary.endpoint,
            event: summary.event,
            repo_type: repo_type(&body),
            repo: summary.repo,
            attempts: summary.attempts,
            error: summary.error.unwrap_or_default(),
            received_at: summary.received_at,
            ended_at: summary.ended_at.unwrap_or_else(SystemTime::now),
            body,
        }
    }
}

impl fmt::Debug for DeadDelivery {
    /// Leaves out the body.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeadDelivery")
            .field("id", &self.id)
            .field("endpoint", &self.endpoint)
            .field("event", &self.event)
            .field("repo", &self.repo)
            .field("attempts", &self.attempts)
            .field("error", &self.error)
            .finish_non_exhaustive()
    }
}

#[derive(Deserialize)]
struct TypedBody {
    repo: TypedRepo,
}

#[derive(Deserialize)]
struct TypedRepo {
    r#type: RepoType,
}

fn repo_type(body: &[u8]) -> Option<RepoType> {
    serde_json::from_slice(body).ok().map(|body: TypedBody| body.repo.r#type)
}

/// How many dead deliveries wait for a part at most. Further ones are only counted.
const MAX_QUEUED: usize = 10_000;

/// The bounds of the pause before the store is asked again for a delivery.
const READ_PAUSE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));

/// The dead deliveries that a part has not handled yet.
pub(crate) struct DeadQueue {
    sender: mpsc::Sender<Uuid>,
    /// How many did not fit since [`take_overflow`](Self::take_overflow) was last called.
    overflow: AtomicU64,
}

impl DeadQueue {
    /// Returns a queue, and what receives its deliveries.
    pub(crate) fn new() -> (Self, mpsc::Receiver<Uuid>) {
        let (sender, receiver) = mpsc::channel(MAX_QUEUED);
        (Self { sender, overflow: AtomicU64::new(0) }, receiver)
    }

    /// Returns how many deliveries did not fit since the last call.
    pub(crate) fn take_overflow(&self) -> u64 {
        self.overflow.swap(0, Ordering::Relaxed)
    }
}

impl JobsObserver for DeadQueue {
    fn delivery_died(&self, id: Uuid) {
        if self.sender.try_send(id).is_err() {
            self.overflow.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Dead deliveries in the store.
impl Jobs {
    /// Reads a dead delivery, as soon as the store responds. `None` if it is not dead any more: a person has deleted it or
    /// runs it again.
    pub(crate) async fn dead_delivery(&self, id: Uuid) -> Option<DeadDelivery> {
        let detail = when_available(|| self.show(id)).await?;
        (detail.summary.state == State::Dead).then(|| detail.into())
    }
}

/// Repeats a query until the store responds. `None` if the store is closed.
async fn when_available<T, F>(query: impl Fn() -> F) -> Option<T>
where
    F: Future<Output = Result<Option<T>, StoreError>>,
{
    let mut pause = READ_PAUSE.0;
    loop {
        match query().await {
            Ok(read) => return read,
            Err(StoreError::Closed) => return None,
            Err(error) => {
                tracing::debug!(%error, "a dead delivery cannot be read yet");
                sleep(pause).await;
                pause = (pause * 2).min(READ_PAUSE.1);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::ready;

    use super::*;

    #[test]
    fn the_deliveries_that_do_not_fit_into_the_queue_are_counted() {
        let (queue, mut receiver) = DeadQueue::new();
        let ids: Vec<_> = (0..MAX_QUEUED + 3).map(|_| Uuid::now_v7()).collect();
        ids.iter().for_each(|id| queue.delivery_died(*id));
        assert_eq!((receiver.try_recv(), queue.take_overflow()), (Ok(ids[0]), 3));
        queue.delivery_died(ids[0]);
        assert_eq!(queue.take_overflow(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_dead_delivery_is_read_as_soon_as_the_store_responds() {
        let calls = AtomicU64::new(0);
        let read = when_available(|| {
            ready(match calls.fetch_add(1, Ordering::Relaxed) {
                0..=2 => Err(StoreError::Failed("the database restarts".into())),
                calls => Ok(Some(calls)),
            })
        });
        assert_eq!(read.await, Some(3));
        let closed = || ready(Err::<Option<()>, _>(StoreError::Closed));
        assert_eq!(when_available(closed).await, None);
    }
}
