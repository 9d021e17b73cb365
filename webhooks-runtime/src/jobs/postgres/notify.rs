//! Notifies the other replicas that a delivery is due, and listens to their notifications.
//!
//! Notifications only save the time until the next poll. Nothing depends on them, and everything works on a
//! server that does not support them.

use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgListener, PgPoolOptions};
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};
use uuid::Uuid;

use super::pool::{Pool, with_retries};

const CHANNEL: &str = "webhooks_runtime";

/// The minimum time between two notifications. A transaction that notifies holds a server-wide lock until
/// its commit is on disk, so notifications are sent outside of the transactions that accept deliveries.
const MIN_INTERVAL: Duration = Duration::from_millis(10);

/// How long a listener trusts an idle connection before it checks it.
const IDLE_CHECK: Duration = Duration::from_secs(60);

/// How long connecting and checking may take, and the pause before listening again.
const RETRY_PAUSE: Duration = Duration::from_secs(5);

/// Sends notifications to the other replicas.
pub(super) struct Notifier {
    /// The payload of this sender, by which it ignores its own notifications.
    sender: String,
    requested: Notify,
}

impl Notifier {
    pub(super) fn new() -> Self {
        Self { sender: Uuid::new_v4().to_string(), requested: Notify::new() }
    }

    /// Requests a notification, which is sent soon.
    pub(super) fn notify(&self) {
        self.requested.notify_one();
    }

    /// Sends a notification now.
    pub(super) async fn notify_now(&self, pool: &Pool) {
        let sent = with_retries(pool, |mut connection| async move {
            let query = sqlx::query("SELECT pg_notify($1, $2)").bind(CHANNEL).bind(&self.sender);
            let sent = query.execute(&mut *connection).await;
            (connection, sent)
        });
        if let Err(error) = sent.await {
            tracing::debug!(%error, "cannot notify the other replicas");
        }
    }

    /// Sends notifications when they are requested.
    pub(super) async fn run(self: Arc<Self>, pool: Pool) {
        loop {
            self.requested.notified().await;
            self.notify_now(&pool).await;
            sleep(MIN_INTERVAL).await;
        }
    }

    /// Forwards the notifications of other replicas to `notified`, including one whenever some may have been
    /// missed.
    pub(super) async fn listen(self: Arc<Self>, options: PgConnectOptions, notified: Arc<Notify>) {
        loop {
            match self.listen_once(&options, &notified).await {
                Ok(()) => tracing::debug!("lost the connection that listens to the other replicas"),
                Err(error) => tracing::debug!(%error, "cannot listen to the other replicas"),
            }
            sleep(RETRY_PAUSE).await;
        }
    }

    /// Listens until the connection is lost.
    async fn listen_once(
        &self,
        options: &PgConnectOptions,
        notified: &Notify,
    ) -> Result<(), sqlx::Error> {
        // Not the shared pool, because a listener that waits for a lost server would occupy one of its connections.
        let pool = PgPoolOptions::new()
            .max_connections(1)
            .acquire_timeout(RETRY_PAUSE)
            .max_lifetime(None)
            .idle_timeout(None)
            .connect_lazy_with(options.clone());
        let mut listener = PgListener::connect_with(&pool).await?;
        listener.eager_reconnect(false);
        listener.listen(CHANNEL).await?;
        notified.notify_one();
        loop {
            match timeout(IDLE_CHECK, listener.try_recv()).await {
                Ok(received) => match received? {
                    Some(notification) if notification.payload() != self.sender => {
                        notified.notify_one();
                    }
                    Some(_) => {}
                    None => return Ok(()),
                },
                Err(_) => {
                    let check = sqlx::query("SELECT 1").execute(&mut listener);
                    match timeout(RETRY_PAUSE, check).await {
                        Ok(result) => result.map(|_| ())?,
                        Err(_) => return Ok(()),
                    }
                }
            }
        }
    }
}
