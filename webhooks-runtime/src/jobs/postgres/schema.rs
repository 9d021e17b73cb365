//! The tables, in a schema of their own.

use std::collections::HashMap;
use std::time::Duration;

use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection, PgConnection};

use super::super::opening::Obstacle;
use super::super::store::Known;
use super::connect;
use super::migration::{MIGRATIONS, migrate};
use super::pooler;

/// Sees to it that the tables are there, and gives the numbers that the endpoints have in them.
pub(super) async fn ready(
    options: &PgConnectOptions,
    known: &[Known],
    lock_limit: Duration,
    obstacle: &Obstacle,
) -> Result<Vec<i64>, sqlx::Error> {
    let mut connection = connect::first(options).await?;
    pooler::check(&mut connection, options).await?;
    migrate(&mut connection, options, lock_limit, obstacle).await?;
    let numbers = enter(&mut connection, known).await?;
    connection.close().await?;
    Ok(numbers)
}

/// Why the tables cannot be used as they are.
#[derive(Debug, thiserror::Error)]
enum VersionError {
    #[error("there are no background deliveries in it: a server creates the tables when it starts")]
    NoTables,
    #[error(
        "its format, version {0}, is older than this program's, version {newest}: start the server once, \
         which updates it",
        newest = MIGRATIONS.len()
    )]
    Older(i64),
}

/// Checks that the tables are those of this version, or of a newer one, which only adds to them. Nothing
/// is changed.
pub(super) async fn check(options: &PgConnectOptions) -> Result<(), sqlx::Error> {
    let refused = |why: VersionError| sqlx::Error::AnyDriverError(Box::new(why));
    let mut connection = connect::first(options).await?;
    pooler::check(&mut connection, options).await?;
    let version = sqlx::query_scalar(
        "SELECT coalesce(max(version), 0) FROM webhooks_runtime.migrations WHERE success",
    );
    let version: i64 = match version.fetch_one(&mut connection).await {
        // No such table, no such schema.
        Err(error) if connect::has_code(&error, "42P01") || connect::has_code(&error, "3F000") => {
            return Err(refused(VersionError::NoTables));
        }
        version => version?,
    };
    connection.close().await?;
    if version < MIGRATIONS.len() as i64 {
        return Err(refused(VersionError::Older(version)));
    }
    Ok(())
}

/// The numbers that the endpoints have in the tables, in their order.
async fn enter(connection: &mut PgConnection, known: &[Known]) -> Result<Vec<i64>, sqlx::Error> {
    let paths: Vec<&str> = known.iter().map(|known| known.path.as_str()).collect();
    sqlx::query(
        "INSERT INTO webhooks_runtime.endpoints (path) SELECT path FROM UNNEST($1::text[]) AS new (path) \
         ON CONFLICT DO NOTHING",
    )
    .bind(&paths)
    .execute(&mut *connection)
    .await?;
    let rows: Vec<(String, i64)> = sqlx::query_as(
        "SELECT path, id FROM webhooks_runtime.endpoints WHERE path = ANY($1::text[])",
    )
    .bind(&paths)
    .fetch_all(&mut *connection)
    .await?;
    let numbers: HashMap<String, i64> = rows.into_iter().collect();
    known
        .iter()
        .map(|known| numbers.get(&known.path).copied().ok_or(sqlx::Error::RowNotFound))
        .collect()
}
