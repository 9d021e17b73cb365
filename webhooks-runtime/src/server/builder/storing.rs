//! What can be set of how background deliveries are kept, and what is called at the start and for dead deliveries.

use std::sync::Arc;
use std::time::Duration;

use super::WebhooksServer;
use crate::config::table::setting_docs;
use crate::endpoint::EndpointError;
use crate::endpoint::causes::causes;
use crate::jobs::{DeadDelivery, DeliveryStore};

/// Background deliveries, with the Cargo feature `background`.
impl WebhooksServer {
    #[doc = setting_docs!(store)]
    ///
    /// ```
    /// use webhooks_runtime::WebhooksServer;
    ///
    /// let server = WebhooksServer::new().store("/var/lib/my-bot/webhooks.db");
    /// ```
    pub fn store(mut self, store: impl Into<String>) -> Self {
        self.settings.store = Some(store.into());
        self
    }

    #[doc = setting_docs!(keep_done)]
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// # use webhooks_runtime::WebhooksServer;
    /// let server = WebhooksServer::new().keep_done(Duration::from_secs(24 * 60 * 60));
    /// ```
    pub fn keep_done(mut self, time: Duration) -> Self {
        self.parts.background.retain_done = time;
        self
    }

    #[doc = setting_docs!(keep_dead)]
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// # use webhooks_runtime::WebhooksServer;
    /// let server = WebhooksServer::new().keep_dead(Duration::from_secs(90 * 24 * 60 * 60));
    /// ```
    pub fn keep_dead(mut self, time: Duration) -> Self {
        self.parts.background.retain_dead = time;
        self
    }

    #[doc = setting_docs!(backlog_limit)]
    ///
    /// ```
    /// # use webhooks_runtime::WebhooksServer;
    /// // A payload takes a few kilobytes on the disk.
    /// let server = WebhooksServer::new().backlog_limit(100_000);
    /// ```
    pub fn backlog_limit(mut self, deliveries: u64) -> Self {
        self.parts.background.limits.deliveries = deliveries;
        self
    }

    #[doc = setting_docs!(store_limit)]
    /// In PostgreSQL, only the payloads count, and approximately: each replica adds up their sizes at most once a
    /// minute.
    ///
    /// ```
    /// # use webhooks_runtime::WebhooksServer;
    /// let server = WebhooksServer::new().store_limit(1024 * 1024 * 1024);
    /// ```
    pub fn store_limit(mut self, bytes: u64) -> Self {
        self.parts.background.limits.bytes = bytes;
        self
    }

    #[doc = setting_docs!(store_connections)]
    /// One connection listens to the other replicas, one sends heartbeats, and the rest do everything else.
    ///
    /// ```
    /// # use webhooks_runtime::WebhooksServer;
    /// // 20 replicas, and a server that takes 100 connections.
    /// let server = WebhooksServer::new()
    ///     .store("postgres://bot:hush@db.example.com/webhooks")
    ///     .store_connections(4);
    /// ```
    pub fn store_connections(mut self, connections: u32) -> Self {
        self.parts.background.connections = connections;
        self
    }

    #[doc = setting_docs!(lease)]
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// # use webhooks_runtime::WebhooksServer;
    /// let server = WebhooksServer::new()
    ///     .store("postgres://bot:hush@db.example.com/webhooks")
    ///     .lease(Duration::from_secs(60));
    /// ```
    pub fn lease(mut self, time: Duration) -> Self {
        self.parts.background.lease = time.max(Duration::from_secs(1));
        self
    }

    #[doc = setting_docs!(on_start)]
    /// The function gets the store, to enqueue deliveries for background functions: work that is due at each start, such
    /// as finding out what the program has missed. Let it only enqueue, because it is not retried: its error is logged.
    /// Each replica calls it at each start. A [`TestClient`](crate::testing::TestClient) and the command `deliver` don't.
    ///
    /// ```no_run
    /// use webhooks_runtime::serde_json::json;
    /// use webhooks_runtime::{DeliveryStore, LaunchError, WebhooksServer, webhook_endpoint};
    ///
    /// /// Finds out what has happened while the program did not run.
    /// #[webhook_endpoint(background)]
    /// async fn catch_up() {
    ///     // ask the Hub
    /// }
    ///
    /// fn main() -> Result<(), LaunchError> {
    ///     let server = WebhooksServer::new().on_start(async |store: DeliveryStore| {
    ///         catch_up::enqueue(&store, json!({})).await?;
    ///         anyhow::Ok(())
    ///     });
    ///     server.launch()
    /// }
    /// ```
    pub fn on_start<F, R, E, Kind>(mut self, function: F) -> Self
    where
        F: FnOnce(DeliveryStore) -> R + Send + 'static,
        R: Future<Output = Result<(), E>> + Send + 'static,
        E: EndpointError<Kind>,
    {
        self.parts.on_start.push(Box::new(move |store| {
            let called = function(store);
            Box::pin(async move { called.await.map_err(|error| causes(&*error.into_boxed())) })
        }));
        self
    }
    #[doc = setting_docs!(on_dead)]
    /// A delivery is dead when all its attempts have failed, one has failed with a [`Permanent`](crate::Permanent) error, or
    /// its last attempt was lost with its process. The function is called once for each time that a delivery ends dead, in
    /// the replica that has written it to the store. It is a notification, not a part of the delivery: a crash at that
    /// moment costs the call, and a failed call is not repeated.
    ///
    /// The function runs on separate threads, where it delays neither requests nor deliveries. At most 8 calls run at a
    /// time, each for at most 1 minute, and 10,000 deliveries can wait for theirs. A function that blocks its thread cannot
    /// be stopped, and counts as a running call until it returns. It is not called for a delivery that somebody runs again
    /// before. A panic is logged. A shutdown waits for the calls within the grace period, and at least 2 s. A
    /// [`TestClient`](crate::testing::TestClient) and the command `deliver` don't call it.
    ///
    /// ```
    /// use webhooks_runtime::{DeadDelivery, WebhooksServer};
    ///
    /// let server = WebhooksServer::new().on_dead(async |delivery: DeadDelivery| {
    ///     let repo = delivery.repo.as_deref().unwrap_or("an unknown repo");
    ///     tracing::error!(id = delivery.id, error = delivery.error, "nothing was trained for {repo}");
    /// });
    /// ```
    pub fn on_dead<F, R>(mut self, function: F) -> Self
    where
        F: Fn(DeadDelivery) -> R + Send + Sync + 'static,
        R: Future<Output = ()> + Send + 'static,
    {
        self.parts.on_dead.push(Arc::new(move |delivery| Box::pin(function(delivery))));
        self
    }
}
