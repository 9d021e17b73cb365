//! Completes and claims deliveries for a replica, in one transaction.

use std::collections::HashSet;
use std::sync::atomic::Ordering;

use sqlx::{Connection, PgConnection};
use uuid::Uuid;

use super::super::delivery::{ClaimRequest, ClaimResponse, Completion, ReplicaId};
use super::super::error::StoreError;
use super::super::state::Transition;
use super::pool::with_retries;
use super::store::PostgresStore;
use super::{complete, convert};

impl PostgresStore {
    pub(super) async fn run_step(
        &self,
        replica: ReplicaId,
        completions: &[Completion],
        requests: &[ClaimRequest],
    ) -> Result<ClaimResponse, StoreError> {
        let in_doubt = &self.ledger.begin(replica);
        let response = with_retries(&self.pool, |mut connection| async move {
            let response = self
                .step_on(&mut connection, replica, completions, requests, in_doubt.as_ref())
                .await;
            (connection, response)
        })
        .await?;
        self.ledger.end(replica, completions, &response.claimed);

        let ended = |it: &&Completion| {
            matches!(it.next, Transition::Done | Transition::Dead)
                && !response.stale.contains(&it.id)
        };
        let ended = completions.iter().filter(ended).count() as i64;
        self.backlog.add(-ended);
        // Other replicas may run what this one released or did not ask for.
        let leaves_some =
            requests.is_empty() || completions.iter().any(|it| it.next == Transition::Released);
        if leaves_some && !completions.is_empty() {
            self.notifier.notify();
        }
        Ok(response)
    }

    pub(super) async fn step_on(
        &self,
        connection: &mut PgConnection,
        replica: ReplicaId,
        completions: &[Completion],
        requests: &[ClaimRequest],
        in_doubt: Option<&HashSet<Uuid>>,
    ) -> Result<ClaimResponse, sqlx::Error> {
        let mut transaction = connection.begin().await?;
        let replicas = self.replicas.load(Ordering::Relaxed);
        let mut response = ClaimResponse { replicas, ..ClaimResponse::default() };
        if !completions.is_empty() {
            let written = complete::by_replica(&mut transaction, replica, completions).await?;
            let written: HashSet<Uuid> = written.into_iter().collect();
            let ids = completions.iter().map(|it| it.id);
            response.stale = ids.filter(|id| !written.contains(id)).collect();
        }
        if let Some(owned) = in_doubt {
            let claimed = self.claimed_by(&mut transaction, replica).await?;
            response.claimed = claimed.into_iter().filter(|it| !owned.contains(&it.id)).collect();
        }
        let (is_due, next_due) = self.peek(&mut transaction, requests).await?;
        response.next_due = next_due.map(convert::until);
        // A claim found above occupies the slots of this request.
        if is_due && response.claimed.is_empty() {
            response.claimed = self.claim(&mut transaction, replica, requests).await?;
        }
        transaction.commit().await?;
        Ok(response)
    }
}
