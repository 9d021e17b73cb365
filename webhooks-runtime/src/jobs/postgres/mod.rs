//! Stores deliveries in a PostgreSQL database, which any number of replicas share.
//!
//! - `address` parses the URL, `pool` provides connections, `pooler` checks poolers in front of the server,
//!   and `errors` classifies what the server reports.
//! - `schema` checks the tables, and `migration` creates and migrates them.
//! - `store` opens the store. `accept` accepts deliveries, with `insert`; `step` completes and claims them, with `complete`,
//!   `peek`, `claim` and `ledger`; `replicas` tracks leases; `queries`, `retry`, `cancel` and `retention` serve the page
//!   and the command line; `values` stores small values, and `logs` the log lines of attempts.
//! - Deliveries with keys: `keys` locks and orders them, `arrivals` and `place` put new ones into their queues, `merge`
//!   merges what a claimed one carries, and `supersede` follows the ends of attempts.
//! - `backlog` and `size` estimate how much is stored, and `notify` wakes the other replicas.
//!
//! Only the server's clock counts. The SQL stays within what other servers that speak PostgreSQL's protocol
//! understand, as far as possible.

mod accept;
mod address;
mod arrivals;
mod backlog;
mod cancel;
mod claim;
mod complete;
mod convert;
mod errors;
mod insert;
mod keys;
mod ledger;
mod logs;
mod merge;
mod migration;
mod notify;
mod peek;
mod place;
mod pool;
mod pooler;
mod queries;
mod replicas;
mod retention;
mod retry;
mod schema;
mod size;
mod step;
mod store;
mod supersede;
#[cfg(test)]
mod tests;
mod values;

use std::time::{Duration, SystemTime};

use futures_util::future::BoxFuture;
use uuid::Uuid;

pub(super) use self::address::{check as check_url, name_of};
pub(crate) use self::store::PostgresStore;
use super::attempt_log::{AttemptLogLine, LogPosition, RunningLog};
use super::counts::StateCount;
use super::delivery::{
    Accepted, ClaimRequest, ClaimResponse, Completion, HeartbeatResponse, NewDelivery,
    RecoveryReport, ReplicaId, UnresponsiveReplicas,
};
use super::inspect::{
    CancelReport, CancelTarget, DeliveryDetail, DeliveryFilter, DeliverySummary, Purge, RetryTarget,
};
use super::state::State;
use super::store::{RecoveryPolicy, Retention, Store, StoreFuture};

/// How long closing the connections may take.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

