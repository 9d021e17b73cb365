//! Prepares the tables, which are in a separate database schema, and checks their version.

use std::collections::HashMap;
use std::time::Duration;

use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection, PgConnection};

use super::super::opening::Obstacle;
use super::super::remedy::StoreRemedy;
use super::super::store::EndpointPolicy;
use super::errors::{explained, has_code};
use super::migration::{MIGRATIONS, migrate};
use super::pool::connect_once;
use super::pooler;

/// Creates or migrates the tables, and returns the ids of the endpoints in them.
pub(super) async fn prepare(
    options: &PgConnectOptions,
    endpoints: &[EndpointPolicy],
    lock_limit: Duration,
    obstacle: &Obstacle,
) -> Result<Vec<i64>, sqlx::Error> {
    let mut connection = connect(options).await?;
    migrate(&mut connection, options, lock_limit, obstacle).await?;
    let endpoint_ids = insert_endpoints(&mut connection, endpoints).await?;
    connection.close().await?;
    Ok(endpoint_ids)
}

/// Connects, and checks that the store's guarantees hold with this server.
async fn connect(options: &PgConnectOptions) -> Result<PgConnection, sqlx::Error> {
    let mut connection = connect_once(options).await?;
    pooler::check(&mut connection, options).await?;
    check_encoding(&mut connection).await?;
    Ok(connection)
}

/// The database cannot store every text.
#[derive(Debug, thiserror::Error)]
#[error(
    "the encoding of the database is {0}: use one that was created with CREATE DATABASE name TEMPLATE template0 \
     ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C', which stores every character"
)]
struct WrongEncoding(String);

/// Checks that the database can store every text.
async fn check_encoding(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    let encoding = sqlx::query_scalar("SELECT current_setting('server_encoding', true)");
    let encoding: Option<String> = encoding.fetch_one(connection).await?;
    match encoding {
        Some(encoding) if encoding != "UTF8" => {
            Err(explained(WrongEncoding(encoding), StoreRemedy::CreateDatabase))
        }
        // Servers that only speak the protocol may have no such setting.
        _ => Ok(()),
    }
}

/// An unsupported version of the tables.
#[derive(Debug, thiserror::Error)]
enum SchemaVersionError {
    #[error("there are no background deliveries in it: a server creates the tables when it starts")]
    NoTables,
    #[error(
        "its format, version {0}, is older than this program's, version {newest}: start the server once, \
         which updates it",
        newest = MIGRATIONS.len()
    )]
    Older(i64),
    #[error(
        "its format, version {0}, is newer than this program's, version {newest}: update the program",
        newest = MIGRATIONS.len()
    )]
    Newer(i64),
}

fn unusable(why: SchemaVersionError) -> sqlx::Error {
    let remedy = match why {
        SchemaVersionError::NoTables | SchemaVersionError::Older(_) => StoreRemedy::StartServer,
        SchemaVersionError::Newer(_) => StoreRemedy::UpdateProgram,
    };
    explained(why, remedy)
}

/// Inserts the endpoints, each with the version of this program.
const INSERT_ENDPOINTS: &str = "
    INSERT INTO webhooks_runtime.endpoints AS it (path, stoppable, version)
    SELECT path, stoppable, $3 FROM UNNEST($1::text[], $2::bool[]) AS new (path, stoppable)
    ON CONFLICT (path) DO UPDATE SET stoppable = excluded.stoppable, version = excluded.version
    WHERE it.stoppable <> excluded.stoppable";

/// Checks that the tables have this program's version, or a newer one, which only adds to them. Changes
/// nothing. Returns the ids of the endpoints in them, in order; `None` for one that they lack.
pub(super) async fn check(
    options: &PgConnectOptions,
    endpoints: &[EndpointPolicy],
) -> Result<Vec<Option<i64>>, sqlx::Error> {
    let mut connection = connect(options).await?;
    let version = match version(&mut connection).await {
        // `undefined_table`, `invalid_schema_name`.
        Err(error) if has_code(&error, "42P01") || has_code(&error, "3F000") => {
            return Err(unusable(SchemaVersionError::NoTables));
        }
        version => version?,
    };
    if version < MIGRATIONS.len() as i64 {
        return Err(unusable(SchemaVersionError::Older(version)));
    }
    let endpoint_ids = match endpoints {
        [] => Vec::new(),
        endpoints => find_endpoints(&mut connection, endpoints).await?,
    };
    connection.close().await?;
    Ok(endpoint_ids)
}

/// Returns the version of the tables.
async fn version(connection: &mut PgConnection) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar(
        "SELECT coalesce(max(version), 0) FROM webhooks_runtime.migrations WHERE success",
    )
    .fetch_one(connection)
    .await
}

/// Inserts the endpoints, and returns their ids in order.
async fn insert_endpoints(
    connection: &mut PgConnection,
    endpoints: &[EndpointPolicy],
) -> Result<Vec<i64>, sqlx::Error> {
    let paths: Vec<&str> = endpoints.iter().map(|endpoint| endpoint.path.as_str()).collect();
    let stoppable: Vec<bool> = endpoints.iter().map(|it| it.policy.stoppable).collect();
    let inserted = sqlx::query(INSERT_ENDPOINTS)
        .bind(&paths)
        .bind(stoppable)
        .bind(MIGRATIONS.len() as i16)
        .execute(&mut *connection)
        .await;
    // `check_violation`: a migration of a newer version that excludes older programs has raised the bound.
    if inserted.as_ref().is_err_and(|error| has_code(error, "23514")) {
        return Err(unusable(SchemaVersionError::Newer(version(connection).await?)));
    }
    inserted?;
    let found = find_endpoints(connection, endpoints).await?;
    found.into_iter().map(|id| id.ok_or(sqlx::Error::RowNotFound)).collect()
}

/// Returns the ids of the endpoints in order; `None` for one that the tables lack.
async fn find_endpoints(
    connection: &mut PgConnection,
    endpoints: &[EndpointPolicy],
) -> Result<Vec<Option<i64>>, sqlx::Error> {
    let paths: Vec<&str> = endpoints.iter().map(|endpoint| endpoint.path.as_str()).collect();
    let rows: Vec<(String, i64)> = sqlx::query_as(
        "SELECT path, id FROM webhooks_runtime.endpoints WHERE path = ANY($1::text[])",
    )
    .bind(&paths)
    .fetch_all(connection)
    .await?;
    let endpoint_ids: HashMap<String, i64> = rows.into_iter().collect();
    Ok(paths.into_iter().map(|path| endpoint_ids.get(path).copied()).collect())
}
