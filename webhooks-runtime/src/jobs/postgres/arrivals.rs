//! Puts the new deliveries of a batch into the queues of their keys.

use std::collections::{BTreeSet, HashMap};

use sqlx::PgConnection;
use uuid::Uuid;

use super::super::delivery::NewDelivery;
use super::super::state::{CancelReason, State};
use super::convert;
use super::keys::{KeyId, LockedKeys, columns};
use super::place::{KeyTail, QueuePlace};
use super::store::PostgresStore;
use crate::payload::MergeScope;

/// The newest queued and running deliveries of keys that have the same merge scope, in order of arrival: those that
/// arrived after the last barrier. Locks them, so that none is claimed before the transaction ends.
pub(super) const LOCK_TAILS: &str = "
    SELECT tail.endpoint, tail.key, tail.id, tail.state, tail.merge_scope, tail.merge_group, tail.merged,
        tail.merge_bytes, (extract(epoch FROM tail.debounce_since) * 1000000)::bigint,
        (extract(epoch FROM tail.run_at) * 1000000)::bigint
    FROM UNNEST($1::bigint[], $2::text[]) AS wanted (endpoint, key)
    CROSS JOIN LATERAL (
        SELECT it.merge_scope FROM webhooks_runtime.deliveries AS it
        WHERE it.endpoint = wanted.endpoint AND it.key = wanted.key
            AND it.state < 2 AND it.key IS NOT NULL
        ORDER BY it.arrival DESC LIMIT 1
    ) AS newest
    CROSS JOIN LATERAL (
        SELECT it.* FROM webhooks_runtime.deliveries AS it
        WHERE it.endpoint = wanted.endpoint AND it.key = wanted.key
            AND it.state < 2 AND it.key IS NOT NULL
            AND it.merge_scope = newest.merge_scope AND it.arrival > coalesce((
                SELECT barrier.arrival FROM webhooks_runtime.deliveries AS barrier
                WHERE barrier.endpoint = wanted.endpoint AND barrier.key = wanted.key
                    AND barrier.state < 2 AND barrier.key IS NOT NULL
                    AND barrier.merge_scope IS DISTINCT FROM newest.merge_scope
                ORDER BY barrier.arrival DESC LIMIT 1
            ), 0)
        ORDER BY it.arrival DESC LIMIT 100 FOR UPDATE
    ) AS tail
    ORDER BY tail.arrival";

/// Supersedes stored deliveries, makes others due, and requests that running ones are stopped, unless their endpoints are
/// paused.
const CHANGE: &str = "
    UPDATE webhooks_runtime.deliveries AS it
    SET state = change.state, superseded_by = change.superseded_by, merge_group = change.merge_group,
        run_at = timestamptz 'epoch' + change.run_at * interval '1 microsecond', debounce_since = NULL,
        ended_at = CASE WHEN change.state = 4 THEN statement_timestamp() END,
        cancel_requested = CASE WHEN it.cancel_requested = 0 AND (
            SELECT endpoint.paused_at IS NULL FROM webhooks_runtime.endpoints AS endpoint
            WHERE endpoint.id = it.endpoint
        ) THEN change.stop ELSE it.cancel_requested END
    FROM UNNEST($1::uuid[], $2::smallint[], $3::uuid[], $4::uuid[], $5::bigint[], $6::smallint[])
        AS change (id, state, superseded_by, merge_group, run_at, stop)
    WHERE it.id = change.id";

type TailRow = (i64, String, Uuid, i16, Option<i64>, Option<Uuid>, i32, i64, Option<i64>, i64);

/// The places of a batch's deliveries in the queues of their keys.
#[derive(Debug, Default)]
pub(super) struct Arrivals {
    /// When the deliveries without keys are due as well, so that the batch keeps its order; `None` if none has a key.
    pub(super) time: Option<i64>,
    /// The new deliveries that have keys.
    pub(super) new: HashMap<Uuid, QueuePlace>,
    /// Stored deliveries that change.
    changed: Vec<QueuePlace>,
}

