//! Provides [`Jobs`], the handle through which the server, the page and the command line use the background
//! deliveries.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use foldhash::fast::RandomState;
use futures_util::FutureExt;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, timeout, timeout_at};
use uuid::Uuid;

use super::batcher::Batcher;
use super::error::StoreError;
use super::inspect::{DeliveryDetail, DeliveryFilter, DeliverySummary, Purge, RetryTarget};
use super::observer::{JobsObservers, StoreOperation};
use super::scheduler::SchedulerCommand;
use super::store::{EndpointPolicy, Store};
use super::wakeups::Wakeups;
use crate::state::{SharedState, StateError, StateFuture};

/// The timeout of a query from the page or the command line.
const QUERY_TIMEOUT: Duration = Duration::from_secs(10);

/// How long after its deadline a shutdown may take to release deliveries, and how long closing the store
/// may take.
const SHUTDOWN_MARGIN: Duration = Duration::from_secs(10);

/// A handle to the background deliveries of a running server, or of a command that inspects a store.
#[derive(Clone)]
pub(crate) struct Jobs {
    pub(super) store: Arc<dyn Store>,
    pub(super) batcher: Batcher,
    pub(super) wakeups: Arc<Wakeups>,
    /// The index of each endpoint by its path.
    pub(super) indexes: Arc<HashMap<String, usize, RandomState>>,
    pub(super) endpoints: Arc<[EndpointPolicy]>,
    /// The runtime that the store's methods must be called in, if it is bound to one.
    pub(super) store_runtime: Option<Handle>,
    pub(super) changes: watch::Sender<u64>,
    pub(super) overdue: Arc<AtomicUsize>,
    pub(super) observers: JobsObservers,
    pub(super) start: mpsc::Sender<()>,
    pub(super) commands: mpsc::Sender<SchedulerCommand>,
    pub(super) close: mpsc::Sender<oneshot::Sender<()>>,
}

impl Jobs {
    /// Starts to run deliveries.
    pub(crate) fn start(&self) {
        let _ = self.start.try_send(());
    }

    /// Returns the maximum number of attempts at the endpoint with this path; `None` when there is no such
    /// endpoint.
    pub(crate) fn attempts(&self, path: &str) -> Option<u32> {
        self.indexes.get(path).map(|index| self.endpoints[*index].policy.attempts)
    }

    /// Returns the timeout of an attempt at the endpoint with this path; `None` when there is no such
    /// endpoint.
    pub(crate) fn timeout(&self, path: &str) -> Option<Duration> {
        self.indexes.get(path).map(|index| self.endpoints[*index].policy.timeout)
    }

