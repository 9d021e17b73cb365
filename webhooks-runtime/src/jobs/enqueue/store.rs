//! Defines the store in which a program enqueues deliveries for its functions.

use std::fmt;
use std::sync::{Arc, OnceLock, Weak};
use std::time::SystemTime;

use futures_util::FutureExt;
use futures_util::future::ready;
use tokio::sync::Mutex;

use super::{EnqueueError, EnqueueFuture, EnqueueRequest, EnqueueTarget, EnqueuedDelivery, Sealed};
use crate::endpoint::background::SharedData;
use crate::jobs::delivery::{Accepted, DeliveryOrigin};
use crate::jobs::error::StoreError;
use crate::jobs::handle::Jobs;
use crate::jobs::incoming::IncomingDelivery;
use crate::jobs::recorded_limits::recorded_limits;
use crate::jobs::run::BackgroundHandler;
use crate::jobs::store::StoreLimits;
use crate::jobs::store_url::StoreUrl;

/// A store of background deliveries, in which a program enqueues deliveries for its functions with `enqueue`.
///
/// A function takes the store of its server as an argument, by value, to enqueue deliveries for another function:
///
/// ```
/// use webhooks_runtime::{DeliveryStore, EnqueueError, WebhookPayload, web, webhook_endpoint};
/// use webhooks_runtime::serde::{Deserialize, Serialize};
/// use webhooks_runtime::testing::{TestClient, dataset_commit};
/// use webhooks_runtime::WebhooksServer;
///
/// #[derive(Serialize, Deserialize)]
/// #[serde(crate = "webhooks_runtime::serde")]
/// struct Shard {
///     file: String,
/// }
///
/// #[webhook_endpoint(background(concurrency = 1))]
/// async fn convert(shard: web::Json<Shard>) {
///     tracing::info!(file = shard.file, "converting");
/// }
///
/// #[webhook_endpoint(background)]
/// async fn split(_payload: WebhookPayload, store: DeliveryStore) -> Result<(), EnqueueError> {
///     for file in ["train.csv", "test.csv"] {
///         convert::enqueue(&store, Shard { file: file.to_owned() }).await?;
///     }
///     Ok(())
/// }
///
/// let server = WebhooksServer::empty().endpoint(split::endpoint()).endpoint(convert::endpoint());
/// let response = TestClient::new(server)?.post(split::PATH, dataset_commit()).send();
/// assert_eq!(response.cause(), None);
/// # Ok::<(), webhooks_runtime::LaunchError>(())
/// ```
///
/// Another program, such as a nightly one, opens the store of the server with [`open`](Self::open).
///
/// In a [`TestClient`](crate::testing::TestClient), there is no store: the function runs at once, and its failure is only
/// logged.
#[derive(Clone)]
pub struct DeliveryStore(Arc<dyn EnqueueBackend>);

/// What a [`DeliveryStore`] does with deliveries.
pub(crate) trait EnqueueBackend: Send + Sync {
    /// Enqueues a delivery, and returns its id.
    fn enqueue(&self, delivery: EnqueuedDelivery) -> EnqueueFuture<String>;
}

impl DeliveryStore {
    /// Opens the store of a server that runs in another process, or does not run: a file, or
    /// `postgres://user:password@host/database`. The server must have been started with it before. A running one finds
    /// what is enqueued in a file within a second, and in PostgreSQL at once.
    ///
    /// `store_limit`, `backlog_limit` and `body_limit` are those of the server that was started with the store last. The
    /// options of the function, such as `key`, `latest` and `debounce`, are those of the calling program: compile both
    /// from the same function.
    ///
    /// ```no_run
    /// use webhooks_runtime::{DeliveryStore, web, webhook_endpoint};
    /// use webhooks_runtime::serde_json::{Value, json};
    ///
    /// #[webhook_endpoint(background)]
    /// async fn evaluate(settings: web::Json<Value>) {
    ///     // evaluate
    /// }
    ///
    /// #[tokio::main]
    /// async fn main() -> anyhow::Result<()> {
    ///     let store = DeliveryStore::open("webhooks.db").await?;
    ///     let id = evaluate::enqueue(&store, json!({ "suite": "nightly" })).await?;
    ///     println!("enqueued {id}");
    ///     Ok(())
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// When there is no such store, or it cannot be opened.
    pub async fn open(store: &str) -> Result<Self, StoreError> {
        let url = StoreUrl::parse(store)?;
        let jobs = Jobs::open_to_enqueue(&url, Vec::new(), StoreLimits::default()).await?;
        Ok(Self::new(OpenedStore { url, jobs: Arc::new(Mutex::new((jobs, Vec::new()))) }))
    }

