//! Creates and migrates the tables, and reports which session holds a lock that this has to wait for.

use std::borrow::Cow;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::Duration;

use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{PgConnection, SqlSafeStr};
use tokio::time::timeout;

use super::super::opening::Obstacle;
use super::super::remedy::StoreRemedy;
use super::errors::{explained, has_code};
use crate::text::in_one_line;

/// The migrations by version. A released one is never changed.
pub(super) const MIGRATIONS: [(i64, &str, &str); 4] = [
    (1, "deliveries", include_str!("schema.sql")),
    (2, "names", include_str!("schema_2.sql")),
    (3, "notes and values", include_str!("schema_3.sql")),
    (4, "keys", include_str!("schema_4.sql")),
];

/// The interval at which a waiting migration checks which session blocks it.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// Limits how long a session waits for locks, and nothing else. Returns the session's process.
const SET_UP: &str = "
    SELECT set_config('lock_timeout', $1, false), set_config('statement_timeout', '0', false),
        pg_backend_pid()";

/// The session that blocks another one, preferring one that is not blocked itself.
const HOLDER: &str = "
    SELECT pid, application_name, host(client_addr) FROM pg_stat_activity
    WHERE pid = ANY(pg_blocking_pids($1))
    ORDER BY cardinality(pg_blocking_pids(pid)), backend_start LIMIT 1";

/// The error of a migration that could not get a lock.
#[derive(Debug, thiserror::Error)]
enum LockError {
    #[error(
        "{0}, and kept it for {1:?}. End that program, or its session with \
         SELECT pg_terminate_backend({pid}), and start again",
        pid = .0.process
    )]
    Held(Holder, Duration),
    #[error(
        "another session kept a lock that this program needs for {0:?}: see pg_locks in the database"
    )]
    Unknown(Duration),
}

/// A session of the database server that holds a lock.
#[derive(Clone, Debug, thiserror::Error)]
#[error("process {process} of the database server{client} holds a lock that this program needs")]
struct Holder {
    process: i32,
    /// The program and the machine it connects from, if this user may see them.
    client: String,
}

/// Creates or migrates the tables, and waits at most `lock_limit` for locks. `monitor` is a second connection, which
/// checks which session blocks the migration.
pub(super) async fn migrate(
    monitor: &mut PgConnection,
    options: &PgConnectOptions,
    lock_limit: Duration,
    obstacle: &Obstacle,
) -> Result<(), sqlx::Error> {
    // A user who may use the schema may not be allowed to create one.
    let schema_exists: bool =
        sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM pg_namespace WHERE nspname = $1)")
            .bind("webhooks_runtime")
            .fetch_one(&mut *monitor)
            .await?;
    let migrations = MIGRATIONS.map(|(version, name, sql)| {
        Migration::new(
            version,
            Cow::Borrowed(name),
            MigrationType::Simple,
            sql.into_sql_str(),
            false,
        )
    });
    let mut migrator = Migrator::with_migrations(migrations.into());
    // An older replica may restart beside newer ones, unless a migration excludes its version.
    migrator.set_ignore_missing(true);
    if !schema_exists {
        migrator.create_schema("webhooks_runtime");
    }
    migrator.dangerous_set_table_name("webhooks_runtime.migrations");

    let process = Arc::new(AtomicI32::new(0));
    let its_process = Arc::clone(&process);
    // A pool, because with a borrowed connection the future would not be `Send`.
    let pool = PgPoolOptions::new()
        .max_connections(1)
        .after_connect(move |connection, _| {
            let process = Arc::clone(&its_process);
            Box::pin(async move {
                let set_up = sqlx::query_as(SET_UP).bind(lock_limit.as_millis().to_string());
                let set_up: Result<(String, String, i32), _> = set_up.fetch_one(connection).await;
                match set_up {
                    Ok((_, _, id)) => process.store(id, Ordering::Relaxed),
                    // Servers that only speak the protocol may not know these settings.
                    Err(error) => tracing::debug!(%error, "waiting for locks has no limit"),
                }
                Ok(())
            })
        })
        .connect_lazy_with(options.clone());
    let mut held_by = None;
    let mut migrating = pin!(migrator.run(&pool));
    let migrated = loop {
        match timeout(CHECK_INTERVAL, &mut migrating).await {
            Ok(migrated) => break migrated,
            Err(_) => {
                let holder = holder(monitor, process.load(Ordering::Relaxed)).await;
                obstacle.set(holder.as_ref().map(Holder::to_string));
                // When the wait ended during the query, the last holder seen is the one to report.
                held_by = holder.or(held_by);
            }
        }
    };
    obstacle.set(None);
    pool.close().await;
    match migrated {
        Err(MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _))
            if has_code(&error, LOCK_NOT_AVAILABLE) =>
        {
            let held = held_by.map_or(LockError::Unknown(lock_limit), |held_by| {
                LockError::Held(held_by, lock_limit)
            });
            Err(explained(held, StoreRemedy::EndLock))
        }
        Err(MigrateError::Execute(error)) => Err(error),
        migrated => Ok(migrated?),
    }
}

/// The code of the error after `lock_timeout`.
const LOCK_NOT_AVAILABLE: &str = "55P03";

/// Returns the session that blocks the migration. Returns `None` when it is not blocked, and on servers that
/// only speak PostgreSQL's protocol.
async fn holder(monitor: &mut PgConnection, process: i32) -> Option<Holder> {
    let holder = sqlx::query_as(HOLDER).bind(process).fetch_optional(monitor).await;
    let holder: Option<(i32, Option<String>, Option<String>)> = holder.unwrap_or_else(|error| {
        tracing::debug!(%error, "cannot list the sessions of the server");
        None
    });
    holder.map(|(process, program, machine)| {
        let program = program.filter(|program| !program.is_empty());
        let client: Vec<_> = program.into_iter().chain(machine).collect();
        let client =
            if client.is_empty() { String::new() } else { format!(" ({})", client.join(", ")) };
        Holder { process, client: in_one_line(&client).into_owned() }
    })
}
