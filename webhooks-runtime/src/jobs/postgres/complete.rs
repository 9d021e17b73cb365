//! Writes the results of attempts.

use std::collections::{BTreeSet, HashMap, HashSet};

use sqlx::PgConnection;
use uuid::Uuid;

use super::super::delivery::{Completion, ReplicaId};
use super::super::state::{CANCELLED, State, Transition};
use super::convert;
use super::keys::{self, KeyId};
use super::store::PostgresStore;
use super::supersede::MergeableEnd;
use crate::endpoint::background::Policy;

/// Builds the statement that writes completions whose fencing tokens are current. `$owned` is the condition
/// on the delivery's replica, with the completing replica as `$3`. `$cancelled` are the states instead of which a
/// delivery that a person cancelled is cancelled.
///
/// Of an attempt that does not count, `released`, `undecided` or `snoozed` is true, and `counted` is not. A released
/// delivery keeps its place in the queue. A delivery that a person cancelled is not queued again. One that was stopped for a newer one is,
/// and gives way to that one afterwards.
macro_rules! complete {
    ($owned:literal, $cancelled:literal) => {
        concat!(
            "WITH completion AS (
                SELECT * FROM UNNEST($1::uuid[], $2::bigint[], $4::smallint[], $5::bigint[], $6::text[], $7::text[],
                        $8::bool[], $9::bool[], $10::bool[], $12::bool[])
                    AS completion (id, fence, state, after, error, note, released, undecided, snoozed, counted)
            ), me AS (
                SELECT id FROM webhooks_runtime.owners WHERE id = $3 FOR KEY SHARE
            ), completed AS (
                UPDATE webhooks_runtime.deliveries AS it
                SET state = CASE
                        WHEN it.cancel_requested = 1 AND completion.state IN (",
            $cancelled,
            ") THEN 5
                        WHEN it.cancel_requested <> 1 AND completion.state = 5 THEN 0
                        ELSE completion.state END,
                    attempt = it.attempt - (completion.released OR completion.undecided
                        OR completion.snoozed AND NOT completion.counted
                        OR it.cancel_requested <> 1 AND completion.state = 5)::int,
                    releases = it.releases + completion.released::int,
                    waits = CASE WHEN completion.released THEN it.waits
                        WHEN completion.undecided THEN it.waits + 1 ELSE 0 END,
                    snoozes = CASE WHEN completion.released OR completion.undecided THEN it.snoozes
                        WHEN completion.snoozed THEN it.snoozes + 1 ELSE 0 END,
                    owner = NULL, holds_key = false, cancel_requested = 0,
                    run_at = coalesce(
                        statement_timestamp() + completion.after * interval '1 millisecond', it.run_at
                    ),
                    ended_at = CASE
                        WHEN it.cancel_requested = 1 AND completion.state IN (",
            $cancelled,
            ") THEN statement_timestamp()
                        WHEN it.cancel_requested <> 1 AND completion.state = 5 THEN NULL
                        WHEN completion.state >= 2 THEN statement_timestamp() END,
                    error = coalesce(completion.error, it.error),
                    note = CASE WHEN it.cancel_requested = 1 AND completion.state IN (",
            $cancelled,
            ") THEN $11
                        WHEN it.cancel_requested = 1 AND completion.state = 5
                            THEN coalesce(completion.note, $11)
                        ELSE completion.note END
                FROM completion
                WHERE it.id = completion.id AND it.fence = completion.fence AND it.state = 1 AND ",
            $owned,
            "   RETURNING it.id, it.fence, it.attempt, it.started_at, it.state, it.endpoint, it.merge_scope,
                    completion.error AS why
            ), failed AS (
                INSERT INTO webhooks_runtime.attempts
                    (delivery, fence, attempt, started_at, ended_at, error)
                SELECT id, fence, attempt, started_at, statement_timestamp(), why FROM completed
                WHERE why IS NOT NULL
            )
            SELECT id, state, endpoint, merge_scope FROM completed"
        )
    };
}

/// By the replica that ran the attempts, if it is still registered. Locks the replica's row first, as
/// recovery does.
const BY_REPLICA: &str = complete!("it.owner = $3 AND EXISTS (SELECT 1 FROM me)", "0");

/// By another replica, which recovers them. Nothing is known of their attempts, so that one that was the last is no
/// failure when it was to be stopped.
const BY_RECOVERER: &str = complete!("it.owner IS DISTINCT FROM $3", "0, 3");

/// Locks the row of a replica before those of keys, because recovery locks them in this order.
const LOCK_REPLICA: &str = "SELECT id FROM webhooks_runtime.owners WHERE id = $1 FOR KEY SHARE";

/// What completions changed.
#[derive(Debug, Default)]
pub(super) struct CompletedBatch {
    /// The new states of the deliveries whose completions had current tokens.
    pub(super) states: HashMap<Uuid, State>,
    /// How many deliveries are no longer queued or running.
    pub(super) ended: usize,
}

impl PostgresStore {
    /// Writes the results of a replica's attempts. Deliveries with keys are only expected if `have_keys`.
    pub(super) async fn complete_own(
        &self,
        connection: &mut PgConnection,
        replica: ReplicaId,
        completions: &[Completion],
        have_keys: bool,
    ) -> Result<CompletedBatch, sqlx::Error> {
        let mut keys = BTreeSet::new();
        if have_keys {
            sqlx::query(LOCK_REPLICA).bind(replica).execute(&mut *connection).await?;
            keys = keys::lock_of(connection, &ids(completions)).await?;
        }
        self.complete(connection, BY_REPLICA, replica, completions, &keys).await
    }

    /// Completes the lost deliveries of other replicas, whose rows are locked.
    pub(super) async fn complete_lost(
        &self,
        connection: &mut PgConnection,
        replica: ReplicaId,
        completions: &[Completion],
    ) -> Result<CompletedBatch, sqlx::Error> {
        let keys = keys::lock_of(connection, &ids(completions)).await?;
        self.complete(connection, BY_RECOVERER, replica, completions, &keys).await
    }

    async fn complete(
        &self,
        connection: &mut PgConnection,
        statement: &'static str,
        replica: ReplicaId,
        completions: &[Completion],
        keys: &BTreeSet<KeyId>,
    ) -> Result<CompletedBatch, sqlx::Error> {
        // The rows are locked in this order. That of other statements is the same.
        let mut completions: Vec<&Completion> = completions.iter().collect();
        completions.sort_by_key(|it| it.id);
        let fencing_tokens: Vec<i64> = completions.iter().map(|it| it.fencing_token).collect();
        let states: Vec<i16> = completions.iter().map(|it| it.next.state().code()).collect();
        let after: Vec<Option<i64>> = completions.iter().map(|it| due_after(it.next)).collect();
        let are = |is: fn(Transition) -> bool| -> Vec<bool> {
            completions.iter().map(|it| is(it.next)).collect()
        };
        let rows: Vec<(Uuid, i16, i64, Option<i64>)> = sqlx::query_as(statement)
            .bind(completions.iter().map(|it| it.id).collect::<Vec<_>>())
            .bind(fencing_tokens)
            .bind(replica)
            .bind(states)
            .bind(after)
            .bind(convert::texts(completions.iter().map(|it| &it.error)))
            .bind(convert::texts(completions.iter().map(|it| &it.note)))
            .bind(are(|next| next == Transition::Released))
            .bind(are(|next| matches!(next, Transition::Wait { .. })))
            .bind(are(|next| {
                matches!(next, Transition::Snooze { .. } | Transition::CountedSnooze { .. })
            }))
            .bind(CANCELLED)
            .bind(are(|next| matches!(next, Transition::CountedSnooze { .. })))
            .fetch_all(&mut *connection)
            .await?;
        let skipped: HashSet<Uuid> = completions
            .iter()
            .filter(|it| it.next == Transition::Skipped)
            .map(|it| it.id)
            .collect();
        let (mut completed, mut mergeable) = (CompletedBatch::default(), Vec::new());
        for (id, state, endpoint, scope) in rows {
            let state = convert::state(state)?;
            completed.states.insert(id, state);
            completed.ended += usize::from(state.is_final());
            let index = self.index_of(endpoint);
            let policy = index.map(|index| &self.endpoints[index].policy);
            if scope.is_some()
                && policy.is_some_and(Policy::supersedes)
                && !(state == State::Done && skipped.contains(&id))
            {
                mergeable.push(MergeableEnd { id, state });
            }
        }
        for id in self.supersede(connection, &mergeable).await? {
            completed.ended += 1;
            if let Some(state) = completed.states.get_mut(&id) {
                *state = State::Superseded;
            }
        }
        keys::refresh(connection, keys).await?;
        Ok(completed)
    }
}

fn ids(completions: &[Completion]) -> Vec<Uuid> {
    completions.iter().map(|it| it.id).collect()
}

/// Returns after how many milliseconds a delivery is due again; `None` if it keeps its due time.
fn due_after(next: Transition) -> Option<i64> {
    match next {
        Transition::Retry { after }
        | Transition::Wait { after }
        | Transition::Snooze { after }
        | Transition::CountedSnooze { after } => Some(convert::milliseconds(after)),
        Transition::Done
        | Transition::Skipped
        | Transition::Dead
        | Transition::Released
        | Transition::Cancelled => None,
    }
}
