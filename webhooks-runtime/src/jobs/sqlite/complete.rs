//! Writes the results of attempts.

use uuid::Uuid;

use super::writer::{Changes, Writer};
use crate::jobs::clock::millis;
use crate::jobs::delivery::{Completion, ReplicaId};
use crate::jobs::state::Transition;

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
            let later = |after| Some(now.saturating_add(millis(after)));
            let (run_at, released, waits) = match completion.next {
                Transition::Retry { after } => (later(after), 0, 0),
                Transition::Wait { after } | Transition::Snooze { after } => (later(after), 0, 1),
                // Keeps its due time, and with it its place in the queue.
                Transition::Released => (None, 1, 0),
                Transition::Done | Transition::Dead | Transition::Cancelled => (None, 0, 0),
            };
            let has_ended = state.is_final();
            let written = self.execute(
                "UPDATE deliveries
                 SET state = ?4, run_at = coalesce(?5, run_at), attempt = attempt - ?6 - ?7,
                     releases = releases + ?6,
                     waits = CASE WHEN ?6 + ?7 > 0 THEN waits + ?7 ELSE 0 END,
                     error = coalesce(?8, error), note = ?9, ended_at = ?10, owner = NULL
                 WHERE id = ?1 AND fence = ?2 AND owner = ?3 AND state = 1",
                (
                    completion.id,
                    completion.fencing_token,
                    replica,
                    state.code(),
                    run_at,
                    released,
                    waits,
                    &completion.error,
                    &completion.note,
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
