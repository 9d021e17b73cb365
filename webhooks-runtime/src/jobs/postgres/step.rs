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
use super::{convert, logs, merge};

/// What a step did.
#[derive(Debug, Default)]
pub(super) struct StepResult {
    pub(super) response: ClaimResponse,
    /// The ids of the claimed deliveries, and whether each has a key.
    claimed: Vec<(Uuid, bool)>,
    /// How many deliveries are no longer queued or running.
    ended: usize,
}

impl PostgresStore {
    pub(super) async fn run_step(
        &self,
        replica: ReplicaId,
        completions: &[Completion],
        requests: &[ClaimRequest],
    ) -> Result<ClaimResponse, StoreError> {
        let in_doubt = &self.ledger.begin(replica);
        let have_keys = self.ledger.may_have_keys(replica, completions);
        let step = with_retries(&self.pool, |mut connection| async move {
            let step = self
                .step_on(
                    &mut connection,
                    replica,
                    completions,
                    requests,
                    have_keys,
                    in_doubt.as_ref(),
                )
                .await;
            (connection, step)
        })
        .await?;
        self.ledger.end(replica, completions, step.claimed.into_iter());

        self.backlog.add(-(step.ended as i64));
        // Other replicas may run what this one released or did not ask for.
        let leaves_some =
            requests.is_empty() || completions.iter().any(|it| it.next == Transition::Released);
        if leaves_some && !completions.is_empty() {
            self.notifier.notify();
        }
        Ok(step.response)
    }

    pub(super) async fn step_on(
        &self,
        connection: &mut PgConnection,
        replica: ReplicaId,
        completions: &[Completion],
        requests: &[ClaimRequest],
        have_keys: bool,
        in_doubt: Option<&HashSet<Uuid>>,
    ) -> Result<StepResult, sqlx::Error> {
        let mut transaction = connection.begin().await?;
        let replicas = self.replicas.load(Ordering::Relaxed);
        let mut step = StepResult::default();
        step.response.replicas = replicas;
        if !completions.is_empty() {
            let completed =
                self.complete_own(&mut transaction, replica, completions, have_keys).await?;
            for completion in completions {
                match completed.states.get(&completion.id) {
                    None => step.response.stale.push(completion.id),
                    Some(state) if *state != completion.next.state() => {
                        step.response.diverted.push((completion.id, *state));
                    }
                    Some(_) => {}
                }
            }
            step.ended = completed.ended;
            logs::write_completed(&mut transaction, completions, &completed).await?;
        }
        let mut claimed = Vec::new();
        if let Some(owned) = in_doubt {
            claimed = self.claimed_by(&mut transaction, replica).await?;
            claimed.retain(|row| !owned.contains(&row.claimed.id));
        }
        // A claim found above occupies the slots of these requests.
        let requests = if claimed.is_empty() { requests } else { &[] };
        let peek = self.peek(&mut transaction, replica, requests).await?;
        step.response.next_due = peek.next_due.map(convert::until);
        step.response.cancelled = peek.cancelled;
        if !peek.locked.is_empty() {
            claimed = self.claim(&mut transaction, replica, requests, &peek.locked).await?;
        }
        transaction.commit().await?;
        step.claimed = claimed.iter().map(|it| (it.claimed.id, it.has_key)).collect();
        step.response.claimed = merge::merge(connection, claimed).await?;
        Ok(step)
    }
}
