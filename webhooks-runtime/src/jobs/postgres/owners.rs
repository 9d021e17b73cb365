//! The owners of running deliveries: what they do next, and what becomes of those that are lost.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::Ordering;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use sqlx::{Connection, PgConnection};
use uuid::Uuid;

use super::super::error::StoreError;
use super::super::state::{End, Next};
use super::super::store::{Advanced, Claimed, Decide, Owner, Settlement, Silent, Want};
use super::connect::tried;
use super::{PostgresStore, rows, settle};

const ENLIST: &str = "
    INSERT INTO webhooks_runtime.owners (id, lease_until)
    VALUES ($1, clock_timestamp() + $2 * interval '1 millisecond')
    ON CONFLICT (id) DO UPDATE SET lease_until = excluded.lease_until";

/// Whether it is still an owner, and how many there are.
const BEAT: &str = "
    WITH renewed AS (
        UPDATE webhooks_runtime.owners
        SET lease_until = clock_timestamp() + $2 * interval '1 millisecond' WHERE id = $1
        RETURNING id
    )
    SELECT EXISTS (SELECT 1 FROM renewed), 1 + (
        SELECT count(*) FROM webhooks_runtime.owners
        WHERE id <> $1 AND lease_until >= clock_timestamp()
    )";

const RETIRE: &str = "DELETE FROM webhooks_runtime.owners WHERE id = ANY($1::uuid[])";

/// Owners that another reaper has, or that are just heard of, are left alone.
const SILENT: &str = "
    SELECT id FROM webhooks_runtime.owners
    WHERE id <> $1 AND lease_until < statement_timestamp()
    ORDER BY id FOR UPDATE SKIP LOCKED";

/// What silent owners have, and those that are no more. It is only a look: the claims' numbers tell
/// later whether they are still the same.
const LOST: &str = "
    SELECT it.id, it.fence, it.endpoint, it.attempt FROM webhooks_runtime.deliveries AS it
    WHERE it.state = 1 AND (
        it.owner = ANY($1::uuid[])
        OR NOT EXISTS (SELECT 1 FROM webhooks_runtime.owners AS there WHERE there.id = it.owner)
    )
    ORDER BY it.id";

/// How many deliveries of known endpoints other owners run that were not heard of lately, and the
/// milliseconds until the last of their leases is over.
const SILENT_HAVE: &str = "
    SELECT count(*), coalesce(
        max(extract(epoch FROM owner.lease_until - statement_timestamp())) * 1000, 0
    )::float8
    FROM webhooks_runtime.owners AS owner
    JOIN webhooks_runtime.deliveries AS running
        ON running.owner = owner.id AND running.state = 1 AND running.endpoint = ANY($2::bigint[])
    WHERE owner.id <> $1 AND owner.lease_until >= statement_timestamp()
        AND owner.lease_until < statement_timestamp() + $3 * interval '1 millisecond'";

/// What owners of this process have, as they know it. An answer of the server can be lost, and what was
/// claimed with it would be run by nobody for as long as the owner lives.
#[derive(Default)]
pub(super) struct Holdings(Mutex<HashMap<Owner, Holding>>);

#[derive(Clone, Default)]
struct Holding {
    has: HashSet<Uuid>,
    /// Whether an answer was lost since it was last compared with the tables.
    in_doubt: bool,
}

impl Holdings {
    /// Begins a step, which is in doubt until it ends, and gives what the owner has, if that is already.
    pub(super) fn begin(&self, owner: Owner) -> Option<HashSet<Uuid>> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let holding = all.entry(owner).or_default();
        let doubted = holding.in_doubt.then(|| holding.has.clone());
        holding.in_doubt = true;
        doubted
    }

    fn end(&self, owner: Owner, settled: &[Settlement], claimed: &[Claimed]) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let holding = all.entry(owner).or_default();
        holding.in_doubt = false;
        for settlement in settled {
            holding.has.remove(&settlement.id);
        }
        holding.has.extend(claimed.iter().map(|claimed| claimed.id));
    }

    fn forget(&self, owner: Owner) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&owner);
    }
}

impl PostgresStore {
    pub(super) async fn begin_owner(
        &self,
        owner: Owner,
        lease: Duration,
    ) -> Result<(), StoreError> {
        let lease = rows::milliseconds(lease);
        tried(&self.pool, |mut lent| async move {
            let enlisted = sqlx::query(ENLIST).bind(owner).bind(lease).execute(&mut *lent).await;
            (lent, enlisted)
        })
        .await
        .map(|_| ())
    }

    pub(super) async fn renew(&self, owner: Owner, lease: Duration) -> Result<bool, StoreError> {
        let lease = rows::milliseconds(lease);
        let renewed = tried(&self.heartbeats, |mut lent| async move {
            let renewed = sqlx::query_as(BEAT).bind(owner).bind(lease).fetch_one(&mut *lent).await;
            (lent, renewed)
        })
        .await?;
        let (is_renewed, owners): (bool, i64) = renewed;
        self.owners.store(u32::try_from(owners).unwrap_or(1), Ordering::Relaxed);
        Ok(is_renewed)
    }

