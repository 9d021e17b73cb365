//! Inserts deliveries with keys, each of which may replace an older one.

use super::group::{KeyedRow, select_keyed};
use super::keys::KeyQueue;
use super::writer::{Changes, Writer};
use crate::endpoint::background::{Latest, Policy};
use crate::jobs::clock::{millis, to_millis};
use crate::jobs::delivery::{DeliveryKey, MAX_MERGED, NewDelivery};
use crate::jobs::state::{CancelReason, State};
use crate::payload::MergeScope;
use rusqlite::params;

impl Writer {
    /// Inserts a delivery with a key, and supersedes the one that it replaces.
    pub(super) fn insert_with_key(
        &self,
        seq: i64,
        new: &NewDelivery,
        key: &DeliveryKey,
        now: i64,
        changes: &mut Changes,
    ) -> Result<(), rusqlite::Error> {
        let endpoint = &self.endpoints[new.endpoint];
        let policy = &endpoint.endpoint.policy;
        let queue = KeyQueue { endpoint: endpoint.id, key: key.text.clone() };
        let scope = key.merge.map(MergeScope::code);
        let mut older = None;
        match scope {
            _ if !policy.supersedes() => {}
            Some(scope) => {
                let replaceable = self.replaceable(&queue, scope)?;
                if replaceable.is_none() && policy.debounce.is_some() {
                    self.end_debounce(&queue, now)?;
                }
                older = replaceable.filter(|older| self.fits(older, new));
                if policy.latest == Latest::Cancel {
                    self.stop_for_newer(&queue, scope)?;
                }
            }
            None if policy.debounce.is_some() => self.end_debounce(&queue, now)?,
            None => {}
        }
        if let Some(older) = &older {
            self.supersede(older.seq, older.group(), new.id, now, changes)?;
        }
        let (run_at, debounce_since) = due(policy, scope.is_some(), older.as_ref(), now);
        self.execute(
            "INSERT INTO deliveries
             (seq, id, endpoint, webhook_id, event, repo, received_at, accepted_at, run_at, origin, key, merge_scope,
              merge_group, merged, merge_bytes, debounce_since, trace)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)",
            params![
                seq,
                new.id,
                queue.endpoint,
                &new.webhook_id,
                &new.event,
                &new.repo,
                to_millis(new.received_at),
                now,
                run_at,
                new.origin.code(),
                &queue.key,
                scope,
                older.as_ref().map(KeyedRow::group),
                older.as_ref().map_or(0, |older| older.merged + 1),
                older.as_ref().map_or(0, |older| older.bytes) + i64::from(key.merge_bytes),
                debounce_since,
                &new.trace,
            ],
        )?;
        self.execute("INSERT INTO payloads (delivery, body) VALUES (?, ?)", (seq, &*new.body))?;
        // Most new deliveries are the last ones of their keys.
        if older.is_some() || self.head_due(&queue)?.is_none_or(|due| due > run_at) {
            self.find_head(&queue)?;
        }
        Ok(())
    }

    /// Returns the queued delivery that a new one of this scope can replace: the newest one, if no barrier arrived since.
    fn replaceable(
        &self,
        queue: &KeyQueue,
        scope: i64,
    ) -> Result<Option<KeyedRow>, rusqlite::Error> {
        let mut statement = self.connection.prepare_cached(select_keyed!(
            "WHERE endpoint = ? AND key = ? AND state < 2 ORDER BY seq DESC LIMIT 2"
        ))?;
        // One of them may be running, at most.
        for row in statement.query_map((queue.endpoint, &queue.key), KeyedRow::read)? {
            let row = row?;
            if row.scope != Some(scope) {
                return Ok(None);
            }
            if row.state == State::Queued {
                return Ok(Some(row));
            }
        }
        Ok(None)
    }

    fn fits(&self, older: &KeyedRow, new: &NewDelivery) -> bool {
        older.merged < MAX_MERGED && self.is_within_limit(older.bytes, new.body.len() as i64)
    }

    /// Requests that the running delivery of a key is stopped, if it could be merged into one of this scope that arrives now.
    /// Not while its endpoint is paused: the new one would not run instead.
    fn stop_for_newer(&self, queue: &KeyQueue, scope: i64) -> Result<(), rusqlite::Error> {
        self.execute(
            "UPDATE deliveries AS running SET cancel_requested = ?4
             WHERE endpoint = ?1 AND key = ?2 AND state = 1 AND merge_scope = ?3 AND cancel_requested = 0
                 AND (SELECT paused_at IS NULL FROM endpoints WHERE id = ?1)
                 AND NOT EXISTS (
                     SELECT 1 FROM deliveries AS barrier
                     WHERE barrier.endpoint = ?1 AND barrier.key = ?2 AND barrier.state < 2
                         AND barrier.seq > running.seq AND barrier.merge_scope IS NOT ?3
                 )",
            (queue.endpoint, &queue.key, scope, CancelReason::Newer.code()),
        )?;
        Ok(())
    }

    /// Ends the wait of a key, because nothing can be merged into the deliveries that wait: a barrier has arrived, or a
    /// delivery of another scope.
    fn end_debounce(&self, queue: &KeyQueue, now: i64) -> Result<(), rusqlite::Error> {
        self.execute(
            "UPDATE deliveries SET run_at = ?3, debounce_since = NULL
             WHERE endpoint = ?1 AND key = ?2 AND state = 0 AND debounce_since IS NOT NULL AND run_at > ?3",
            (queue.endpoint, &queue.key, now),
        )?;
        self.find_head(queue)
    }
}

/// Returns when a new delivery is due, and since when its key has been waiting for quiet.
fn due(
    policy: &Policy,
    is_mergeable: bool,
    older: Option<&KeyedRow>,
    now: i64,
) -> (i64, Option<i64>) {
    match policy.debounce.filter(|_| is_mergeable) {
        Some(debounce) => {
            let since = older.and_then(|older| older.debounce_since).unwrap_or(now);
            let (quiet, at_most) = (millis(debounce.quiet), millis(debounce.at_most));
            (now.saturating_add(quiet).min(since.saturating_add(at_most)), Some(since))
        }
        // The place of the older one, unless that waits for its retry.
        None => (older.map_or(now, |older| older.run_at.min(now)), None),
    }
}
