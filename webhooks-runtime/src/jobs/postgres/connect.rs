//! Connections: how they are made and set up, and what one is worth after something went wrong on it.

use std::error::Error as StdError;
use std::future::Future;
use std::ops::{Deref, DerefMut};
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use sqlx::error::DatabaseError;
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnectOptions, PgDatabaseError, PgPoolOptions, PgSeverity};
use sqlx::{ConnectOptions, Connection, Executor, PgConnection, PgPool, Postgres};

use super::super::error::StoreError;
use super::pooler::explained;

/// How long a connection is waited for.
const CONNECT: Duration = Duration::from_secs(5);

/// How long anything may take that is asked of the server. It ends the waiting for one that is gone
/// without a word; `statement_timeout` is shorter, so that the server is done with it by then.
const ANSWER: Duration = Duration::from_secs(20);

/// How often work is tried that another's work was in the way of.
const TRIES: u32 = 8;

/// A connection that was idle for this long may be broken, and is asked first. One that was just used
/// saves the round trip.
const STALE: Duration = Duration::from_secs(1);

/// What the promises rest on. A commit is on disk before it is answered, and each statement sees what
/// was committed before it. A process that is stopped in the middle doesn't keep its locks.
const PROMISES: &str = "
    SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL READ COMMITTED;
    SET statement_timeout = '10s';
    SET idle_in_transaction_session_timeout = '10s';
    SELECT set_config('synchronous_commit', 'on', false)
        WHERE current_setting('synchronous_commit') = 'off'";

/// Plans that stay good while the tables grow from nothing to millions and back: there is an index for
/// each question, and statistics are always late.
const PLANS: &str = "
    SET enable_seqscan = off;
    SET enable_bitmapscan = off;
    SET enable_hashjoin = off;
    SET enable_mergejoin = off;
    SET jit = off";

/// Reads the server's address.
pub(super) fn options(url: &str) -> Result<PgConnectOptions, StoreError> {
    if cuts_its_password(url) {
        let reason = "an @ stands behind the host. In the password write %40 for @, %2F for /, %3F for ?, %23 for #";
        return Err(StoreError::Address { reason: reason.to_owned() });
    }
    let (url, unknown) = without_unknown_parameters(url);
    // What is wrong with it is said without it, as it may hold a password.
    let options = PgConnectOptions::from_str(&url).map_err(|error| StoreError::Address {
        reason: match error {
            sqlx::Error::Configuration(cause) => cause.to_string(),
            _ => "it isn't understood".to_owned(),
        },
    })?;
    if unknown > 0 {
        tracing::debug!(unknown, "ignoring parameters of the store's URL");
    }
    // Poolers pass on few parameters, and this one has no effect on what is asked here.
    let options = options.extra_float_digits(None);
    Ok(options.application_name("webhooks-runtime").disable_statement_logging())
}

/// The parameters that `sqlx` knows. Of others it logs the name and the value, which may be a password.
const PARAMETERS: [&str; 18] = [
    "sslmode",
    "ssl-mode",
    "sslrootcert",
    "ssl-root-cert",
    "ssl-ca",
    "sslcert",
    "ssl-cert",
    "sslkey",
    "ssl-key",
    "statement-cache-capacity",
    "host",
    "hostaddr",
    "port",
    "dbname",
    "user",
    "password",
    "application_name",
    "options",
];

/// A URL without the parameters that nothing comes of, and how many they were.
fn without_unknown_parameters(url: &str) -> (String, usize) {
    let Some((rest, query)) = url.split_once('?') else { return (url.to_owned(), 0) };
    let all = query.split('&').filter(|parameter| !parameter.is_empty());
    let (known, unknown): (Vec<&str>, Vec<&str>) = all.partition(|parameter| {
        let name = parameter.split('=').next().unwrap_or_default();
        PARAMETERS.contains(&name) || (name.starts_with("options[") && name.ends_with(']'))
    });
    let end = if known.is_empty() { String::new() } else { format!("?{}", known.join("&")) };
    (format!("{rest}{end}"), unknown.len())
}

/// Whether a URL's password ends too early, by a character that means something in URLs. The rest of the
/// password would be taken for the name of a host or a database, which are shown.
fn cuts_its_password(url: &str) -> bool {
    let behind_scheme = url.split_once("//").map_or(url, |(_, rest)| rest);
    let end = behind_scheme.find(['/', '?', '#']).unwrap_or(behind_scheme.len());
    let (authority, rest) = behind_scheme.split_at(end);
    let path = rest.split(['?', '#']).next().unwrap_or_default();
    // Else an @ may stand in the query: `?user=me@tenant`.
    let has_port = authority.rsplit_once(':').is_none_or(|(_, port)| port.parse::<u16>().is_ok());
    path.contains('@') || (rest.contains('@') && !authority.contains('@') && !has_port)
}

