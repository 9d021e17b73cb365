//! The one connection that writes. What it is asked for while it commits is done together in the next
//! transaction, so that one sync of the disk serves all of them.

use std::error::Error;
use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use rusqlite::{Connection, Params};
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;
use uuid::Uuid;

use super::keys::{Key, Keys};
use super::tidy::Swept;
use super::watch::FileWatch;
use super::work::Lost;
use crate::endpoint::panic;
use crate::jobs::clock::{Clock, millis};
use crate::jobs::error::StoreError;
use crate::jobs::store::{
    Accepted, Access, Advanced, Known, New, Owner, Purge, Retention, Settlement, StoreLimits, Want,
    longest_window,
};

/// Where an answer goes.
pub(super) type Reply<T> = oneshot::Sender<Result<T, StoreError>>;

/// What the writer can be asked for.
pub(super) enum Command {
    Accept(Vec<New>, Reply<Vec<Accepted>>),
    Enlist(Owner, Duration, Reply<()>),
    Beat(Owner, Duration, Reply<bool>),
    Retire(Owner, Reply<()>),
    Advance(Owner, Vec<Settlement>, Vec<Want>, Reply<Advanced>),
    Lost(Owner, Reply<Vec<Lost>>),
    Reap(Owner, Vec<(Owner, Settlement)>, Reply<u64>),
    Count(Reply<()>),
    Sweep(Retention, Reply<Swept>),
    OldestDue(Reply<Option<Duration>>),
    Strangers(Reply<Vec<String>>),
    Retry(Uuid, Reply<u64>),
    LastDeath(Reply<Option<i64>>),
    RetryDead(i64, Reply<u64>),
    Purge(Purge, Reply<u64>),
    GiveBack(Reply<u64>),
    Close(Reply<()>),
    #[cfg(test)]
    Pass(Duration, Reply<()>),
    #[cfg(test)]
    Keys(Reply<usize>),
}

/// How many commands are done in one transaction, at the most.
const MOST_AT_ONCE: usize = 64;

/// How often the file is looked at when nothing is done.
const LOOK: Duration = Duration::from_secs(2);

/// The connection and what is known of the file.
pub(super) struct Writer {
    pub(super) connection: Connection,
    pub(super) clock: Clock,
    pub(super) endpoints: Vec<Endpoint>,
    pub(super) keys: Keys,
    pub(super) limits: StoreLimits,
    /// How many bytes the file's deliveries take, while some are accepted.
    pub(super) bytes: u64,
    /// How many deliveries are queued or running, as of the last commit.
    pub(super) backlog: u64,
    /// The number of the newest row.
    pub(super) newest: i64,
    /// The ids of what was done up to this are forgotten: when it ended, and its row.
    pub(super) forgotten: (i64, i64),
    /// Whether the last transaction failed, so that commands are done one by one: what one of them fails
    /// with is not to keep back the others.
    apart: bool,
    watch: Option<FileWatch>,
    /// Locked while this lives.
    _lock: Option<File>,
}

/// An endpoint with its number in the file.
pub(super) struct Endpoint {
    pub(super) id: i64,
    pub(super) known: Known,
}

/// What a transaction changes in memory, once it is on disk.
#[derive(Default)]
pub(super) struct Changes {
    pub(super) keys: Vec<(Key, i64)>,
    pub(super) dropped_keys: Vec<(Key, i64)>,
    pub(super) rows: i64,
    pub(super) backlog: i64,
}

/// What is sent when the transaction is on disk, or was rolled back.
type Answer = Box<dyn FnOnce(Result<(), StoreError>) + Send>;

impl Writer {
    pub(super) fn new(
        connection: Connection,
        (lock, watch): (Option<File>, Option<FileWatch>),
        known: Vec<Known>,
        limits: impl Into<StoreLimits>,
        access: Access,
    ) -> Result<Self, StoreError> {
        let mut writer = Self {
            connection,
            clock: Clock::new(),
            endpoints: Vec::with_capacity(known.len()),
            keys: Keys::new(),
            limits: limits.into(),
            bytes: 0,
            backlog: 0,
            newest: 0,
            forgotten: (0, 0),
            apart: false,
            watch,
            _lock: lock,
        };
        for known in known {
            let id = writer.endpoint_id(&known.path)?;
            writer.endpoints.push(Endpoint { id, known });
        }
        if access == Access::Own {
            writer.look_around()?;
        }
        Ok(writer)
    }

