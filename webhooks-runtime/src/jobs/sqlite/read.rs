//! Reads deliveries for the page and the command line, on a second connection that never waits for the writer.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use rusqlite::{Connection, OptionalExtension, Row};
use uuid::Uuid;

use super::open::FileReader;
use crate::jobs::clock::from_millis;
use crate::jobs::counts::StateCount;
use crate::jobs::delivery::DeliveryOrigin;
use crate::jobs::error::StoreError;
use crate::jobs::inspect::{DeliveryDetail, DeliveryFilter, DeliverySummary, FailedAttempt};
use crate::jobs::state::State;

/// The reading connection, until it is closed. Queries run one at a time on the blocking pool.
pub(super) struct ReadConnection(Arc<Mutex<Option<FileReader>>>);

impl ReadConnection {
    pub(super) fn new(reader: FileReader) -> Self {
        Self(Arc::new(Mutex::new(Some(reader))))
    }

    /// Runs a query.
    pub(super) async fn query<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Connection) -> Result<T, rusqlite::Error> + Send + 'static,
    ) -> Result<T, StoreError> {
        let connection = Arc::clone(&self.0);
        let running = tokio::task::spawn_blocking(move || {
            let mut reader = connection.lock().unwrap_or_else(PoisonError::into_inner);
            let reader = reader.as_mut().ok_or(StoreError::Closed)?;
            reader.refresh().map_err(StoreError::Failed)?;
            Ok(query(&reader.connection)?)
        });
        running.await.unwrap_or(Err(StoreError::Closed))
    }

    /// Closes the connection after the running query.
    pub(super) async fn close(&self) {
        let connection = Arc::clone(&self.0);
        let closing = tokio::task::spawn_blocking(move || {
            drop(connection.lock().unwrap_or_else(PoisonError::into_inner).take());
        });
        let _ = closing.await;
    }
}

/// The columns of a delivery in a list.
macro_rules! summary_columns {
    () => {
        "d.id, e.path, d.webhook_id, d.state, d.attempt, d.received_at, d.run_at, d.started_at, d.ended_at, d.error,
             d.event, d.repo, d.note, d.key, d.superseded_by, d.merged, d.origin,
             d.state = 1 AND d.cancel_requested > 0"
    };
}

/// Builds the query of a list. States with few deliveries use their index; the others scan from the newest.
macro_rules! list {
    ($index:literal, $state:literal) => {
        concat!(
            "SELECT ",
            summary_columns!(),
            " FROM deliveries AS d ",
            $index,
            " CROSS JOIN endpoints AS e ON e.id = d.endpoint
             WHERE ",
            $state,
            " AND (?1 IS NULL OR e.path = ?1)
             ORDER BY d.seq DESC LIMIT ?2"
        )
    };
}

pub(super) fn list(
    connection: &Connection,
    filter: &DeliveryFilter,
) -> Result<Vec<DeliverySummary>, rusqlite::Error> {
    let query = match filter.state {
        None => list!("NOT INDEXED", "TRUE"),
        Some(State::Queued) => list!(
            "NOT INDEXED",
            "d.seq IN (
                 SELECT seq FROM deliveries INDEXED BY queued WHERE state = 0 AND key IS NULL
                 UNION ALL SELECT seq FROM deliveries INDEXED BY queued_keys WHERE state = 0 AND key IS NOT NULL
             )"
        ),
        Some(State::Running) => list!("INDEXED BY running", "d.state = 1"),
        Some(State::Done) => list!("NOT INDEXED", "d.state = 2"),
        Some(State::Dead) => list!("INDEXED BY dead", "d.state = 3"),
        Some(State::Superseded) => list!("INDEXED BY merge_groups", "d.merge_group IS NOT NULL AND d.state = 4"),
        Some(State::Cancelled) => list!("INDEXED BY cancelled", "d.state = 5"),
    };
    let mut statement = connection.prepare_cached(query)?;
    statement.query_map((&filter.endpoint, filter.limit), summary)?.collect()
}

pub(super) fn find(
    connection: &Connection,
    first: Uuid,
    last: Uuid,
    limit: u32,
) -> Result<Vec<Uuid>, rusqlite::Error> {
    let mut statement = connection
        .prepare_cached("SELECT id FROM deliveries WHERE id BETWEEN ? AND ? ORDER BY id LIMIT ?")?;
    statement.query_map((first, last, limit), |row| row.get(0))?.collect()
}

/// Returns the paths of the paused endpoints, and since when each is paused.
pub(super) fn paused(
    connection: &Connection,
) -> Result<Vec<(String, SystemTime)>, rusqlite::Error> {
    let mut statement = connection.prepare_cached(
        "SELECT path, paused_at FROM endpoints WHERE paused_at IS NOT NULL ORDER BY path",
    )?;
    statement.query_map([], |row| Ok((row.get(0)?, from_millis(row.get(1)?))))?.collect()
}