impl Store for PostgresStore {
    fn accept(&self, batch: Vec<NewDelivery>) -> StoreFuture<'_, Vec<Accepted>> {
        Box::pin(async move { self.accept_batch(&batch).await })
    }

    fn register(&self, replica: ReplicaId, lease: Duration) -> StoreFuture<'_, ()> {
        Box::pin(self.register_replica(replica, lease))
    }

    fn heartbeat(&self, replica: ReplicaId, lease: Duration) -> StoreFuture<'_, HeartbeatResponse> {
        Box::pin(self.renew_lease(replica, lease))
    }

    fn deregister(&self, replica: ReplicaId) -> StoreFuture<'_, ()> {
        Box::pin(self.deregister_replica(replica))
    }

    fn complete_and_claim<'a>(
        &'a self,
        replica: ReplicaId,
        completions: &'a [Completion],
        requests: &'a [ClaimRequest],
    ) -> StoreFuture<'a, ClaimResponse> {
        Box::pin(self.run_step(replica, completions, requests))
    }

    fn write_logs<'a>(&'a self, logs: &'a [RunningLog]) -> StoreFuture<'a, Vec<(Uuid, i64)>> {
        Box::pin(self.write_running_logs(logs))
    }

    fn recover_lost<'a>(
        &'a self,
        replica: ReplicaId,
        decide: RecoveryPolicy<'a>,
    ) -> StoreFuture<'a, RecoveryReport> {
        Box::pin(self.recover_lost_deliveries(replica, decide))
    }

    fn unresponsive(
        &self,
        replica: ReplicaId,
        lease_left: Duration,
    ) -> StoreFuture<'_, Option<UnresponsiveReplicas>> {
        Box::pin(self.find_unresponsive(replica, lease_left))
    }

    fn purge_expired(&self, retention: Retention) -> StoreFuture<'_, u64> {
        Box::pin(async move {
            let mut deleted = self.delete_ended(State::Done, retention.done).await?;
            deleted += self.delete_ended(State::Cancelled, retention.done).await?;
            if let Some(dead) = retention.dead {
                deleted += self.delete_ended(State::Dead, dead).await?;
            }
            // As seldom as the measurement when many are queued, which takes longer.
            if self.size.measure(&self.pool).await? {
                self.repair_keys().await?;
            }
            Ok(deleted)
        })
    }

    fn oldest_due(&self) -> StoreFuture<'_, Option<Duration>> {
        Box::pin(self.oldest_due_wait())
    }

    fn counts(&self) -> StoreFuture<'_, Vec<StateCount>> {
        Box::pin(self.count_states())
    }

    fn orphaned_endpoints(&self) -> StoreFuture<'_, Vec<String>> {
        Box::pin(self.find_orphaned_endpoints())
    }

    fn list<'a>(&'a self, filter: &'a DeliveryFilter) -> StoreFuture<'a, Vec<DeliverySummary>> {
        Box::pin(self.list_deliveries(filter))
    }

    fn show(&self, id: Uuid) -> StoreFuture<'_, Option<DeliveryDetail>> {
        Box::pin(self.show_delivery(id))
    }

    fn summary_of(&self, id: Uuid) -> StoreFuture<'_, Option<DeliverySummary>> {
        Box::pin(self.find_summary(id))
    }

    fn logs(
        &self,
        id: Uuid,
        after: Option<LogPosition>,
        limit: u32,
    ) -> StoreFuture<'_, Vec<AttemptLogLine>> {
        Box::pin(self.read_logs(id, after, limit))
    }

    fn retry(&self, target: RetryTarget) -> StoreFuture<'_, u64> {
        Box::pin(self.retry_dead(target))
    }

    fn rerun(&self, id: Uuid) -> StoreFuture<'_, bool> {
        Box::pin(self.rerun_ended(id))
    }

    fn cancel<'a>(&'a self, target: &'a CancelTarget) -> StoreFuture<'a, CancelReport> {
        Box::pin(self.cancel_target(target))
    }

    fn pause<'a>(&'a self, path: &'a str, pause: bool) -> StoreFuture<'a, bool> {
        Box::pin(self.pause_endpoint(path, pause))
    }

    fn paused(&self) -> StoreFuture<'_, Vec<(String, SystemTime)>> {
        Box::pin(self.paused_endpoints())
    }

    fn find(&self, first: Uuid, last: Uuid, limit: u32) -> StoreFuture<'_, Vec<Uuid>> {
        Box::pin(self.find_ids(first, last, limit))
    }

    fn purge<'a>(&'a self, purge: &'a Purge) -> StoreFuture<'a, u64> {
        Box::pin(self.purge_matching(purge))
    }

    fn notified(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.notified.notified())
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            self.stop_tasks();
            let closing = async { tokio::join!(self.pool.close(), self.heartbeats.close()) };
            if tokio::time::timeout(CLOSE_TIMEOUT, closing).await.is_err() {
                tracing::debug!("the connections to the database server did not close in time");
            }
        })
    }

    fn is_shared(&self) -> bool {
        true
    }

    fn is_runtime_bound(&self) -> bool {
        true
    }

    fn max_concurrent_batches(&self) -> usize {
        self.max_concurrent_batches
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn kind(&self) -> &'static str {
        "postgres"
    }

    #[cfg(test)]
    fn advance_clock(&self, time: Duration) -> StoreFuture<'_, ()> {
        let time = convert::milliseconds(time);
        Box::pin(async move {
            for statement in ADVANCE_CLOCK {
                pool::with_retries(&self.pool, |mut connection| async move {
                    let advanced =
                        sqlx::query(statement).bind(time).execute(&mut *connection).await;
                    (connection, advanced)
                })
                .await?;
            }
            Ok(())
        })
    }
}

#[cfg(test)]
const ADVANCE_CLOCK: [&str; 7] = [
    "UPDATE webhooks_runtime.deliveries SET
        accepted_at = accepted_at - $1 * interval '1 millisecond',
        run_at = run_at - $1 * interval '1 millisecond',
        started_at = started_at - $1 * interval '1 millisecond',
        ended_at = ended_at - $1 * interval '1 millisecond',
        debounce_since = debounce_since - $1 * interval '1 millisecond'",
    "UPDATE webhooks_runtime.keys SET run_at = run_at - $1 * interval '1 millisecond'",
    "UPDATE webhooks_runtime.endpoints SET paused_at = paused_at - $1 * interval '1 millisecond'",
    "UPDATE webhooks_runtime.attempts SET
        started_at = started_at - $1 * interval '1 millisecond',
        ended_at = ended_at - $1 * interval '1 millisecond'",
    "UPDATE webhooks_runtime.owners SET lease_until = lease_until - $1 * interval '1 millisecond'",
    "UPDATE webhooks_runtime.shared_values
        SET expires_at = expires_at - $1 * interval '1 millisecond'",
    "UPDATE webhooks_runtime.shared_leases
        SET lease_until = lease_until - $1 * interval '1 millisecond'",
];