    pub(crate) fn new(backend: impl EnqueueBackend + 'static) -> Self {
        Self(Arc::new(backend))
    }

    /// Returns a store that accepts nothing, for an app that no server has made.
    pub(super) fn closed() -> Self {
        Self::new(ServerStore(Weak::new()))
    }

    /// Returns the store of a server. It is set once the server has opened it, and gone when the server has stopped.
    pub(crate) fn of_server(jobs: &Arc<OnceLock<Jobs>>) -> Self {
        Self::new(ServerStore(Arc::downgrade(jobs)))
    }
}

impl Sealed for DeliveryStore {}

impl EnqueueTarget for DeliveryStore {
    type Enqueued = String;

    fn __enqueue(&self, request: EnqueueRequest) -> EnqueueFuture<Self::Enqueued> {
        match request.check() {
            Ok(delivery) => self.0.enqueue(delivery),
            Err(error) => ready(Err(error)).boxed(),
        }
    }
}

impl fmt::Debug for DeliveryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DeliveryStore(…)")
    }
}

/// The store of the server in this process. Weak, because the server's functions hold it: otherwise the store would never
/// be closed if the server does not start.
struct ServerStore(Weak<OnceLock<Jobs>>);

impl EnqueueBackend for ServerStore {
    fn enqueue(&self, delivery: EnqueuedDelivery) -> EnqueueFuture<String> {
        let jobs = self.0.upgrade();
        async move {
            let jobs = jobs.ok_or(StoreError::Closed)?;
            let jobs = jobs.get().ok_or(EnqueueError::NoStore)?;
            if !jobs.has_endpoint(delivery.path) {
                return Err(EnqueueError::UnknownEndpoint { path: delivery.path.to_owned() });
            }
            enqueue(jobs, delivery).await
        }
        .boxed()
    }
}

/// A store that the program has opened.
struct OpenedStore {
    url: StoreUrl,
    /// The open store, and the functions that it was opened for.
    jobs: Arc<Mutex<(Jobs, Vec<BackgroundHandler>)>>,
}

impl EnqueueBackend for OpenedStore {
    fn enqueue(&self, delivery: EnqueuedDelivery) -> EnqueueFuture<String> {
        let (url, opened) = (self.url.clone(), Arc::clone(&self.jobs));
        async move {
            let jobs = {
                let mut opened = opened.lock().await;
                if !opened.0.has_endpoint(delivery.path) {
                    // Opened again, because a store knows its endpoints from the beginning.
                    let mut handlers = opened.1.clone();
                    handlers.push(BackgroundHandler {
                        path: delivery.path.to_owned(),
                        background: delivery.background,
                        shared: Arc::new(SharedData::default()),
                        check: None,
                    });
                    let limits = recorded_limits(&opened.0).await?;
                    let jobs = Jobs::open_to_enqueue(&url, handlers.clone(), limits).await?;
                    *opened = (jobs, handlers);
                }
                opened.0.clone()
            };
            enqueue(&jobs, delivery).await
        }
        .boxed()
    }
}

/// Stores a delivery, and returns its id.
async fn enqueue(jobs: &Jobs, delivery: EnqueuedDelivery) -> Result<String, EnqueueError> {
    let EnqueuedDelivery { path, body, key, .. } = delivery;
    let incoming = IncomingDelivery {
        path,
        webhook_id: None,
        received_at: SystemTime::now(),
        body,
        key,
        force: false,
        origin: DeliveryOrigin::Enqueued,
    };
    match jobs.accept(incoming).await {
        // Without a `Webhook-Id`, it is never a duplicate.
        Ok(Accepted::Queued(id) | Accepted::Duplicate(id, _)) => Ok(id.to_string()),
        Ok(Accepted::StoreFull) => Err(EnqueueError::StoreFull),
        Ok(Accepted::BacklogFull) => Err(EnqueueError::BacklogFull),
        Err(error) => Err(EnqueueError::Store(unshared(error))),
    }
}

/// Returns the error of a batch that other deliveries may have shared.
fn unshared(error: Arc<StoreError>) -> StoreError {
    Arc::try_unwrap(error).unwrap_or_else(|shared| match &*shared {
        StoreError::Failed(cause) => StoreError::Failed(cause.to_string().into()),
        other => StoreError::Failed(other.to_string().into()),
    })
}
