//! Writes the results of attempts.

use rusqlite::{OptionalExtension, Row};
use uuid::Uuid;

use super::advance_key::EndedRow;
use super::keys::KeyQueue;
use super::writer::{Changes, Writer};
use crate::jobs::attempt_log::share;
use crate::jobs::clock::millis;
use crate::jobs::delivery::{Completion, ReplicaId};
use crate::jobs::state::{CANCELLED, State, Transition};

/// How a transition changes a delivery's counts: of releases, waits and snoozes. Attempts that change one of them do not
/// count, unless there were too many.
#[derive(Clone, Copy, Default)]
struct CountChanges {
    releases: u32,
    waits: u32,
    snoozes: u32,
    are_too_many: bool,
}

/// The completions that did not end as their transitions say.
#[derive(Default)]
pub(super) struct Completed {
    /// Those with a stale fencing token.
    pub(super) stale: Vec<Uuid>,
    /// The states of those that were cancelled or superseded.
    pub(super) diverted: Vec<(Uuid, State)>,
}

impl Writer {
    /// Writes completions of a replica's attempts. `is_lost` says that the replica is gone, so that nothing is known of
    /// these attempts.
    pub(super) fn complete(
        &self,
        replica: ReplicaId,
        completions: &[Completion],
        is_lost: bool,
        changes: &mut Changes,
    ) -> Result<Completed, rusqlite::Error> {
        let now = self.clock.now();
        let share = share(completions.iter().map(|it| &it.log));
        let mut completed = Completed::default();
        for completion in completions {
            let Some((seq, mut state, ended)) =
                self.complete_one(replica, completion, is_lost, now)?
            else {
                completed.stale.push(completion.id);
                continue;
            };
            changes.backlog -= i64::from(state.is_final());
            if let Some(error) = &completion.error {
                self.execute(
                    "INSERT INTO attempts (delivery, attempt, started_at, ended_at, error)
                     SELECT seq, attempt, started_at, ?2, ?3 FROM deliveries WHERE id = ?1",
                    (completion.id, now, error),
                )?;
            }
            let lines = completion.log.last(share);
            self.write_log(seq, completion.fencing_token, &completion.log, lines)?;
            if let Some(ended) = ended {
                state = self.advance_key(&ended, now, changes)?;
            }
            if state != completion.next.state() {
                completed.diverted.push((completion.id, state));
            }
        }
        Ok(completed)
    }

    /// Writes a completion, and returns the row number, the new state, and more of the row if it has a key; `None` when
    /// the fencing token is stale.
    ///
    /// A delivery that a person cancelled meanwhile is not queued again, nor dead when its last attempt is lost. One that was stopped for a newer delivery is,
    /// and yields to that one afterwards.
    fn complete_one(
        &self,
        replica: ReplicaId,
        completion: &Completion,
        is_lost: bool,
        now: i64,
    ) -> Result<Option<(i64, State, Option<EndedRow>)>, rusqlite::Error> {
        let later = |after| Some(now.saturating_add(millis(after)));
        let none = CountChanges::default();
        let (run_at, counts) = match completion.next {
            Transition::Retry { after } => (later(after), none),
            Transition::Wait { after } => (later(after), CountChanges { waits: 1, ..none }),
            Transition::Snooze { after } => (later(after), CountChanges { snoozes: 1, ..none }),
            Transition::CountedSnooze { after } => {
                (later(after), CountChanges { snoozes: 1, are_too_many: true, ..none })
            }
            // Keeps its due time, and with it its place in the queue.
            Transition::Released => (None, CountChanges { releases: 1, ..none }),
            Transition::Done | Transition::Skipped | Transition::Dead | Transition::Cancelled => {
                (None, none)
            }
        };
        let mut statement = self.connection.prepare_cached(
            "UPDATE deliveries
             SET state = CASE
                     WHEN cancel_requested = 1 AND ?4 IN (0, ?13) THEN 5
                     WHEN cancel_requested <> 1 AND ?4 = 5 THEN 0
                     ELSE ?4 END,
                 run_at = coalesce(?5, run_at),
                 attempt = attempt - (?6 + ?7 + ?8 > ?14 OR (cancel_requested <> 1 AND ?4 = 5)),
                 releases = releases + ?6,
                 waits = CASE WHEN ?6 + ?7 > 0 THEN waits + ?7 ELSE 0 END,
                 snoozes = CASE WHEN ?6 + ?7 + ?8 > 0 THEN snoozes + ?8 ELSE 0 END,
                 error = coalesce(?9, error),
                 note = CASE
                     WHEN cancel_requested = 1 AND ?4 IN (0, ?13) THEN ?12
                     WHEN cancel_requested = 1 AND ?4 = 5 THEN coalesce(?10, ?12)
                     ELSE ?10 END,
                 ended_at = CASE
                     WHEN cancel_requested = 1 AND ?4 IN (0, ?13) OR ?4 > 0 AND NOT (cancel_requested <> 1 AND ?4 = 5) THEN ?11 END,
                 cancel_requested = 0, owner = NULL
             WHERE id = ?1 AND fence = ?2 AND owner = ?3 AND state = 1
             RETURNING seq, state, endpoint, key, merge_scope",
        )?;
        let values = (
            completion.id,
            completion.fencing_token,
            replica,
            completion.next.state().code(),
            run_at,
            counts.releases,
            counts.waits,
            counts.snoozes,
            &completion.error,
            &completion.note,
            now,
            CANCELLED,
            if is_lost { State::Dead.code() } else { State::Queued.code() },
            counts.are_too_many,
        );
        let is_skipped = completion.next == Transition::Skipped;
        statement.query_row(values, |row| ended_row(row, is_skipped)).optional()
    }
}

fn ended_row(
    row: &Row<'_>,
    is_skipped: bool,
) -> Result<(i64, State, Option<EndedRow>), rusqlite::Error> {
    let state = State::from_code(row.get(1)?).unwrap_or(State::Dead);
    let queue = KeyQueue::of(row.get(2)?, row.get(3)?);
    let (seq, scope) = (row.get(0)?, row.get(4)?);
    Ok((seq, state, queue.map(|queue| EndedRow { seq, state, queue, scope, is_skipped })))
}