    /// Does a statement, and gives how many rows it changed.
    pub(super) fn execute(
        &self,
        statement: &str,
        values: impl Params,
    ) -> Result<usize, rusqlite::Error> {
        self.connection.prepare_cached(statement)?.execute(values)
    }

    fn endpoint_id(&self, path: &str) -> Result<i64, rusqlite::Error> {
        self.execute("INSERT INTO endpoints (path) VALUES (?) ON CONFLICT DO NOTHING", [path])?;
        self.connection
            .query_row("SELECT id FROM endpoints WHERE path = ?", [path], |row| row.get(0))
    }

    /// Learns what is in the file. Who had it before is dead, since this process has the lock.
    fn look_around(&mut self) -> Result<(), StoreError> {
        self.execute("UPDATE owners SET lease_until = 0", [])?;
        let latest = self.connection.query_row(
            "SELECT max(
                 coalesce((SELECT accepted_at FROM deliveries ORDER BY seq DESC LIMIT 1), 0),
                 coalesce((SELECT ended_at FROM attempts ORDER BY rowid DESC LIMIT 1), 0),
                 coalesce((SELECT max(started_at) FROM deliveries WHERE state = 1), 0),
                 coalesce((SELECT max(ended_at) FROM deliveries WHERE state = 2), 0),
                 coalesce((SELECT max(ended_at) FROM deliveries WHERE state = 3), 0)
             )",
            [],
            |row| row.get(0),
        )?;
        self.clock = self.clock.not_before(latest);
        self.count(&Changes::default())?;
        Ok(self.learn_keys()?)
    }

    /// Since when the ids of what is done are known.
    pub(super) fn known_since(&self) -> i64 {
        let known = self.endpoints.iter().map(|endpoint| &endpoint.known);
        self.clock.now() - millis(longest_window(known))
    }

    /// Counts what is queued or running, before what has changed in this transaction so far. People's
    /// commands come from other processes.
    fn count(&mut self, changes: &Changes) -> Result<(), rusqlite::Error> {
        let (backlog, newest): (i64, i64) = self.connection.query_row(
            "SELECT (SELECT count(*) FROM deliveries WHERE state = 0)
                  + (SELECT count(*) FROM deliveries WHERE state = 1),
                    (SELECT coalesce(max(seq), 0) FROM deliveries)",
            [],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?;
        self.backlog = (backlog - changes.backlog).unsigned_abs();
        self.newest = self.newest.max(newest - changes.rows);
        Ok(())
    }

    pub(super) async fn run(mut self, mut asked: mpsc::Receiver<Command>) {
        loop {
            let command = match timeout(LOOK, asked.recv()).await {
                Ok(Some(command)) => command,
                Ok(None) => return,
                // Nothing to do, so that nobody would notice.
                Err(_) => {
                    let _ = self.watch.as_mut().map(FileWatch::check);
                    continue;
                }
            };
            let mut commands = vec![command];
            let most = if self.apart { 1 } else { MOST_AT_ONCE };
            while commands.len() < most
                && let Ok(command) = asked.try_recv()
            {
                commands.push(command);
            }
            let close = commands.iter().position(|command| matches!(command, Command::Close(_)));
            let closing = close.map(|at| commands.swap_remove(at));
            if !commands.is_empty() {
                self.transact_or_survive(commands);
            }
            if let Some(Command::Close(reply)) = closing {
                let closed = self.connection.close();
                let _ = reply.send(closed.map_err(|(_, error)| error.into()));
                return;
            }
        }
    }

    /// Runs all commands in one transaction. After a panic they get `StoreError::Closed`, and the writer goes
    /// on with the next ones: without it, nothing would be accepted any more.
    fn transact_or_survive(&mut self, commands: Vec<Command>) {
        let ended = catch_unwind(AssertUnwindSafe(|| self.transact(commands)));
        if let Err(payload) = ended {
            tracing::error!(
                part = "store",
                panic = panic::text(&*payload),
                "a part of the background deliveries panicked, and starts again"
            );
            // An error says that no transaction had begun.
            let _ = self.execute("ROLLBACK", []);
            // What panics is to keep back nothing but itself.
            self.apart = true;
        }
    }

    /// Does all of it, or nothing.
    fn transact(&mut self, commands: Vec<Command>) {
        let mut changes = Changes::default();
        let mut answers = Vec::with_capacity(commands.len());
        let mut ended = self.begin();
        for command in commands {
            let (done, answer) = self.perform(command, ended.is_ok(), &mut changes);
            answers.push(answer);
            ended = ended.and(done.map_err(Into::into));
        }
        if ended.is_ok() {
            ended = self.execute("COMMIT", []).map(drop).map_err(Into::into);
        }
        match &ended {
            Ok(()) => self.apply(changes),
            // Where SQLite has rolled back by itself there is nothing to roll back.
            Err(_) => drop(self.execute("ROLLBACK", [])),
        }
        self.apart = ended.is_err();
        let failure = ended.err().map(|error| error.to_string());
        for answer in answers {
            answer(failure.clone().map_or(Ok(()), |text| Err(StoreError::Failed(text.into()))));
        }
    }

    fn begin(&mut self) -> Result<(), Box<dyn Error + Send + Sync>> {
        if let Some(watch) = &mut self.watch {
            watch.check()?;
        }
        self.execute("BEGIN IMMEDIATE", [])?;
        Ok(())
    }

    fn apply(&mut self, changes: Changes) {
        for (key, seq) in changes.dropped_keys {
            self.keys.remove(key, seq);
        }
        for (key, seq) in changes.keys {
            self.keys.insert(key, seq);
        }
        self.newest += changes.rows;
        self.backlog = self.backlog.saturating_add_signed(changes.backlog);
    }

    /// Does one command, unless the transaction is lost already, and says what to answer at its end.
    fn perform(
        &mut self,
        command: Command,
        go_on: bool,
        changes: &mut Changes,
    ) -> (Result<(), rusqlite::Error>, Answer) {
        macro_rules! perform {
            ($reply:ident, $work:expr) => {{
                let result = if go_on { Some($work) } else { None };
                let (done, value) = match result {
                    Some(Ok(value)) => (Ok(()), Some(value)),
                    Some(Err(error)) => (Err(error), None),
                    None => (Ok(()), None),
                };
                let answer: Answer = Box::new(move |ended| {
                    let answer = ended.and_then(|()| value.ok_or(StoreError::Closed));
                    let _ = $reply.send(answer);
                });
                (done, answer)
            }};
        }
        match command {
            Command::Accept(batch, reply) => perform!(reply, self.accept(&batch, changes)),
            Command::Enlist(owner, lease, reply) => perform!(reply, self.enlist(owner, lease)),
            Command::Beat(owner, lease, reply) => perform!(reply, self.beat(owner, lease)),
            Command::Retire(owner, reply) => perform!(reply, self.retire(owner)),
            Command::Advance(owner, settled, wants, reply) => {
                perform!(reply, self.advance(owner, &settled, &wants, changes))
            }
            Command::Lost(me, reply) => perform!(reply, self.lost(me)),
            Command::Reap(me, settled, reply) => perform!(reply, self.reap(me, settled, changes)),
            Command::Count(reply) => perform!(reply, self.count(changes)),
            Command::Sweep(retention, reply) => perform!(reply, self.sweep(retention, changes)),
            Command::OldestDue(reply) => perform!(reply, self.oldest_due()),
            Command::Strangers(reply) => perform!(reply, self.strangers()),
            Command::Retry(id, reply) => perform!(reply, self.retry(id, changes)),
            Command::LastDeath(reply) => perform!(reply, self.last_death()),
            Command::RetryDead(until, reply) => perform!(reply, self.retry_dead(until, changes)),
            Command::Purge(purge, reply) => perform!(reply, self.purge(&purge, changes)),
            Command::GiveBack(reply) => perform!(reply, self.give_back()),
            Command::Close(reply) => perform!(reply, Ok(())),
            #[cfg(test)]
            Command::Pass(time, reply) => perform!(reply, self.pass(time)),
            #[cfg(test)]
            Command::Keys(reply) => perform!(reply, Ok(self.keys.len())),
        }
    }
}
