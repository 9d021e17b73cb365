//! Groups of deliveries: superseded ones, and the one that carries them.
//!
//! Taking over a group costs the same however large it is, because its members refer to the group and not to the one
//! that carries them.

use rusqlite::Row;
use uuid::Uuid;

use super::writer::{Changes, Writer};
use crate::jobs::state::State;

/// A queued or running delivery with a key.
pub(super) struct KeyedRow {
    pub(super) seq: i64,
    pub(super) id: Uuid,
    pub(super) state: State,
    pub(super) scope: Option<i64>,
    pub(super) group: Option<i64>,
    pub(super) merged: u32,
    pub(super) bytes: i64,
    pub(super) debounce_since: Option<i64>,
    pub(super) run_at: i64,
}

/// The columns of a [`KeyedRow`].
macro_rules! select_keyed {
    ($clause:literal) => {
        concat!(
            "SELECT seq, id, state, merge_scope, merge_group, merged, merge_bytes, debounce_since, run_at
             FROM deliveries ",
            $clause
        )
    };
}
pub(super) use select_keyed;

impl KeyedRow {
    pub(super) fn read(row: &Row<'_>) -> Result<Self, rusqlite::Error> {
        Ok(Self {
            seq: row.get(0)?,
            id: row.get(1)?,
            state: State::from_code(row.get(2)?).unwrap_or(State::Running),
            scope: row.get(3)?,
            group: row.get(4)?,
            merged: row.get(5)?,
            bytes: row.get(6)?,
            debounce_since: row.get(7)?,
            run_at: row.get(8)?,
        })
    }

    /// Returns the group that it is in, or that begins with it.
    pub(super) fn group(&self) -> i64 {
        self.group.unwrap_or(self.seq)
    }
}

impl Writer {
    pub(super) fn keyed_row(&self, seq: i64) -> Result<KeyedRow, rusqlite::Error> {
        self.connection
            .prepare_cached(select_keyed!("WHERE seq = ?"))?
            .query_row([seq], KeyedRow::read)
    }

    /// Supersedes a delivery, and joins its group with that of a newer one.
    pub(super) fn join(
        &self,
        older: &KeyedRow,
        newer: &KeyedRow,
        now: i64,
        changes: &mut Changes,
    ) -> Result<(), rusqlite::Error> {
        let group = newer.group.unwrap_or(older.group());
        if group != older.group() {
            self.execute(
                "UPDATE deliveries SET merge_group = ? WHERE merge_group = ? AND state = 4",
                (group, older.group()),
            )?;
        }
        self.supersede(older.seq, group, newer.id, now, changes)?;
        self.execute(
            "UPDATE deliveries
             SET merge_group = ?2, merged = merged + ?3 + 1, merge_bytes = merge_bytes + ?4
             WHERE seq = ?1",
            (newer.seq, group, older.merged, older.bytes),
        )?;
        Ok(())
    }

    /// Supersedes a queued delivery, or one that would be queued.
    pub(super) fn supersede(
        &self,
        seq: i64,
        group: i64,
        by: Uuid,
        now: i64,
        changes: &mut Changes,
    ) -> Result<(), rusqlite::Error> {
        self.execute(
            "UPDATE deliveries
             SET state = 4, superseded_by = ?2, ended_at = ?3, merge_group = ?4, debounce_since = NULL
             WHERE seq = ?1",
            (seq, by, now, group),
        )?;
        changes.backlog -= 1;
        Ok(())
    }

    /// Returns whether two parts of a body fit into one.
    pub(super) fn is_within_limit(&self, one: i64, other: i64) -> bool {
        one.saturating_add(other).unsigned_abs() <= self.limits.body
    }
}
