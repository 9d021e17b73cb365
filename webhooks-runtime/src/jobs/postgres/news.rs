//! Tells other replicas that there is something to do, and hears it of them. It only saves them the
//! time until they look by themselves: nothing depends on it, and where the server can't do it, nobody
//! misses it.

use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgListener, PgPoolOptions};
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};
use uuid::Uuid;

use super::connect::{Pool, tried};

const CHANNEL: &str = "webhooks_runtime";

/// The time between two calls. Each takes a lock of the whole server for a moment, and what calls while
/// it commits keeps it until its commit is on disk, so accepting doesn't call in its own transaction.
const PAUSE: Duration = Duration::from_millis(10);

/// How long a listener believes in a silent connection.
const SILENCE: Duration = Duration::from_secs(60);

const PATIENCE: Duration = Duration::from_secs(5);

/// What others are called with.
pub(super) struct Bell {
    /// Who calls, so that nobody hears himself.
    me: String,
    rung: Notify,
}

impl Bell {
    pub(super) fn new() -> Self {
        Self { me: Uuid::new_v4().to_string(), rung: Notify::new() }
    }

    /// Calls the others soon.
    pub(super) fn ring(&self) {
        self.rung.notify_one();
    }

    /// Calls the others.
    pub(super) async fn ring_now(&self, pool: &Pool) {
        let called = tried(pool, |mut lent| async move {
            let call = sqlx::query("SELECT pg_notify($1, $2)").bind(CHANNEL).bind(&self.me);
            let called = call.execute(&mut *lent).await;
            (lent, called)
        });
        if let Err(error) = called.await {
            tracing::debug!(%error, "the other replicas cannot be called");
        }
    }

    /// Calls the others whenever there is a reason.
    pub(super) async fn call(self: Arc<Self>, pool: Pool) {
        loop {
            self.rung.notified().await;
            self.ring_now(&pool).await;
            sleep(PAUSE).await;
        }
    }

    /// Passes on what the others call, and also that something may have been missed.
    pub(super) async fn listen(self: Arc<Self>, options: PgConnectOptions, news: Arc<Notify>) {
        loop {
            match self.listen_once(&options, &news).await {
                Ok(()) => tracing::debug!("nothing is heard of the other replicas"),
                Err(error) => tracing::debug!(%error, "the other replicas cannot be heard"),
            }
            sleep(PATIENCE).await;
        }
    }

    /// Ends when the server is gone.
    async fn listen_once(
        &self,
        options: &PgConnectOptions,
        news: &Notify,
    ) -> Result<(), sqlx::Error> {
        // A pool of its own, as a listener that waits for a lost server would keep its place in it.
        let pool = PgPoolOptions::new()
            .max_connections(1)
            .acquire_timeout(PATIENCE)
            .max_lifetime(None)
            .idle_timeout(None)
            .connect_lazy_with(options.clone());
        let mut listener = PgListener::connect_with(&pool).await?;
        listener.eager_reconnect(false);
        listener.listen(CHANNEL).await?;
        news.notify_one();
        loop {
            match timeout(SILENCE, listener.try_recv()).await {
                Ok(heard) => match heard? {
                    Some(call) if call.payload() != self.me => news.notify_one(),
                    Some(_) => {}
                    None => return Ok(()),
                },
                Err(_) => {
                    let question = sqlx::query("SELECT 1").execute(&mut listener);
                    match timeout(PATIENCE, question).await {
                        Ok(answer) => answer.map(|_| ())?,
                        Err(_) => return Ok(()),
                    }
                }
            }
        }
    }
}