/// What to call the server's database, without the password.
pub(super) fn name(options: &PgConnectOptions) -> String {
    let database = options.get_database().unwrap_or_else(|| options.get_username());
    match (options.get_socket(), options.get_port()) {
        (Some(socket), _) => format!("{}/{database}", socket.display()),
        (None, 5432) => format!("{}/{database}", options.get_host()),
        (None, port) => format!("{}:{port}/{database}", options.get_host()),
    }
}

/// The first connection, whose failure is known at once: a pool would try again for a while.
pub(super) async fn first(options: &PgConnectOptions) -> Result<PgConnection, sqlx::Error> {
    let connected = tokio::time::timeout(CONNECT, PgConnection::connect_with(options)).await;
    connected.map_err(|_| sqlx::Error::PoolTimedOut)?
}

/// The connections that there are.
#[derive(Clone)]
pub(super) struct Pool {
    connections: PgPool,
    /// When one was last found broken. Those that were idle then are likely to be, too.
    broken: Arc<Mutex<Option<Instant>>>,
    /// When one was last found to take no changes. Those that were made before are likely to be like it,
    /// and a new one may reach the server that does.
    demoted: Arc<Mutex<Option<Instant>>>,
}

impl Pool {
    /// With `read_only` the server refuses every change.
    pub(super) fn new(options: PgConnectOptions, read_only: bool, connections: u32) -> Self {
        let broken: Arc<Mutex<Option<Instant>>> = Arc::default();
        let was_broken = Arc::clone(&broken);
        let demoted: Arc<Mutex<Option<Instant>>> = Arc::default();
        let was_demoted = Arc::clone(&demoted);
        let connections = PgPoolOptions::new()
            .max_connections(connections)
            .acquire_timeout(CONNECT)
            .test_before_acquire(false)
            .before_acquire(move |connection, meta| {
                let broken = *was_broken.lock().unwrap_or_else(PoisonError::into_inner);
                let broken = broken.is_some_and(|broken| broken.elapsed() <= meta.idle_for);
                let demoted = *was_demoted.lock().unwrap_or_else(PoisonError::into_inner);
                let demoted = demoted.is_some_and(|found| found.elapsed() <= meta.age);
                Box::pin(async move {
                    if demoted {
                        return Ok(false);
                    }
                    if broken || meta.idle_for >= STALE {
                        tokio::time::timeout(CONNECT / 5, connection.ping())
                            .await
                            .map_err(|_| sqlx::Error::PoolTimedOut)??;
                    }
                    Ok(true)
                })
            })
            .after_connect(move |connection, _| {
                Box::pin(async move {
                    connection.execute(PROMISES).await?;
                    if read_only {
                        connection.execute("SET default_transaction_read_only = on").await?;
                    }
                    // Other servers than PostgreSQL have other plans.
                    if let Err(error) = connection.execute(PLANS).await {
                        tracing::debug!(%error, "the server plans by itself");
                    }
                    Ok(())
                })
            })
            .connect_lazy_with(options);
        Self { connections, broken, demoted }
    }

    pub(super) async fn lend(&self) -> Result<Lent, sqlx::Error> {
        Ok(Lent { connection: self.connections.acquire().await?, well: false })
    }

    pub(super) async fn close(&self) {
        self.connections.close().await;
    }
}

/// A connection out of the pool. It goes back when it is known to be well; otherwise it is closed, as
/// one whose answer doesn't come would be waited for in the pool, too.
pub(super) struct Lent {
    connection: PoolConnection<Postgres>,
    well: bool,
}

impl Deref for Lent {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        &self.connection
    }
}

impl DerefMut for Lent {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.connection
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if !self.well {
            self.connection.close_on_drop();
        }
    }
}

/// The server can't be reached, or says nothing.
#[derive(Debug, thiserror::Error)]
#[error("the database server doesn't answer")]
struct NoAnswer;

/// Does work on a connection, from its start again when another's work was in its way.
pub(super) async fn tried<T, F>(
    pool: &Pool,
    mut work: impl FnMut(Lent) -> F,
) -> Result<T, StoreError>
where
    F: Future<Output = (Lent, Result<T, sqlx::Error>)>,
{
    let all = async {
        for tries in 1.. {
            let lent = pool.lend().await?;
            let (mut lent, result) = work(lent).await;
            lent.well = result.as_ref().err().is_none_or(leaves_well);
            if !lent.well {
                *pool.broken.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
            }
            drop(lent);
            if result.as_ref().is_err_and(is_read_only) {
                *pool.demoted.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
            }
            match result {
                // A new connection may reach the server that takes over.
                Err(error) if tries == 1 && is_read_only(&error) => {}
                Err(error) if tries < TRIES && is_conflict(&error) => {
                    let pause = 1 << tries;
                    tokio::time::sleep(Duration::from_millis(fastrand::u64(1..=pause))).await;
                }
                result => return result,
            }
        }
        Err(sqlx::Error::PoolTimedOut)
    };
    let result = tokio::time::timeout(ANSWER, all).await.unwrap_or(Err(sqlx::Error::PoolTimedOut));
    result.map_err(failed)
}

