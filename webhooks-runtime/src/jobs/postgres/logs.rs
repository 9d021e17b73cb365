//! Writes and reads the log lines of attempts.

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use sqlx::postgres::PgRow;
use sqlx::{Connection, FromRow, PgConnection, Row};
use uuid::Uuid;

use super::super::attempt_log::{
    AttemptLogLine, LOGGED_CLAIMS, LogPosition, LogUpdate, NewLogLine, RunningLog, level_code,
    level_of, share,
};
use super::super::delivery::Completion;
use super::super::error::StoreError;
use super::complete::CompletedBatch;
use super::convert;
use super::errors::{is_conflict, is_rejected};
use super::pool::with_retries;
use super::store::PostgresStore;

/// How many lines one statement writes.
const CHUNK: usize = 1000;

/// Locks the deliveries whose claims are current, so that their attempts do not end and they are not deleted meanwhile.
/// Skips one that is locked: waiting for an end of an attempt that waits for this lock would be a deadlock.
const LOCK: &str = "
    SELECT it.id, it.fence FROM UNNEST($1::uuid[], $2::bigint[]) AS log (id, fence)
    JOIN webhooks_runtime.deliveries AS it ON it.id = log.id
    WHERE it.fence = log.fence AND it.state = 1
    FOR NO KEY UPDATE OF it SKIP LOCKED";

const INSERT: &str = "
    INSERT INTO webhooks_runtime.attempt_logs (delivery, fence, line, logged_at, level, text)
    SELECT delivery, fence, line, to_timestamp(logged_at / 1000.0), level, text
    FROM UNNEST($1::uuid[], $2::bigint[], $3::integer[], $4::bigint[], $5::smallint[], $6::text[])
        AS line (delivery, fence, line, logged_at, level, text)
    ON CONFLICT DO NOTHING";

const DELETE: &str = "
    DELETE FROM webhooks_runtime.attempt_logs AS it
    USING UNNEST($1::uuid[], $2::bigint[], $3::integer[]) AS log (delivery, fence, first)
    WHERE it.delivery = log.delivery
        AND (it.fence = log.fence AND it.line < log.first OR it.fence <= log.fence - $4)";

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

/// The lines of an attempt whose claim is current.
struct CurrentLog<'a> {
    id: Uuid,
    fencing_token: i64,
    update: &'a LogUpdate,
    /// Those to write.
    lines: &'a [NewLogLine],
}

/// A line, and the attempt that it belongs to.
type Line<'a> = (&'a CurrentLog<'a>, &'a NewLogLine);

/// Writes the lines of attempts that have ended, if their tokens were current. Continues without them if the database cannot
/// write them: they would keep every result of the replica out of the store.
pub(super) async fn write_completed(
    connection: &mut PgConnection,
    completions: &[Completion],
    completed: &CompletedBatch,
) -> Result<(), sqlx::Error> {
    let share = share(completions.iter().map(|it| &it.log));
    let logs: Vec<_> = completions
        .iter()
        .filter(|it| !it.log.lines.is_empty() && completed.states.contains_key(&it.id))
        .map(|it| CurrentLog {
            id: it.id,
            fencing_token: it.fencing_token,
            update: &it.log,
            lines: it.log.last(share),
        })
        .collect();
    if logs.is_empty() {
        return Ok(());
    }
    match write(connection, &logs).await {
        Err(error @ sqlx::Error::Database(_)) if !is_conflict(&error) => {
            tracing::debug!(%error, "the log lines of attempts that have ended could not be written");
            Ok(())
        }
        written => written,
    }
}

