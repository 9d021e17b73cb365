//! Follows the ends of attempts in the queues of their keys.

use rusqlite::OptionalExtension;

use super::group::{KeyedRow, select_keyed};
use super::keys::KeyQueue;
use super::writer::{Changes, Writer};
use crate::jobs::delivery::MAX_MERGED;
use crate::jobs::state::State;

/// A delivery whose attempt has ended.
pub(super) struct EndedRow {
    pub(super) seq: i64,
    pub(super) state: State,
    pub(super) queue: KeyQueue,
    pub(super) scope: Option<i64>,
    /// Whether its function was not called.
    pub(super) is_skipped: bool,
}

impl Writer {
    /// Follows the end of an attempt in its key's queue, and returns the state of the delivery.
    pub(super) fn advance_key(
        &self,
        ended: &EndedRow,
        now: i64,
        changes: &mut Changes,
    ) -> Result<State, rusqlite::Error> {
        let mut state = ended.state;
        let policy = self.endpoints.iter().find(|row| row.id == ended.queue.endpoint);
        if let Some(scope) = ended.scope
            && policy.is_some_and(|row| row.endpoint.policy.supersedes())
        {
            match ended.state {
                State::Queued if self.yield_to_newer(ended, scope, now, changes)? => {
                    state = State::Superseded;
                }
                State::Done if !ended.is_skipped => {
                    self.supersede_older(ended, scope, now, changes)?;
                }
                _ => {}
            }
        }
        self.find_head(&ended.queue)?;
        Ok(state)
    }

    /// Supersedes a delivery that would be queued again, if the one that arrived after it can carry it. Returns whether it
    /// can.
    fn yield_to_newer(
        &self,
        ended: &EndedRow,
        scope: i64,
        now: i64,
        changes: &mut Changes,
    ) -> Result<bool, rusqlite::Error> {
        let KeyQueue { endpoint, key } = &ended.queue;
        let newer = self
            .connection
            .prepare_cached(select_keyed!(
                "WHERE endpoint = ? AND key = ? AND state < 2 AND seq > ? ORDER BY seq LIMIT 1"
            ))?
            .query_row((endpoint, key, ended.seq), KeyedRow::read)
            .optional()?;
        let Some(newer) = newer.filter(|newer| newer.scope == Some(scope)) else {
            return Ok(false);
        };
        let older = self.keyed_row(ended.seq)?;
        let fits = older.merged + newer.merged < MAX_MERGED
            && self.is_within_limit(older.bytes, newer.bytes);
        let yields = newer.state == State::Queued && fits;
        if yields {
            self.join(&older, &newer, now, changes)?;
        }
        Ok(yields)
    }

    /// Supersedes the queued deliveries that arrived before a delivery that is done. They had to let it pass.
    fn supersede_older(
        &self,
        ended: &EndedRow,
        scope: i64,
        now: i64,
        changes: &mut Changes,
    ) -> Result<(), rusqlite::Error> {
        let KeyQueue { endpoint, key } = &ended.queue;
        let mut statement = self.connection.prepare_cached(select_keyed!(
            "INDEXED BY live_keys
             WHERE endpoint = ? AND key = ? AND state < 2 AND seq < ? AND state = 0 AND merge_scope = ?
             ORDER BY seq"
        ))?;
        let older: Vec<_> = statement
            .query_map((endpoint, key, ended.seq, scope), KeyedRow::read)?
            .collect::<Result<_, _>>()?;
        for older in older {
            self.join(&older, &self.keyed_row(ended.seq)?, now, changes)?;
        }
        Ok(())
    }
}