/// Counts the deliveries of each endpoint in each state but `done`, each from its index.
pub(super) fn counts(connection: &Connection) -> Result<Vec<StateCount>, rusqlite::Error> {
    let mut statement = connection.prepare_cached(
        "SELECT e.path, it.state, sum(it.count) FROM (
             SELECT endpoint, state, count(*) AS count FROM deliveries INDEXED BY queued
                 WHERE state = 0 AND key IS NULL GROUP BY endpoint
             UNION ALL SELECT endpoint, state, count(*) FROM deliveries INDEXED BY queued_keys
                 WHERE state = 0 AND key IS NOT NULL GROUP BY endpoint
             UNION ALL SELECT endpoint, state, count(*) FROM deliveries INDEXED BY running
                 WHERE state = 1 GROUP BY endpoint
             UNION ALL SELECT endpoint, state, count(*) FROM deliveries INDEXED BY dead
                 WHERE state = 3 GROUP BY endpoint
             UNION ALL SELECT endpoint, state, count(*) FROM deliveries INDEXED BY merge_groups
                 WHERE merge_group IS NOT NULL AND state = 4 GROUP BY endpoint
             UNION ALL SELECT endpoint, state, count(*) FROM deliveries INDEXED BY cancelled
                 WHERE state = 5 GROUP BY endpoint
         ) AS it JOIN endpoints AS e ON e.id = it.endpoint
         GROUP BY e.path, it.state",
    )?;
    let count = |row: &Row<'_>| {
        let state = State::from_code(row.get(1)?).unwrap_or(State::Dead);
        let count: i64 = row.get(2)?;
        Ok(StateCount { endpoint: row.get(0)?, state, count: count.unsigned_abs() })
    };
    statement.query_map([], count)?.collect()
}

/// Returns the highest row number.
pub(super) fn newest(connection: &Connection) -> Result<i64, rusqlite::Error> {
    connection.query_row("SELECT coalesce(max(seq), 0) FROM deliveries", [], |row| row.get(0))
}

/// Returns a delivery as a list shows it.
pub(super) fn summary_of(
    connection: &Connection,
    id: Uuid,
) -> Result<Option<DeliverySummary>, rusqlite::Error> {
    let mut statement = connection.prepare_cached(concat!(
        "SELECT ",
        summary_columns!(),
        " FROM deliveries AS d JOIN endpoints AS e ON e.id = d.endpoint WHERE d.id = ?"
    ))?;
    statement.query_row([id], summary).optional()
}

pub(super) fn show(
    connection: &Connection,
    id: Uuid,
) -> Result<Option<DeliveryDetail>, rusqlite::Error> {
    let found = connection
        .prepare_cached(concat!(
            "SELECT ",
            summary_columns!(),
            ", d.seq, p.body
                 FROM deliveries AS d JOIN endpoints AS e ON e.id = d.endpoint
                     JOIN payloads AS p ON p.delivery = d.seq
                 WHERE d.id = ?"
        ))?
        .query_row([id], |row| {
            let (seq, body): (i64, Vec<u8>) = (row.get(18)?, row.get(19)?);
            Ok((summary(row)?, seq, body))
        })
        .optional()?;
    let Some((summary, seq, body)) = found else {
        return Ok(None);
    };
    let mut attempts = connection.prepare_cached(
        "SELECT attempt, started_at, ended_at, error FROM attempts
         WHERE delivery = ? ORDER BY ended_at, rowid",
    )?;
    let failed = attempts.query_map([seq], |attempt| {
        Ok(FailedAttempt {
            attempt: attempt.get(0)?,
            started_at: from_millis(attempt.get(1)?),
            ended_at: from_millis(attempt.get(2)?),
            error: attempt.get(3)?,
        })
    })?;
    let failed = failed.collect::<Result<_, _>>()?;
    Ok(Some(DeliveryDetail { summary, failed, body: body.into() }))
}

fn summary(row: &Row<'_>) -> Result<DeliverySummary, rusqlite::Error> {
    let state = State::from_code(row.get(3)?).unwrap_or(State::Dead);
    let time = |column: usize| {
        Ok::<_, rusqlite::Error>(row.get::<_, Option<i64>>(column)?.map(from_millis))
    };
    Ok(DeliverySummary {
        id: row.get(0)?,
        endpoint: row.get(1)?,
        webhook_id: row.get(2)?,
        state,
        cancel_requested: row.get(17)?,
        attempts: row.get(4)?,
        received_at: from_millis(row.get(5)?),
        run_at: time(6)?.filter(|_| state == State::Queued),
        started_at: time(7)?.filter(|_| state == State::Running),
        ended_at: time(8)?,
        error: row.get(9)?,
        event: row.get(10)?,
        repo: row.get(11)?,
        note: row.get(12)?,
        key: row.get(13)?,
        superseded_by: row.get(14)?,
        merged: row.get(15)?,
        origin: DeliveryOrigin::from_code(row.get(16)?).unwrap_or(DeliveryOrigin::Webhook),
    })
}
