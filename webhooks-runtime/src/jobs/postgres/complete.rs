//! Writes the results of attempts.

use sqlx::PgConnection;
use uuid::Uuid;

use super::super::delivery::{Completion, ReplicaId};
use super::super::state::Transition;
use super::convert;

/// Builds the statement that writes completions whose fencing tokens are current. `$owned` is the condition
/// on the delivery's replica, with the completing replica as `$5`.
///
/// The attempt of a released delivery does not count, and the delivery keeps its place in the queue. Nor does one that
/// could not be decided, after which the delivery waits.
macro_rules! complete {
    ($owned:literal) => {
        concat!(
            "WITH completion AS (
                SELECT * FROM UNNEST($1::uuid[], $2::bigint[], $3::smallint[], $4::bigint[], $6::text[], $7::text[], $8::bool[], $9::bool[])
                    AS completion (id, fence, state, after, error, note, released, undecided)
            ), me AS (
                SELECT id FROM webhooks_runtime.owners WHERE id = $5 FOR KEY SHARE
            ), completed AS (
                UPDATE webhooks_runtime.deliveries AS it
                SET state = completion.state,
                    attempt = it.attempt - (completion.released OR completion.undecided)::int,
                    releases = it.releases + completion.released::int,
                    waits = CASE WHEN completion.released THEN it.waits
                        WHEN completion.undecided THEN it.waits + 1 ELSE 0 END,
                    owner = NULL,
                    run_at = CASE WHEN completion.released THEN it.run_at
                        ELSE statement_timestamp() + completion.after * interval '1 millisecond' END,
                    ended_at = CASE WHEN completion.state >= 2 THEN statement_timestamp() END,
                    error = coalesce(completion.error, it.error),
                    note = completion.note
                FROM completion
                WHERE it.id = completion.id AND it.fence = completion.fence AND it.state = 1 AND ",
            $owned,
            "   RETURNING it.id, it.fence, it.attempt, it.started_at, completion.error AS why
            ), failed AS (
                INSERT INTO webhooks_runtime.attempts
                    (delivery, fence, attempt, started_at, ended_at, error)
                SELECT id, fence, attempt, started_at, statement_timestamp(), why FROM completed
                WHERE why IS NOT NULL
            )
            SELECT id FROM completed"
        )
    };
}

/// By the replica that ran the attempts, if it is still registered. Locks the replica's row first, as
/// recovery does.
const BY_REPLICA: &str = complete!("it.owner = $5 AND EXISTS (SELECT 1 FROM me)");

/// By another replica, which recovers them.
const BY_RECOVERER: &str = complete!("it.owner IS DISTINCT FROM $5");

/// Writes the results of a replica's attempts, and returns the ids that had a current token.
pub(super) async fn by_replica(
    connection: &mut PgConnection,
    replica: ReplicaId,
    completions: &[Completion],
) -> Result<Vec<Uuid>, sqlx::Error> {
    complete(connection, BY_REPLICA, replica, completions).await
}

/// Completes the lost deliveries of other replicas, and returns the ids that had a current token.
pub(super) async fn by_recoverer(
    connection: &mut PgConnection,
    replica: ReplicaId,
    completions: &[Completion],
) -> Result<Vec<Uuid>, sqlx::Error> {
    complete(connection, BY_RECOVERER, replica, completions).await
}

async fn complete(
    connection: &mut PgConnection,
    statement: &'static str,
    replica: ReplicaId,
    completions: &[Completion],
) -> Result<Vec<Uuid>, sqlx::Error> {
    let ids: Vec<Uuid> = completions.iter().map(|it| it.id).collect();
    let fencing_tokens: Vec<i64> = completions.iter().map(|it| it.fencing_token).collect();
    let states: Vec<i16> = completions.iter().map(|it| it.next.state().code()).collect();
    let after: Vec<i64> = completions
        .iter()
        .map(|it| match it.next {
            Transition::Retry { after }
            | Transition::Wait { after }
            | Transition::Snooze { after } => convert::milliseconds(after),
            Transition::Done | Transition::Dead | Transition::Released | Transition::Cancelled => 0,
        })
        .collect();
    let released: Vec<bool> =
        completions.iter().map(|it| it.next == Transition::Released).collect();
    let undecided: Vec<bool> =
        completions.iter().map(|it| matches!(it.next, Transition::Wait { .. })).collect();
    sqlx::query_scalar(statement)
        .bind(&ids)
        .bind(&fencing_tokens)
        .bind(&states)
        .bind(&after)
        .bind(replica)
        .bind(convert::texts(completions.iter().map(|it| &it.error)))
        .bind(convert::texts(completions.iter().map(|it| &it.note)))
        .bind(&released)
        .bind(&undecided)
        .fetch_all(connection)
        .await
}
