//! Executes commands in transactions: all commands that arrive while one transaction commits share the
//! next one, so that one sync of the disk serves all of them.

use std::error::Error;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::timeout;

use super::command::WriterCommand;
use super::watch::FileWatch;
use super::writer::{Changes, Writer};
use crate::endpoint::panic;
use crate::jobs::error::StoreError;

/// The maximum number of commands in a transaction.
const MAX_BATCH: usize = 64;

/// The interval between checks of the file while the writer is idle.
const WATCH_INTERVAL: Duration = Duration::from_secs(2);

/// Sends the response to a command when its transaction was committed or rolled back.
type Response = Box<dyn FnOnce(Result<(), StoreError>) + Send>;

impl Writer {
    /// Executes commands until [`WriterCommand::Close`], or until the last sender is dropped.
    pub(super) async fn run(mut self, mut receiver: mpsc::Receiver<WriterCommand>) {
        loop {
            let command = match timeout(WATCH_INTERVAL, receiver.recv()).await {
                Ok(Some(command)) => command,
                Ok(None) => return,
                // Idle, so no transaction would notice that the file is gone.
                Err(_) => {
                    let _ = self.watch.as_mut().map(FileWatch::check);
                    continue;
                }
            };
            let mut commands = vec![command];
            let max = if self.one_by_one { 1 } else { MAX_BATCH };
            while commands.len() < max
                && let Ok(command) = receiver.try_recv()
            {
                commands.push(command);
            }
            let close =
                commands.iter().position(|command| matches!(command, WriterCommand::Close(_)));
            let closing = close.map(|at| commands.swap_remove(at));
            if !commands.is_empty() {
                self.transact_catching_panics(commands);
            }
            if let Some(WriterCommand::Close(reply)) = closing {
                let closed = self.connection.close();
                let _ = reply.send(closed.map_err(|(_, error)| error.into()));
                return;
            }
        }
    }

    fn transact_catching_panics(&mut self, commands: Vec<WriterCommand>) {
        let ended = catch_unwind(AssertUnwindSafe(|| self.transact(commands)));
        if let Err(payload) = ended {
            tracing::error!(
                component = "store",
                panic = panic::text(&*payload),
                "a component of the server panicked and is restarted"
            );
            // Fails when no transaction had started.
            let _ = self.execute("ROLLBACK", []);
            // The command that panicked must not fail the others again.
            self.one_by_one = true;
        }
    }

    /// Executes all commands in one transaction, or none.
    fn transact(&mut self, commands: Vec<WriterCommand>) {
        let mut changes = Changes::default();
        let mut responses = Vec::with_capacity(commands.len());
        let mut ended = self.begin();
        for command in commands {
            let (done, response) = self.perform(command, ended.is_ok(), &mut changes);
            responses.push(response);
            ended = ended.and(done.map_err(Into::into));
        }
        if ended.is_ok() {
            ended = self.execute("COMMIT", []).map(drop).map_err(Into::into);
        }
        match &ended {
            Ok(()) => self.apply(changes),
            // Fails when SQLite has already rolled back by itself.
            Err(_) => drop(self.execute("ROLLBACK", [])),
        }
        self.one_by_one = ended.is_err();
        let failure = ended.err().map(|error| error.to_string());
        for response in responses {
            response(failure.clone().map_or(Ok(()), |text| Err(StoreError::Failed(text.into()))));
        }
    }

    fn begin(&mut self) -> Result<(), Box<dyn Error + Send + Sync>> {
        if let Some(watch) = &mut self.watch {
            watch.check()?;
        }
        self.execute("BEGIN IMMEDIATE", [])?;
        Ok(())
    }

