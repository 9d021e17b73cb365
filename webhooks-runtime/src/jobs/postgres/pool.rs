//! Pools connections, prepares their sessions, and retries work that concurrent work interrupted.

use std::future::Future;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{Connection, Executor, PgConnection, PgPool, Postgres};

use super::super::error::StoreError;
use super::errors::{failed, is_conflict, is_read_only, leaves_usable};
use crate::random;

/// How long connecting may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long any work may take, including its retries. Ends the wait for a server that is gone without
/// closing its connections. `statement_timeout` is shorter, so that the server has stopped working by then.
const WORK_TIMEOUT: Duration = Duration::from_secs(20);

/// The maximum number of attempts at work that concurrent work interrupts.
const MAX_TRIES: u32 = 8;

/// A connection that was idle for this long is pinged before it is used. A recently used one saves the
/// round trip.
const STALE: Duration = Duration::from_secs(1);

/// The session settings that the store's guarantees depend on: a commit is on disk before it is
/// acknowledged, each statement sees what was committed before it, and a suspended process does not keep
/// its locks.
const DURABILITY: &str = "
    SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL READ COMMITTED;
    SET statement_timeout = '10s';
    SET idle_in_transaction_session_timeout = '10s';
    SELECT set_config('synchronous_commit', 'on', false)
        WHERE current_setting('synchronous_commit') = 'off'";

/// Planner settings that stay good while the tables grow from nothing to millions of rows and back: every
/// query has an index, and statistics always lag behind. Without them, a store with 100,000 queued deliveries accepted
/// half as many per second, and ran a sixteenth.
const PLANNER: &str = "
    SET enable_seqscan = off;
    SET enable_bitmapscan = off;
    SET enable_hashjoin = off;
    SET enable_mergejoin = off;
    SET jit = off";

/// Plans each statement once for a connection. The server would compare the costs of a plan for the values of each
/// execution, and planning the statements of a claim took longer than executing them.
const PLAN_ONCE: &str = "SET plan_cache_mode = force_generic_plan";

/// Opens a single connection, outside of a pool. A pool would hide an error and retry for a while.
pub(super) async fn connect_once(options: &PgConnectOptions) -> Result<PgConnection, sqlx::Error> {
    let connected =
        tokio::time::timeout(CONNECT_TIMEOUT, PgConnection::connect_with(options)).await;
    connected.map_err(|_| sqlx::Error::PoolTimedOut)?
}

/// A pool of connections.
#[derive(Clone)]
pub(super) struct Pool {
    connections: PgPool,
    /// When a connection was last found broken. Those that were idle then are probably broken too.
    broken: Arc<Mutex<Option<Instant>>>,
    /// When a connection was last found read-only. Those that existed then probably are too, while a new one
    /// may reach the primary server.
    demoted: Arc<Mutex<Option<Instant>>>,
}

impl Pool {
    /// Creates a pool. With `read_only`, the server rejects every change.
    pub(super) fn new(options: PgConnectOptions, read_only: bool, connections: u32) -> Self {
        let broken: Arc<Mutex<Option<Instant>>> = Arc::default();
        let was_broken = Arc::clone(&broken);
        let demoted: Arc<Mutex<Option<Instant>>> = Arc::default();
        let was_demoted = Arc::clone(&demoted);
        let connections = PgPoolOptions::new()
            .max_connections(connections)
            .acquire_timeout(CONNECT_TIMEOUT)
            .test_before_acquire(false)
            .before_acquire(move |connection, meta| {
                let broken = *was_broken.lock().unwrap_or_else(PoisonError::into_inner);
                let broken = broken.is_some_and(|broken| broken.elapsed() <= meta.idle_for);
                let demoted = *was_demoted.lock().unwrap_or_else(PoisonError::into_inner);
                let demoted = demoted.is_some_and(|demoted| demoted.elapsed() <= meta.age);
                Box::pin(async move {
                    if demoted {
                        return Ok(false);
                    }
                    if broken || meta.idle_for >= STALE {
                        tokio::time::timeout(CONNECT_TIMEOUT / 5, connection.ping())
                            .await
                            .map_err(|_| sqlx::Error::PoolTimedOut)??;
                    }
                    Ok(true)
                })
            })
            .after_connect(move |connection, _| {
                Box::pin(async move {
                    connection.execute(DURABILITY).await?;
                    if read_only {
                        connection.execute("SET default_transaction_read_only = on").await?;
                    }
                    // Servers that only speak the protocol may not know the settings.
                    for settings in [PLANNER, PLAN_ONCE] {
                        if let Err(error) = connection.execute(settings).await {
                            tracing::debug!(%error, "the server has no such planner settings");
                        }
                    }
                    Ok(())
                })
            })
            .connect_lazy_with(options);
        Self { connections, broken, demoted }
    }

    /// Returns a connection from the pool.
    pub(super) async fn acquire(&self) -> Result<PooledConnection, sqlx::Error> {
        Ok(PooledConnection { connection: self.connections.acquire().await?, is_usable: false })
    }

    pub(super) async fn close(&self) {
        self.connections.close().await;
    }
}

/// A connection from a pool. Returns to the pool when it is known to be usable; otherwise it is closed,
/// because the pool too would wait for its missing response.
pub(super) struct PooledConnection {
    connection: PoolConnection<Postgres>,
    is_usable: bool,
}

impl Deref for PooledConnection {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        &self.connection
    }
}

impl DerefMut for PooledConnection {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.connection
    }
}

impl Drop for PooledConnection {
    fn drop(&mut self) {
        if !self.is_usable {
            self.connection.close_on_drop();
        }
    }
}

/// Runs work on a connection, and retries it from the start when concurrent work interrupted it.
pub(super) async fn with_retries<T, F>(
    pool: &Pool,
    mut work: impl FnMut(PooledConnection) -> F,
) -> Result<T, StoreError>
where
    F: Future<Output = (PooledConnection, Result<T, sqlx::Error>)>,
{
    let attempts = async {
        for tries in 1.. {
            let connection = pool.acquire().await?;
            let (mut connection, result) = work(connection).await;
            connection.is_usable = result.as_ref().err().is_none_or(leaves_usable);
            if !connection.is_usable {
                *pool.broken.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
            }
            drop(connection);
            if result.as_ref().is_err_and(is_read_only) {
                *pool.demoted.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
            }
            match result {
                // A new connection may reach the new primary server.
                Err(error) if tries == 1 && is_read_only(&error) => {}
                Err(error) if tries < MAX_TRIES && is_conflict(&error) => {
                    let pause = Duration::from_millis(1 << tries);
                    tokio::time::sleep(pause.mul_f64(random::fraction())).await;
                }
                result => return result,
            }
        }
        Err(sqlx::Error::PoolTimedOut)
    };
    let result = tokio::time::timeout(WORK_TIMEOUT, attempts)
        .await
        .unwrap_or(Err(sqlx::Error::PoolTimedOut));
    result.map_err(failed)
}