impl Arrivals {
    /// Returns how many deliveries become superseded.
    pub(super) fn superseded(&self) -> usize {
        let all = self.new.values().chain(&self.changed);
        all.filter(|place| place.state == State::Superseded).count()
    }

    /// Writes the changes of stored deliveries.
    pub(super) async fn write_changes(
        &self,
        connection: &mut PgConnection,
    ) -> Result<(), sqlx::Error> {
        let all = &self.changed;
        if all.is_empty() {
            return Ok(());
        }
        let stop = |place: &QueuePlace| place.stop.map_or(0, CancelReason::code);
        sqlx::query(CHANGE)
            .bind(all.iter().map(|place| place.id).collect::<Vec<_>>())
            .bind(all.iter().map(|place| place.state.code()).collect::<Vec<_>>())
            .bind(all.iter().map(|place| place.superseded_by).collect::<Vec<_>>())
            .bind(all.iter().map(|place| place.group).collect::<Vec<_>>())
            .bind(all.iter().map(|place| place.run_at).collect::<Vec<_>>())
            .bind(all.iter().map(stop).collect::<Vec<_>>())
            .execute(connection)
            .await?;
        Ok(())
    }
}

impl PostgresStore {
    /// Returns the key of a new delivery.
    pub(super) fn key_of(&self, new: &NewDelivery) -> Option<KeyId> {
        let key = new.key.as_ref()?;
        Some((self.endpoint_ids[new.endpoint], convert::text(&key.text)))
    }

    /// Puts new deliveries into the queues of their keys, which are locked.
    pub(super) async fn arrange(
        &self,
        connection: &mut PgConnection,
        batch: &[&NewDelivery],
        mut locked: LockedKeys,
    ) -> Result<Arrivals, sqlx::Error> {
        let mut queues = self.lock_tails(connection, batch).await?;
        for new in batch {
            let Some((id, key)) = self.key_of(new).zip(new.key.as_ref()) else { continue };
            let place = QueuePlace {
                id: new.id,
                state: State::Queued,
                arrival: Some(locked.next(&id)?),
                scope: key.merge.map(MergeScope::code),
                group: None,
                merged: 0,
                bytes: key.merge_bytes.into(),
                debounce_since: None,
                run_at: locked.now,
                superseded_by: None,
                stop: None,
                is_changed: false,
            };
            let policy = &self.endpoints[new.endpoint].policy;
            let queue = queues.entry(id).or_default();
            queue.add(place, policy, locked.now, new.body.len(), self.body_limit);
        }
        let time = (!queues.is_empty()).then_some(locked.now);
        let mut arrivals = Arrivals { time, ..Arrivals::default() };
        for place in queues.into_values().flat_map(KeyTail::into_places) {
            if place.arrival.is_some() {
                arrivals.new.insert(place.id, place);
            } else if place.is_changed {
                arrivals.changed.push(place);
            }
        }
        Ok(arrivals)
    }

    /// Locks the tails of the queues that new deliveries may replace others in.
    async fn lock_tails(
        &self,
        connection: &mut PgConnection,
        batch: &[&NewDelivery],
    ) -> Result<HashMap<KeyId, KeyTail>, sqlx::Error> {
        let supersede = batch.iter().filter(|new| self.endpoints[new.endpoint].policy.supersedes());
        let keys: BTreeSet<KeyId> = supersede.filter_map(|new| self.key_of(new)).collect();
        let mut queues: HashMap<KeyId, KeyTail> = HashMap::new();
        if keys.is_empty() {
            return Ok(queues);
        }
        let (endpoints, texts) = columns(&keys);
        let rows: Vec<TailRow> =
            sqlx::query_as(LOCK_TAILS).bind(endpoints).bind(texts).fetch_all(connection).await?;
        for (endpoint, key, id, state, scope, group, merged, bytes, debounce_since, run_at) in rows
        {
            queues.entry((endpoint, key)).or_default().restore(QueuePlace {
                id,
                state: convert::state(state)?,
                arrival: None,
                scope,
                group,
                merged,
                bytes,
                debounce_since,
                run_at,
                superseded_by: None,
                stop: None,
                is_changed: false,
            });
        }
        Ok(queues)
    }
}