    /// Executes one command, unless the transaction has failed already, and returns its response.
    fn perform(
        &mut self,
        command: WriterCommand,
        is_ok: bool,
        changes: &mut Changes,
    ) -> (Result<(), rusqlite::Error>, Response) {
        macro_rules! perform {
            ($reply:ident, $work:expr) => {{
                let result = if is_ok { Some($work) } else { None };
                let (done, value) = match result {
                    Some(Ok(value)) => (Ok(()), Some(value)),
                    Some(Err(error)) => (Err(error), None),
                    None => (Ok(()), None),
                };
                let response: Response = Box::new(move |ended| {
                    let value = ended.and_then(|()| value.ok_or(StoreError::Closed));
                    let _ = $reply.send(value);
                });
                (done, response)
            }};
        }
        match command {
            WriterCommand::Accept(batch, reply) => perform!(reply, self.accept(&batch, changes)),
            WriterCommand::Register(replica, lease, reply) => {
                perform!(reply, self.register(replica, lease))
            }
            WriterCommand::Heartbeat(replica, lease, reply) => {
                perform!(reply, self.heartbeat(replica, lease))
            }
            WriterCommand::Deregister(replica, reply) => perform!(reply, self.deregister(replica)),
            WriterCommand::CompleteAndClaim(replica, completions, requests, reply) => {
                perform!(reply, self.complete_and_claim(replica, &completions, &requests, changes))
            }
            WriterCommand::WriteLogs(logs, reply) => perform!(reply, self.write_logs(&logs)),
            WriterCommand::FindLost(me, reply) => perform!(reply, self.find_lost(me)),
            WriterCommand::RecoverLost(me, completions, reply) => {
                perform!(reply, self.recover_lost(me, completions, changes))
            }
            WriterCommand::CountBacklog(reply) => perform!(reply, self.count_backlog(changes)),
            WriterCommand::PurgeExpired(retention, reply) => {
                perform!(reply, self.purge_expired(retention, changes))
            }
            WriterCommand::OldestDue(reply) => perform!(reply, self.oldest_due()),
            WriterCommand::OrphanedEndpoints(reply) => perform!(reply, self.orphaned_endpoints()),
            WriterCommand::Retry(id, reply) => perform!(reply, self.retry(id, changes)),
            WriterCommand::LastDeadAt(reply) => perform!(reply, self.last_dead_at()),
            WriterCommand::RetryDead(until, reply) => {
                perform!(reply, self.retry_dead(until, changes))
            }
            WriterCommand::Rerun(id, reply) => perform!(reply, self.rerun(id, changes)),
            WriterCommand::Cancel(id, reply) => perform!(reply, self.cancel(id, changes)),
            WriterCommand::CancelEndpoint(path, until, reply) => {
                perform!(reply, self.cancel_endpoint(&path, until, changes))
            }
            WriterCommand::Pause(path, pause, reply) => perform!(reply, self.pause(&path, pause)),
            WriterCommand::Purge(purge, reply) => perform!(reply, self.purge(&purge, changes)),
            WriterCommand::FreePages(reply) => perform!(reply, self.free_pages()),
            WriterCommand::Value(key, reply) => perform!(reply, self.value(&key)),
            WriterCommand::SetValue(key, value, ttl, reply) => {
                perform!(reply, self.set_value(&key, &value, ttl))
            }
            WriterCommand::AppendValue(key, text, most, ttl, reply) => {
                perform!(reply, self.append_value(&key, &text, most, ttl))
            }
            WriterCommand::RemoveValue(key, reply) => perform!(reply, self.remove_value(&key)),
            WriterCommand::TakeLease(name, holder, duration, reply) => {
                perform!(reply, self.take_lease(&name, holder, duration))
            }
            WriterCommand::ReleaseLease(name, holder, reply) => {
                perform!(reply, self.release_lease(&name, holder))
            }
            WriterCommand::Close(reply) => perform!(reply, Ok(())),
            #[cfg(test)]
            WriterCommand::AdvanceClock(time, reply) => perform!(reply, self.advance_clock(time)),
            #[cfg(test)]
            WriterCommand::DedupLen(reply) => perform!(reply, Ok(self.dedup.len())),
        }
    }
}
