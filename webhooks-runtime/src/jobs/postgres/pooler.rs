//! Poolers between this program and the server, such as PgBouncer. One that pools by transaction or by
//! statement gives each of them another session, and with it another one's settings, prepared statements,
//! locks and `LISTEN`. Depending on its version that fails at once, or much later and without an error.

use sqlx::postgres::{PgConnectOptions, PgRow};
use sqlx::{AssertSqlSafe, Connection, PgConnection, Row};
use uuid::Uuid;

use super::connect::{first, has_code};

/// The pooler doesn't pool by session.
#[derive(Debug, thiserror::Error)]
#[error(
    "a connection pooler in front of the database, such as PgBouncer, pools by transaction or by statement. \
     This program keeps its sessions: set pool_mode = session"
)]
struct NotBySession;

/// The pooler rejects what connections begin with.
#[derive(Debug, thiserror::Error)]
#[error(
    "a connection pooler in front of the database, such as PgBouncer, rejects a parameter in the store's URL \
     ({0}): remove it from the URL, or add it to ignore_startup_parameters"
)]
struct RejectsParameter(String);

/// Checks that two connections have two sessions. A setting of the one is not seen on the other then.
pub(super) async fn check(
    one: &mut PgConnection,
    options: &PgConnectOptions,
) -> Result<(), sqlx::Error> {
    let mut other = first(options).await?;
    let mark = Uuid::new_v4().to_string();
    let set = format!("SELECT set_config('webhooks_runtime.session', '{mark}', false)");
    // As one simple query each, which poolers of all kinds pass on.
    if let Err(error) = sqlx::raw_sql(AssertSqlSafe(set)).execute(&mut *one).await {
        tracing::debug!(%error, "the sessions cannot be told apart");
        return Ok(());
    }
    let seen = sqlx::raw_sql("SELECT current_setting('webhooks_runtime.session', true)");
    let seen: PgRow = seen.fetch_one(&mut other).await?;
    let seen: Option<String> = seen.try_get(0)?;
    if seen == Some(mark) {
        return Err(sqlx::Error::AnyDriverError(Box::new(NotBySession)));
    }
    other.close().await
}

/// Names the pooler where an error is due to it.
pub(super) fn explained(error: sqlx::Error) -> sqlx::Error {
    // A statement that was prepared in another session, or wasn't.
    if has_code(&error, "42P05") || has_code(&error, "26000") {
        return sqlx::Error::AnyDriverError(Box::new(NotBySession));
    }
    let said = error.as_database_error().map(|said| said.message().to_owned()).unwrap_or_default();
    if said.contains("in statement pooling mode") {
        return sqlx::Error::AnyDriverError(Box::new(NotBySession));
    }
    match said.strip_prefix("unsupported startup parameter") {
        Some(parameter) => {
            let parameter = parameter.rsplit(": ").next().unwrap_or_default().to_owned();
            sqlx::Error::AnyDriverError(Box::new(RejectsParameter(parameter)))
        }
        None => error,
    }
}
