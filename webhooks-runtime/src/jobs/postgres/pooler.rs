//! Detects connection poolers that do not pool by session, such as PgBouncer in transaction mode.
//!
//! They give each transaction or statement another session, with other settings, prepared statements, locks
//! and `LISTEN`. Depending on the pooler's version, that fails at once, or much later and without an error.

use sqlx::postgres::{PgConnectOptions, PgRow};
use sqlx::{AssertSqlSafe, Connection, PgConnection, Row};
use uuid::Uuid;

use super::errors::NotBySession;
use super::pool::connect_once;

/// Checks that two connections have two sessions: a setting of one is not visible on the other.
pub(super) async fn check(
    one: &mut PgConnection,
    options: &PgConnectOptions,
) -> Result<(), sqlx::Error> {
    let mut other = connect_once(options).await?;
    let mark = Uuid::new_v4().to_string();
    let set = format!("SELECT set_config('webhooks_runtime.session', '{mark}', false)");
    // A simple query, which every kind of pooler forwards.
    if let Err(error) = sqlx::raw_sql(AssertSqlSafe(set)).execute(&mut *one).await {
        tracing::debug!(%error, "cannot tell the sessions apart");
        return Ok(());
    }
    let seen = sqlx::raw_sql("SELECT current_setting('webhooks_runtime.session', true)");
    let seen: PgRow = seen.fetch_one(&mut other).await?;
    let seen: Option<String> = seen.try_get(0)?;
    if seen == Some(mark) {
        return Err(NotBySession.into());
    }
    other.close().await
}