/// Writes lines, and drops those that the database rejects. After another error of the database, the transaction is as
/// before.
async fn write(connection: &mut PgConnection, logs: &[CurrentLog<'_>]) -> Result<(), sqlx::Error> {
    let lines: Vec<Line<'_>> =
        logs.iter().flat_map(|log| log.lines.iter().map(move |line| (log, line))).collect();
    let excess: Vec<_> =
        logs.iter().filter(|log| log.update.has_excess(log.fencing_token)).collect();
    let mut savepoint = connection.begin().await?;
    let written = async {
        for lines in lines.chunks(CHUNK) {
            insert(&mut savepoint, lines).await?;
        }
        delete_excess(&mut savepoint, &excess).await
    };
    match written.await {
        Ok(()) => savepoint.commit().await,
        Err(error) if is_rejected(&error) => {
            savepoint.rollback().await?;
            for lines in lines.chunks(CHUNK) {
                insert_accepted(connection, lines).await?;
            }
            delete_excess(connection, &excess).await
        }
        Err(error @ sqlx::Error::Database(_)) => {
            savepoint.rollback().await?;
            Err(error)
        }
        Err(error) => Err(error),
    }
}

async fn insert(connection: &mut PgConnection, lines: &[Line<'_>]) -> Result<(), sqlx::Error> {
    let levels: Vec<i16> = lines.iter().map(|(_, line)| level_code(line.level)).collect();
    let texts: Vec<String> = lines.iter().map(|(_, line)| convert::text(&line.text)).collect();
    sqlx::query(INSERT)
        .bind(lines.iter().map(|(log, _)| log.id).collect::<Vec<_>>())
        .bind(lines.iter().map(|(log, _)| log.fencing_token).collect::<Vec<_>>())
        .bind(lines.iter().map(|(_, line)| line.number.cast_signed()).collect::<Vec<_>>())
        .bind(lines.iter().map(|(_, line)| convert::unix(line.at)).collect::<Vec<_>>())
        .bind(levels)
        .bind(texts)
        .execute(connection)
        .await?;
    Ok(())
}

/// Inserts lines of which some are rejected: halves them until those are alone.
fn insert_accepted<'a>(
    connection: &'a mut PgConnection,
    lines: &'a [Line<'a>],
) -> BoxFuture<'a, Result<(), sqlx::Error>> {
    async move {
        let mut savepoint = connection.begin().await?;
        match insert(&mut savepoint, lines).await {
            Ok(()) => return savepoint.commit().await,
            Err(error) if is_rejected(&error) => {
                savepoint.rollback().await?;
                if lines.len() == 1 {
                    tracing::debug!(%error, "the database rejects a log line");
                    return Ok(());
                }
            }
            Err(error) => return Err(error),
        }
        let (first, second) = lines.split_at(lines.len() / 2);
        insert_accepted(connection, first).await?;
        insert_accepted(connection, second).await
    }
    .boxed()
}

async fn delete_excess(
    connection: &mut PgConnection,
    excess: &[&CurrentLog<'_>],
) -> Result<(), sqlx::Error> {
    if !excess.is_empty() {
        sqlx::query(DELETE)
            .bind(excess.iter().map(|log| log.id).collect::<Vec<_>>())
            .bind(excess.iter().map(|log| log.fencing_token).collect::<Vec<_>>())
            .bind(excess.iter().map(|log| log.update.first.cast_signed()).collect::<Vec<_>>())
            .bind(LOGGED_CLAIMS)
            .execute(connection)
            .await?;
    }
    Ok(())
}

async fn write_running(
    connection: &mut PgConnection,
    logs: &[RunningLog],
) -> Result<Vec<(Uuid, i64)>, sqlx::Error> {
    let mut transaction = connection.begin().await?;
    let current: Vec<(Uuid, i64)> = sqlx::query_as(LOCK)
        .bind(logs.iter().map(|log| log.id).collect::<Vec<_>>())
        .bind(logs.iter().map(|log| log.fencing_token).collect::<Vec<_>>())
        .fetch_all(&mut *transaction)
        .await?;
    let is_current = |log: &&RunningLog| current.contains(&(log.id, log.fencing_token));
    let logs = logs.iter().filter(is_current).map(|log| CurrentLog {
        id: log.id,
        fencing_token: log.fencing_token,
        update: &log.update,
        lines: &log.update.lines,
    });
    write(&mut transaction, &logs.collect::<Vec<_>>()).await?;
    transaction.commit().await?;
    Ok(current)
}

impl PostgresStore {
    /// Writes the lines of running attempts, and returns the ids and fencing tokens of those that are written.
    pub(super) async fn write_running_logs(
        &self,
        logs: &[RunningLog],
    ) -> Result<Vec<(Uuid, i64)>, StoreError> {
        with_retries(&self.pool, |mut connection| async move {
            let written = write_running(&mut connection, logs).await;
            (connection, written)
        })
        .await
    }

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