    /// Returns a receiver that changes whenever a delivery changes.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    pub(super) fn changed(&self) {
        if self.changes.receiver_count() > 0 {
            self.changes.send_modify(|count| *count = count.wrapping_add(1));
        }
    }

    /// Returns the kind of store: `sqlite` or `postgres`.
    pub(crate) fn kind(&self) -> &'static str {
        self.store.kind()
    }

    /// Returns the store's name for messages, without a password.
    pub(crate) fn name(&self) -> &str {
        self.store.name()
    }

    /// Queries the store without a time limit.
    pub(super) async fn query<T, E, F>(
        &self,
        query: impl FnOnce(Arc<dyn Store>) -> F,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: Future<Output = Result<T, E>> + Send + 'static,
    {
        let result = query(Arc::clone(&self.store));
        let responding = async move {
            match &self.store_runtime {
                Some(runtime) => {
                    let (reply, response) = oneshot::channel();
                    // Without a result: one kind of task, instead of one for each query.
                    let task = result.map(|result| drop(reply.send(result)));
                    runtime.spawn(task.boxed());
                    response.await.unwrap_or(Err(StoreError::Closed.into()))
                }
                None => result.await,
            }
        };
        self.observers.measure(StoreOperation::Query, responding).await
    }

    /// Queries the store with a timeout. The timeout is enforced in the caller's runtime, because a slow disk may
    /// block the store's thread.
    pub(super) async fn query_in_time<T, E, F>(
        &self,
        query: impl FnOnce(Arc<dyn Store>) -> F,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: Future<Output = Result<T, E>> + Send + 'static,
    {
        let late = |_| Err(StoreError::Failed("it took too long".into()).into());
        timeout(QUERY_TIMEOUT, self.query(query)).await.unwrap_or_else(late)
    }

    /// Queries the small values in the store.
    fn values<'a, T: Send + 'static, F>(
        &'a self,
        query: impl FnOnce(Arc<dyn Store>) -> F + Send + 'a,
    ) -> StateFuture<'a, T>
    where
        F: Future<Output = Result<T, StateError>> + Send + 'static,
    {
        Box::pin(self.query_in_time(query))
    }

    /// Lists deliveries, newest first.
    pub(crate) async fn list(
        &self,
        filter: DeliveryFilter,
    ) -> Result<Vec<DeliverySummary>, StoreError> {
        self.query_in_time(async move |store| store.list(&filter).await).await
    }

    /// Returns a delivery in full.
    pub(crate) async fn show(&self, id: Uuid) -> Result<Option<DeliveryDetail>, StoreError> {
        self.query_in_time(async move |store| store.show(id).await).await
    }

    /// Queues dead deliveries again, and returns their number.
    pub(crate) async fn retry(&self, target: RetryTarget) -> Result<u64, StoreError> {
        let retry = async move |store: Arc<dyn Store>| store.retry(target).await;
        let retried = match target {
            RetryTarget::One(_) => self.query_in_time(retry).await?,
            RetryTarget::AllDead => self.query(retry).await?,
        };
        self.wakeups.wake_all();
        self.changed();
        Ok(retried)
    }

    /// Deletes dead or queued deliveries, and returns their number.
    pub(crate) async fn purge(&self, purge: Purge) -> Result<u64, StoreError> {
        self.query(async move |store| store.purge(&purge).await).await
    }

    /// Returns at most `limit` ids between `first` and `last` inclusive.
    pub(crate) async fn find(
        &self,
        first: Uuid,
        last: Uuid,
        limit: u32,
    ) -> Result<Vec<Uuid>, StoreError> {
        self.query_in_time(async move |store| store.find(first, last, limit).await).await
    }

    /// Returns for how long the longest due delivery has been waiting.
    pub(crate) async fn oldest_due(&self) -> Result<Option<Duration>, StoreError> {
        self.query_in_time(async move |store| store.oldest_due().await).await
    }

    /// Returns how many functions of this process run past their timeouts.
    pub(crate) fn overdue(&self) -> usize {
        self.overdue.load(Ordering::Relaxed)
    }

    /// Stops claiming deliveries, waits for running ones until the deadline, and releases the rest.
    pub(crate) async fn shut_down(&self, deadline: Instant) {
        let (done, confirmed) = oneshot::channel();
        let shutdown = async {
            if self.commands.send(SchedulerCommand::Shutdown(deadline, done)).await.is_ok() {
                let _ = confirmed.await;
            }
        };
        if timeout_at(deadline + SHUTDOWN_MARGIN, shutdown).await.is_err() {
            tracing::error!(
                "the store of background deliveries does not respond: running deliveries were not released and \
                 are recovered later"
            );
        }
    }

    /// Closes the store. No delivery can be accepted afterwards.
    pub(crate) async fn close(&self) {
        let (done, confirmed) = oneshot::channel();
        let closing = async {
            if self.close.send(done).await.is_ok() {
                let _ = confirmed.await;
            }
        };
        if timeout(SHUTDOWN_MARGIN, closing).await.is_err() {
            tracing::error!("the store of background deliveries could not be closed in time");
        }
    }
}

/// The values in the store.
impl SharedState for Jobs {
    fn get<'a>(&'a self, key: &'a str) -> StateFuture<'a, Option<String>> {
        let key = key.to_owned();
        self.values(async move |store| store.get(&key).await)
    }

    fn set<'a>(
        &'a self,
        key: &'a str,
        value: &'a str,
        ttl: Option<Duration>,
    ) -> StateFuture<'a, ()> {
        let (key, value) = (key.to_owned(), value.to_owned());
        self.values(async move |store| store.set(&key, &value, ttl).await)
    }

    fn append<'a>(
        &'a self,
        key: &'a str,
        text: &'a str,
        most: usize,
        ttl: Duration,
    ) -> StateFuture<'a, ()> {
        let (key, text) = (key.to_owned(), text.to_owned());
        self.values(async move |store| store.append(&key, &text, most, ttl).await)
    }

    fn remove<'a>(&'a self, key: &'a str) -> StateFuture<'a, ()> {
        let key = key.to_owned();
        self.values(async move |store| store.remove(&key).await)
    }

    fn lease<'a>(
        &'a self,
        name: &'a str,
        holder: Uuid,
        duration: Duration,
    ) -> StateFuture<'a, bool> {
        let name = name.to_owned();
        self.values(async move |store| store.lease(&name, holder, duration).await)
    }

    fn release<'a>(&'a self, name: &'a str, holder: Uuid) -> StateFuture<'a, ()> {
        let name = name.to_owned();
        self.values(async move |store| store.release(&name, holder).await)
    }
}

impl fmt::Debug for Jobs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Jobs({})", self.store.name())
    }
}