/// Another's work was in the way, as the rows say.
#[derive(Debug, thiserror::Error)]
#[error("others are changing the same deliveries")]
pub(super) struct InTheWay;

impl From<InTheWay> for sqlx::Error {
    fn from(error: InTheWay) -> Self {
        Self::AnyDriverError(Box::new(error))
    }
}

/// The server takes no changes on this connection: it was demoted to a standby, say.
#[derive(Debug, thiserror::Error)]
#[error("the database is read-only")]
pub(super) struct ReadOnly;

impl From<ReadOnly> for sqlx::Error {
    fn from(error: ReadOnly) -> Self {
        Self::AnyDriverError(Box::new(error))
    }
}

/// Whether the server takes no changes: `read_only_sql_transaction`.
fn is_read_only(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::AnyDriverError(cause) => cause.is::<ReadOnly>(),
        error => has_code(error, "25006"),
    }
}

/// Whether a connection can be used after an error: the server refused something, and didn't end it.
fn leaves_well(error: &sqlx::Error) -> bool {
    if is_read_only(error) {
        return false;
    }
    let Some(said) = error.as_database_error() else { return is_conflict(error) };
    let severity = said.try_downcast_ref::<PgDatabaseError>().map(PgDatabaseError::severity);
    severity == Some(PgSeverity::Error)
}

/// Whether work failed only as another's was in its way: `serialization_failure`, `deadlock_detected`.
fn is_conflict(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::AnyDriverError(cause) => cause.is::<InTheWay>(),
        error => has_code(error, "40001") || has_code(error, "40P01"),
    }
}

/// Whether it is the server's error of this code.
pub(super) fn has_code(error: &sqlx::Error, code: &str) -> bool {
    error.as_database_error().and_then(DatabaseError::code).is_some_and(|it| it == code)
}

fn failed(error: sqlx::Error) -> StoreError {
    match error {
        sqlx::Error::PoolTimedOut => StoreError::Failed(Box::new(NoAnswer)),
        error => explained(error).into(),
    }
}

/// A failure to open the store.
pub(super) fn unopened(store: &str, error: sqlx::Error) -> StoreError {
    let cause: Box<dyn StdError + Send + Sync> = match error {
        sqlx::Error::PoolTimedOut => Box::new(NoAnswer),
        error => match explained(error) {
            sqlx::Error::AnyDriverError(cause) => cause,
            error => Box::new(error),
        },
    };
    StoreError::Open { store: store.to_owned(), cause }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(url: &str) -> String {
        match options(url) {
            Err(StoreError::Address { reason }) => reason,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_message_about_the_address_has_no_password() {
        for url in [
            "postgres://me:hunter2@host:port/db",
            "postgres://me:hunter2@host/db?sslmode=hunted",
            "postgres://me:hunter2@/db?port=x",
            "postgres://me:hunter2@[::1/db",
            "postgres://me:a@hunter2/b@host/db",
            "postgres://me:a/hunter2@host/db",
            "postgres://me:a?hunter2@host/db",
            "postgres://me:a#hunter2@host/db",
        ] {
            let reason = reason(url);
            assert!(!reason.contains("hunter2") && !reason.is_empty(), "{url}: {reason}");
        }
    }

    #[test]
    fn parameters_that_nothing_comes_of_are_left_out() {
        let url = "postgres://me:hunter2@host/db";
        let of = |query: &str| without_unknown_parameters(&format!("{url}?{query}"));
        assert_eq!(of("sslmode=require"), (format!("{url}?sslmode=require"), 0));
        assert_eq!(
            of("pgbouncer=true&sslmode=require&token=hunter2"),
            (format!("{url}?sslmode=require"), 2)
        );
        assert_eq!(of("channel_binding=require"), (url.to_owned(), 1));
        assert_eq!(of("options[search_path]=x"), (format!("{url}?options[search_path]=x"), 0));
    }

    #[test]
    fn a_store_is_called_by_its_host_and_database() {
        let named = |url| name(&options(url).unwrap());
        assert_eq!(named("postgres://me:hunter2@db.example/hooks"), "db.example/hooks");
        assert_eq!(named("postgresql://me:hunter2@db.example:5433/hooks"), "db.example:5433/hooks");
        assert_eq!(named("postgres://me:p%40ss%2Fword@db.example/hooks"), "db.example/hooks");
        assert_eq!(named("postgres://me:p@ss@db.example/hooks"), "db.example/hooks");
        assert_eq!(named("postgres://db.example/hooks?user=me@tenant"), "db.example/hooks");
        assert_eq!(named("postgres://me:p@db.example/hooks?user=me@tenant"), "db.example/hooks");
        assert_eq!(named("postgres://me@%2Frun%2Fpostgresql/hooks"), "/run/postgresql/hooks");
    }
}
