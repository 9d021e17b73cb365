//! Sends running deliveries where they go next.

use sqlx::PgConnection;
use uuid::Uuid;

use super::super::state::Next;
use super::super::store::{Owner, Settlement};
use super::rows;

/// Whatever changed a delivery since it was claimed, a claim's number is on it once only. `$who` says
/// whose settlements count, and `$5` is what it says that with.
///
/// The attempt of a released delivery isn't counted, and the delivery keeps its place among the others.
macro_rules! settle {
    ($who:literal) => {
        concat!(
            "WITH said AS (
                SELECT * FROM UNNEST($1::uuid[], $2::bigint[], $3::smallint[], $4::bigint[], $6::text[], $7::bool[])
                    AS said (id, fence, state, after, error, released)
            ), me AS (
                SELECT id FROM webhooks_runtime.owners WHERE id = $5 FOR KEY SHARE
            ), settled AS (
                UPDATE webhooks_runtime.deliveries AS it
                SET state = said.state,
                    attempt = it.attempt - said.released::int,
                    releases = it.releases + said.released::int,
                    owner = NULL,
                    run_at = CASE WHEN said.released THEN it.run_at
                        ELSE statement_timestamp() + said.after * interval '1 millisecond' END,
                    ended_at = CASE WHEN said.state >= 2 THEN statement_timestamp() END,
                    error = coalesce(said.error, it.error)
                FROM said
                WHERE it.id = said.id AND it.fence = said.fence AND it.state = 1 AND ",
            $who,
            "   RETURNING it.id, it.fence, it.attempt, it.started_at, said.error AS why
            ), failed AS (
                INSERT INTO webhooks_runtime.attempts
                    (delivery, fence, attempt, started_at, ended_at, error)
                SELECT id, fence, attempt, started_at, statement_timestamp(), why FROM settled
                WHERE why IS NOT NULL
            )
            SELECT id FROM settled"
        )
    };
}

/// By an owner that is there. A reaper holds the owner's row first, and so does this.
const BY_OWNER: &str = settle!("it.owner = $5 AND EXISTS (SELECT 1 FROM me)");

/// By whoever reaps it.
const BY_REAPER: &str = settle!("it.owner IS DISTINCT FROM $5");

/// Settles what an owner has run. Gives what counted.
pub(super) async fn by_owner(
    connection: &mut PgConnection,
    owner: Owner,
    settled: &[Settlement],
) -> Result<Vec<Uuid>, sqlx::Error> {
    settle(connection, BY_OWNER, owner, settled).await
}

/// Settles what others have lost. Gives what counted.
pub(super) async fn by_reaper(
    connection: &mut PgConnection,
    me: Owner,
    settled: &[Settlement],
) -> Result<Vec<Uuid>, sqlx::Error> {
    settle(connection, BY_REAPER, me, settled).await
}

async fn settle(
    connection: &mut PgConnection,
    statement: &'static str,
    owner: Owner,
    settled: &[Settlement],
) -> Result<Vec<Uuid>, sqlx::Error> {
    let ids: Vec<Uuid> = settled.iter().map(|it| it.id).collect();
    let fences: Vec<i64> = settled.iter().map(|it| it.fence).collect();
    let states: Vec<i16> = settled.iter().map(|it| it.next.state().code()).collect();
    let after: Vec<i64> = settled
        .iter()
        .map(|it| match it.next {
            Next::Retry { after } => rows::milliseconds(after),
            Next::Done | Next::Dead | Next::Released => 0,
        })
        .collect();
    // PostgreSQL's texts have no NUL.
    let errors: Vec<Option<String>> =
        settled.iter().map(|it| Some(it.error.as_ref()?.replace('\0', "\u{fffd}"))).collect();
    let released: Vec<bool> = settled.iter().map(|it| it.next == Next::Released).collect();
    sqlx::query_scalar(statement)
        .bind(&ids)
        .bind(&fences)
        .bind(&states)
        .bind(&after)
        .bind(owner)
        .bind(&errors)
        .bind(&released)
        .fetch_all(connection)
        .await
}
