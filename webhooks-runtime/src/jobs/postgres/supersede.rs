//! Supersedes deliveries at the end of an attempt: one that would run again gives way to a newer one, and older ones to
//! one that is done.

use sqlx::PgConnection;
use uuid::Uuid;

use super::super::delivery::MAX_MERGED;
use super::super::state::State;
use super::store::PostgresStore;

/// The deliveries that arrived next in the queues of their keys, if they are queued and have the same merge scope.
const NEWER: &str = "
    SELECT it.id, it.merge_group, it.merged, it.merge_bytes,
        newer.id, newer.merge_group, newer.merged, newer.merge_bytes
    FROM UNNEST($1::uuid[]) AS ended (id)
    JOIN webhooks_runtime.deliveries AS it ON it.id = ended.id
    JOIN LATERAL (
        SELECT next.* FROM webhooks_runtime.deliveries AS next
        WHERE next.endpoint = it.endpoint AND next.key = it.key
            AND next.state < 2 AND next.key IS NOT NULL AND next.arrival > it.arrival
        ORDER BY next.arrival LIMIT 1
    ) AS newer ON newer.state = 0 AND newer.merge_scope = it.merge_scope";

/// The queued deliveries that arrived before these in their keys and have the same merge scope.
const OLDER: &str = "
    SELECT older.id, older.merge_group, older.merged, older.merge_bytes,
        it.id, it.merge_group, it.merged, it.merge_bytes
    FROM UNNEST($1::uuid[]) AS ended (id)
    JOIN webhooks_runtime.deliveries AS it ON it.id = ended.id
    JOIN webhooks_runtime.deliveries AS older
        ON older.endpoint = it.endpoint AND older.key = it.key
            AND older.state < 2 AND older.key IS NOT NULL AND older.arrival < it.arrival
            AND older.state = 0 AND older.merge_scope = it.merge_scope
    ORDER BY older.arrival";

/// Moves the members of a group to another one.
const MOVE: &str = "
    UPDATE webhooks_runtime.deliveries SET merge_group = $2 WHERE merge_group = $1 AND state = 4";

/// Supersedes a delivery, and has the newer one carry it.
const JOIN: &str = "
    WITH older AS (
        UPDATE webhooks_runtime.deliveries
        SET state = 4, superseded_by = $2, merge_group = $3, ended_at = statement_timestamp(),
            debounce_since = NULL
        WHERE id = $1
        RETURNING merged, merge_bytes
    )
    UPDATE webhooks_runtime.deliveries AS newer
    SET merge_group = $3, merged = newer.merged + older.merged + 1,
        merge_bytes = newer.merge_bytes + older.merge_bytes
    FROM older WHERE newer.id = $2";

/// A delivery that can be merged and whose attempt has ended.
#[derive(Clone, Copy, Debug)]
pub(super) struct MergeableEnd {
    pub(super) id: Uuid,
    pub(super) state: State,
}

/// An older and a newer delivery.
type JoinRow = (Uuid, Option<Uuid>, i32, i64, Uuid, Option<Uuid>, i32, i64);

impl PostgresStore {
    /// Supersedes the deliveries that give way after these attempts, whose keys are locked. Returns their ids.
    pub(super) async fn supersede(
        &self,
        connection: &mut PgConnection,
        ended: &[MergeableEnd],
    ) -> Result<Vec<Uuid>, sqlx::Error> {
        let in_state = |state| -> Vec<Uuid> {
            ended.iter().filter(|it| it.state == state).map(|it| it.id).collect()
        };
        let mut superseded = Vec::new();
        let queued = in_state(State::Queued);
        if !queued.is_empty() {
            let pairs: Vec<JoinRow> =
                sqlx::query_as(NEWER).bind(queued).fetch_all(&mut *connection).await?;
            for pair in pairs.into_iter().filter(|pair| self.fits(pair)) {
                join(connection, &pair).await?;
                superseded.push(pair.0);
            }
        }
        let done = in_state(State::Done);
        if !done.is_empty() {
            let mut pairs: Vec<JoinRow> =
                sqlx::query_as(OLDER).bind(done).fetch_all(&mut *connection).await?;
            superseded.extend(pairs.iter().map(|pair| pair.0));
            while !pairs.is_empty() {
                let pair = pairs.remove(0);
                let group = join(connection, &pair).await?;
                pairs
                    .iter_mut()
                    .filter(|other| other.4 == pair.4)
                    .for_each(|it| it.5 = Some(group));
            }
        }
        Ok(superseded)
    }

    /// Returns whether a newer delivery can carry an older one.
    fn fits(&self, (_, _, merged, bytes, _, _, newer_merged, newer_bytes): &JoinRow) -> bool {
        let bytes = bytes.saturating_add(*newer_bytes).unsigned_abs();
        merged + newer_merged < MAX_MERGED.cast_signed() && bytes <= self.body_limit
    }
}

/// Supersedes an older delivery by a newer one, and returns their group.
async fn join(connection: &mut PgConnection, pair: &JoinRow) -> Result<Uuid, sqlx::Error> {
    let (older, older_group, _, _, newer, newer_group, _, _) = *pair;
    let older_group = older_group.unwrap_or(older);
    let group = newer_group.unwrap_or(older_group);
    if group != older_group {
        sqlx::query(MOVE).bind(older_group).bind(group).execute(&mut *connection).await?;
    }
    sqlx::query(JOIN).bind(older).bind(newer).bind(group).execute(connection).await?;
    Ok(group)
}
