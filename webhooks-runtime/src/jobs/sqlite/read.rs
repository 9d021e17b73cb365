//! What people look at, beside the connection that writes.

use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::{Connection, OptionalExtension, Row};
use uuid::Uuid;

use crate::jobs::clock::from_millis;
use crate::jobs::error::StoreError;
use crate::jobs::state::State;
use crate::jobs::store::{Detail, FailedAttempt, Filter, Listed};

/// The connection for it, until it is closed. Who looks has a thread for that, one after the other.
pub(super) struct Reader(Arc<Mutex<Option<Connection>>>);

impl Reader {
    pub(super) fn new(connection: Connection) -> Self {
        Self(Arc::new(Mutex::new(Some(connection))))
    }

    /// Looks at something.
    pub(super) async fn look<T: Send + 'static>(
        &self,
        look: impl FnOnce(&Connection) -> Result<T, rusqlite::Error> + Send + 'static,
    ) -> Result<T, StoreError> {
        let connection = Arc::clone(&self.0);
        let looking = tokio::task::spawn_blocking(move || {
            let connection = connection.lock().unwrap_or_else(PoisonError::into_inner);
            Ok(look(connection.as_ref().ok_or(StoreError::Closed)?)?)
        });
        looking.await.unwrap_or(Err(StoreError::Closed))
    }

    /// Closes it when nobody looks.
    pub(super) async fn close(&self) {
        let connection = Arc::clone(&self.0);
        let closing = tokio::task::spawn_blocking(move || {
            drop(connection.lock().unwrap_or_else(PoisonError::into_inner).take());
        });
        let _ = closing.await;
    }
}

/// The query of a list. Where few are in a state they are found by its index, and where there are many by
/// going back from the newest.
macro_rules! list {
    ($index:literal, $state:literal) => {
        concat!(
            "SELECT d.id, e.path, d.webhook_id, d.state, d.attempt, d.received_at, d.run_at,
                 d.started_at, d.ended_at, d.error, d.event, d.repo
             FROM deliveries AS d ",
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
    filter: &Filter,
) -> Result<Vec<Listed>, rusqlite::Error> {
    let query = match filter.state {
        None => list!("NOT INDEXED", "TRUE"),
        Some(State::Queued) => list!("INDEXED BY queued", "d.state = 0"),
        Some(State::Running) => list!("INDEXED BY running", "d.state = 1"),
        Some(State::Done) => list!("NOT INDEXED", "d.state = 2"),
        Some(State::Dead) => list!("INDEXED BY dead", "d.state = 3"),
    };
    let mut statement = connection.prepare_cached(query)?;
    statement.query_map((&filter.endpoint, filter.limit), listed)?.collect()
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

pub(super) fn show(connection: &Connection, id: Uuid) -> Result<Option<Detail>, rusqlite::Error> {
    let found = connection
        .prepare_cached(
            "SELECT d.id, e.path, d.webhook_id, d.state, d.attempt, d.received_at, d.run_at,
                 d.started_at, d.ended_at, d.error, d.event, d.repo, d.seq, p.body
             FROM deliveries AS d JOIN endpoints AS e ON e.id = d.endpoint
                 JOIN payloads AS p ON p.delivery = d.seq
             WHERE d.id = ?",
        )?
        .query_row([id], |row| {
            Ok((listed(row)?, row.get::<_, i64>(12)?, row.get::<_, Vec<u8>>(13)?))
        })
        .optional()?;
    let Some((listed, seq, body)) = found else {
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
    Ok(Some(Detail { listed, failed, body: body.into() }))
}

fn listed(row: &Row<'_>) -> Result<Listed, rusqlite::Error> {
    let state = State::of_code(row.get(3)?).unwrap_or(State::Dead);
    let time = |column: usize| {
        Ok::<_, rusqlite::Error>(row.get::<_, Option<i64>>(column)?.map(from_millis))
    };
    Ok(Listed {
        id: row.get(0)?,
        endpoint: row.get(1)?,
        webhook_id: row.get(2)?,
        state,
        attempts: row.get(4)?,
        received_at: from_millis(row.get(5)?),
        run_at: time(6)?.filter(|_| state == State::Queued),
        started_at: time(7)?.filter(|_| state == State::Running),
        ended_at: time(8)?,
        error: row.get(9)?,
        event: row.get(10)?,
        repo: row.get(11)?,
    })
}