    pub(super) async fn silent_owners(
        &self,
        me: Owner,
        lease_left: Duration,
    ) -> Result<Option<Silent>, StoreError> {
        let lease_left = rows::milliseconds(lease_left);
        let (deliveries, left): (i64, f64) = tried(&self.pool, |mut lent| async move {
            let silent = sqlx::query_as(SILENT_HAVE)
                .bind(me)
                .bind(&self.numbers)
                .bind(lease_left)
                .fetch_one(&mut *lent)
                .await;
            (lent, silent)
        })
        .await?;
        let deliveries = deliveries.unsigned_abs();
        Ok((deliveries > 0).then(|| Silent { deliveries, lease_left: rows::until(left) }))
    }

    pub(super) async fn end_owner(&self, owner: Owner) -> Result<(), StoreError> {
        self.holdings.forget(owner);
        tried(&self.pool, |mut lent| async move {
            let retired = sqlx::query(RETIRE).bind([owner]).execute(&mut *lent).await;
            (lent, retired)
        })
        .await
        .map(|_| ())
    }

    pub(super) async fn step(
        &self,
        owner: Owner,
        settled: &[Settlement],
        wants: &[Want],
    ) -> Result<Advanced, StoreError> {
        let changing = self.backlog.changing().await;
        let doubted = &self.holdings.begin(owner);
        let advanced = tried(&self.pool, |mut lent| async move {
            let advanced = self.step_in(&mut lent, owner, settled, wants, doubted.as_ref()).await;
            (lent, advanced)
        })
        .await?;
        self.holdings.end(owner, settled, &advanced.claimed);

        let ended = |it: &&Settlement| {
            matches!(it.next, Next::Done | Next::Dead) && !advanced.refused.contains(&it.id)
        };
        let ended = settled.iter().filter(ended).count() as i64;
        self.backlog.change(-ended);
        drop(changing);
        // Others may run what this one leaves.
        let leaves = wants.is_empty() || settled.iter().any(|it| it.next == Next::Released);
        if leaves && !settled.is_empty() {
            self.bell.ring();
        }
        Ok(advanced)
    }

    pub(super) async fn step_in(
        &self,
        connection: &mut PgConnection,
        owner: Owner,
        settled: &[Settlement],
        wants: &[Want],
        doubted: Option<&HashSet<Uuid>>,
    ) -> Result<Advanced, sqlx::Error> {
        let mut transaction = connection.begin().await?;
        let owners = self.owners.load(Ordering::Relaxed);
        let mut advanced = Advanced { owners, ..Advanced::default() };
        if !settled.is_empty() {
            let counted = settle::by_owner(&mut transaction, owner, settled).await?;
            let counted: HashSet<Uuid> = counted.into_iter().collect();
            let ids = settled.iter().map(|it| it.id);
            advanced.refused = ids.filter(|id| !counted.contains(id)).collect();
        }
        if let Some(known) = doubted {
            let has = self.has(&mut transaction, owner).await?;
            advanced.claimed = has.into_iter().filter(|it| !known.contains(&it.id)).collect();
        }
        let (is_due, next_due) = self.look(&mut transaction, wants).await?;
        advanced.next_due = next_due.map(rows::until);
        // What it has without having known it takes the room of what it could run.
        if is_due && advanced.claimed.is_empty() {
            advanced.claimed = self.claim(&mut transaction, owner, wants).await?;
        }
        transaction.commit().await?;
        Ok(advanced)
    }

    pub(super) async fn take_lost(&self, me: Owner, decide: Decide<'_>) -> Result<u64, StoreError> {
        let taken = tried(&self.pool, |mut lent| async move {
            let taken = self.take_lost_in(&mut lent, me, decide).await;
            (lent, taken)
        })
        .await?;
        if taken > 0 {
            self.bell.ring();
        }
        Ok(taken)
    }

    async fn take_lost_in(
        &self,
        connection: &mut PgConnection,
        me: Owner,
        decide: Decide<'_>,
    ) -> Result<u64, sqlx::Error> {
        let mut transaction = connection.begin().await?;
        let silent: Vec<Uuid> =
            sqlx::query_scalar(SILENT).bind(me).fetch_all(&mut *transaction).await?;
        let lost: Vec<(Uuid, i64, i64, i32)> =
            sqlx::query_as(LOST).bind(&silent).fetch_all(&mut *transaction).await?;
        let settled: Vec<Settlement> = lost
            .into_iter()
            .map(|(id, fence, endpoint, attempt)| Settlement {
                id,
                fence,
                next: decide(self.place(endpoint), attempt.unsigned_abs()),
                error: End::Lost.error().map(str::to_owned),
            })
            .collect();
        let taken = if settled.is_empty() {
            0
        } else {
            settle::by_reaper(&mut transaction, me, &settled).await?.len() as u64
        };
        if !silent.is_empty() {
            sqlx::query(RETIRE).bind(&silent).execute(&mut *transaction).await?;
        }
        transaction.commit().await?;
        Ok(taken)
    }
}
