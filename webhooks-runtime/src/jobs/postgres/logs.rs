//! Writes and reads the log lines of attempts.

use sqlx::FromRow;
use sqlx::Row;
use sqlx::postgres::PgRow;
use uuid::Uuid;

use super::super::attempt_log::{AttemptLogLine, LogPosition, level_of};
use super::super::error::StoreError;
use super::convert;
use super::pool::with_retries;
use super::store::PostgresStore;

macro_rules! select_lines {
    ($clause:literal) => {
        concat!(
            "SELECT fence, line, (extract(epoch FROM logged_at) * 1000)::bigint AS logged_at, level, text
            FROM webhooks_runtime.attempt_logs ",
            $clause
        )
    };
}

const LAST: &str =
    select_lines!("WHERE delivery = $1 ORDER BY delivery DESC, fence DESC, line DESC LIMIT $2");

const AFTER: &str = select_lines!(
    "WHERE delivery = $1 AND (fence, line) > ($3, $4) ORDER BY delivery, fence, line LIMIT $2"
);

impl PostgresStore {
    /// Returns the log lines of a delivery, in order.
    pub(super) async fn read_logs(
        &self,
        id: Uuid,
        after: Option<LogPosition>,
        limit: u32,
    ) -> Result<Vec<AttemptLogLine>, StoreError> {
        let mut lines: Vec<AttemptLogLine> =
            with_retries(&self.pool, |mut connection| async move {
                let statement = if after.is_some() { AFTER } else { LAST };
                let mut lines = sqlx::query_as(statement).bind(id).bind(i64::from(limit));
                if let Some(LogPosition { fence, number }) = after {
                    lines = lines.bind(fence).bind(number.cast_signed());
                }
                let lines = lines.fetch_all(&mut *connection).await;
                (connection, lines)
            })
            .await?;
        if after.is_none() {
            lines.reverse();
        }
        Ok(lines)
    }
}

impl FromRow<'_, PgRow> for AttemptLogLine {
    fn from_row(row: &PgRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            fence: row.try_get("fence")?,
            number: row.try_get::<i32, _>("line")?.unsigned_abs(),
            at: convert::time(row.try_get("logged_at")?),
            level: level_of(row.try_get("level")?),
            text: row.try_get("text")?,
        })
    }
}
