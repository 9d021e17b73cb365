//! Writes the results of attempts.

use uuid::Uuid;

use super::writer::{Changes, Writer};
use crate::jobs::clock::millis;
use crate::jobs::delivery::{Completion, ReplicaId};
use crate::jobs::state::{State, Transition};

impl Writer {
    /// Writes completions, and returns those with a stale fencing token.
    pub(super) fn complete(
        &self,
        replica: ReplicaId,
        completions: &[Completion],
        changes: &mut Changes,
    ) -> Result<Vec<Uuid>, rusqlite::Error> {
        let now = self.clock.now();
        let mut stale = Vec::new();
        for completion in completions {
            let state = completion.next.state();
            let (run_at, uncounted) = match completion.next {
                Transition::Retry { after } => (Some(now.saturating_add(millis(after))), 0),
                // Keeps its due time, and with it its place in the queue.
                Transition::Released => (None, 1),
                Transition::Done | Transition::Dead => (None, 0),
            };
            let has_ended = matches!(state, State::Done | State::Dead);
            let written = self.execute(
                "UPDATE deliveries
                 SET state = ?4, run_at = coalesce(?5, run_at), attempt = attempt - ?6,
                     releases = releases + ?6,
                     error = coalesce(?7, error), ended_at = ?8, owner = NULL
                 WHERE id = ?1 AND fence = ?2 AND owner = ?3 AND state = 1",
                (
                    completion.id,
                    completion.fencing_token,
                    replica,
                    state.code(),
                    run_at,
                    uncounted,
                    &completion.error,
                    has_ended.then_some(now),
                ),
            )?;
            if written == 0 {
                stale.push(completion.id);
                continue;
            }
            changes.backlog -= i64::from(has_ended);
            if let Some(error) = &completion.error {
                self.execute(
                    "INSERT INTO attempts (delivery, attempt, started_at, ended_at, error)
                     SELECT seq, attempt, started_at, ?2, ?3 FROM deliveries WHERE id = ?1",
                    (completion.id, now, error),
                )?;
            }
        }
        Ok(stale)
    }
}
