//! Deliveries in a file, which one process has for itself.
//!
//! `identify` decides whether a file is a store, `open` creates and locks it, `schema` has its tables, `writer` is the one connection that writes, in groups, `accept`,
//! `work` and `tidy` are what it is asked to do, `keys` are the ids that it has seen, and `read` is what
//! others may look at meanwhile, and `watch` notices when the file is gone.
//!
//! By `rusqlite`, in place on the jobs' own thread. `sqlx`, which the other store is by, has each statement
//! of SQLite done by a thread of its own, and the two switches cost more than the statement: 26,000
//! deliveries accepted in a second were 36,000 without them.

mod accept;
mod identify;
mod keys;
mod open;
mod read;
mod schema;
#[cfg(test)]
mod tests;
mod tidy;
mod watch;
mod work;
mod writer;

use std::path::Path;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use super::error::StoreError;
use super::store::{
    Accepted, Access, Advanced, Decide, Detail, Filter, Given, Known, Listed, New, Owner, Purge,
    Retention, Settlement, Silent, Store, StoreLimits, Want, Which,
};
use open::Opened;
use read::Reader;
use writer::{Command, Reply, Writer};

/// Deliveries in a file.
pub(crate) struct SqliteStore {
    commands: mpsc::Sender<Command>,
    reader: Reader,
    name: String,
}

impl SqliteStore {
    /// Opens the file. With [`Access::Own`] it is created where there is none. Called in the runtime that it
    /// lives in, on a thread that may wait for the disk and for other processes.
    ///
    /// # Errors
    ///
    /// When another process has the file, or it cannot be used.
    pub(crate) fn open(
        file: &Path,
        known: Vec<Known>,
        limits: impl Into<StoreLimits>,
        access: Access,
    ) -> Result<Self, StoreError> {
        let Opened { writer, reader, lock, watch } = open::open(file, access)?;
        let (commands, asked) = mpsc::channel(1024);
        if let Some(writer) = writer {
            let writer = Writer::new(writer, (lock, watch), known, limits, access)?;
            tokio::spawn(writer.run(asked));
        }
        Ok(Self { commands, reader: Reader::new(reader), name: file.display().to_string() })
    }

    /// Asks the writer for something, and waits until it is on disk.
    async fn ask<T>(&self, command: impl FnOnce(Reply<T>) -> Command) -> Result<T, StoreError> {
        let (reply, answer) = oneshot::channel();
        self.commands.send(command(reply)).await.map_err(|_| StoreError::Closed)?;
        answer.await.map_err(|_| StoreError::Closed)?
    }

    /// Does chunks of work until there is no full one. Who else writes gets a turn in between: SQLite's
    /// lock is for whom it comes free when he looks.
    async fn in_chunks(&self, chunk: impl Fn(Reply<u64>) -> Command) -> Result<u64, StoreError> {
        let mut total = 0;
        loop {
            let begun = Instant::now();
            let done = self.ask(&chunk).await?;
            total += done;
            if done < tidy::AT_ONCE {
                return Ok(total);
            }
            sleep(begun.elapsed()).await;
        }
    }
}

impl Store for SqliteStore {
    fn accept(&self, batch: Vec<New>) -> Given<'_, Vec<Accepted>> {
        self.ask(|reply| Command::Accept(batch, reply)).boxed()
    }

    fn enlist(&self, owner: Owner, lease: Duration) -> Given<'_, ()> {
        self.ask(move |reply| Command::Enlist(owner, lease, reply)).boxed()
    }

    fn beat(&self, owner: Owner, lease: Duration) -> Given<'_, bool> {
        self.ask(move |reply| Command::Beat(owner, lease, reply)).boxed()
    }

    fn retire(&self, owner: Owner) -> Given<'_, ()> {
        self.ask(move |reply| Command::Retire(owner, reply)).boxed()
    }

    fn advance<'a>(
        &'a self,
        owner: Owner,
        settled: &'a [Settlement],
        wants: &'a [Want],
    ) -> Given<'a, Advanced> {
        self.ask(move |reply| Command::Advance(owner, settled.to_vec(), wants.to_vec(), reply))
            .boxed()
    }

    fn reap<'a>(&'a self, me: Owner, decide: Decide<'a>) -> Given<'a, u64> {
        async move {
            let lost = self.ask(|reply| Command::Lost(me, reply)).await?;
            let settled = lost.iter().map(|lost| {
                let next = decide(lost.endpoint, lost.attempt);
                (
                    lost.owner,
                    Settlement {
                        id: lost.id,
                        fence: lost.fence,
                        next,
                        error: super::state::End::Lost.error().map(str::to_owned),
                    },
                )
            });
            let settled: Vec<_> = settled.collect();
            self.ask(|reply| Command::Reap(me, settled, reply)).await
        }
        .boxed()
    }

    fn silent(&self, _: Owner, _: Duration) -> Given<'_, Option<Silent>> {
        // One process has the file, so all others are gone.
        std::future::ready(Ok(None)).boxed()
    }

    fn sweep(&self, retention: Retention) -> Given<'_, u64> {
        async move {
            // Once, and not for each step: it looks at all that wait.
            self.ask(Command::Count).await?;
            let mut deleted = 0;
            loop {
                let swept = self.ask(move |reply| Command::Sweep(retention, reply)).await?;
                deleted += swept.deleted;
                if swept.is_all {
                    break;
                }
            }
            self.in_chunks(Command::GiveBack).await?;
            Ok(deleted)
        }
        .boxed()
    }

    fn oldest_due(&self) -> Given<'_, Option<Duration>> {
        self.ask(Command::OldestDue).boxed()
    }

    fn strangers(&self) -> Given<'_, Vec<String>> {
        self.ask(Command::Strangers).boxed()
    }

    fn list<'a>(&'a self, filter: &'a Filter) -> Given<'a, Vec<Listed>> {
        let filter = filter.clone();
        self.reader.look(move |connection| read::list(connection, &filter)).boxed()
    }

    fn show(&self, id: Uuid) -> Given<'_, Option<Detail>> {
        self.reader.look(move |connection| read::show(connection, id)).boxed()
    }

    fn retry(&self, which: Which) -> Given<'_, u64> {
        async move {
            match which {
                Which::One(id) => self.ask(|reply| Command::Retry(id, reply)).await,
                Which::AllDead => {
                    // Not those that die meanwhile: what fails at once would be queued for ever.
                    let Some(until) = self.ask(Command::LastDeath).await? else {
                        return Ok(0);
                    };
                    self.in_chunks(|reply| Command::RetryDead(until, reply)).await
                }
            }
        }
        .boxed()
    }

    fn find(&self, first: Uuid, last: Uuid, limit: u32) -> Given<'_, Vec<Uuid>> {
        self.reader.look(move |connection| read::find(connection, first, last, limit)).boxed()
    }

    fn purge<'a>(&'a self, purge: &'a Purge) -> Given<'a, u64> {
        async move {
            let purged = self.in_chunks(|reply| Command::Purge(purge.clone(), reply)).await?;
            self.in_chunks(Command::GiveBack).await?;
            Ok(purged)
        }
        .boxed()
    }

    fn news(&self) -> BoxFuture<'_, ()> {
        // Only people's commands bring something from another process; they are seen at the next look.
        std::future::pending().boxed()
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        async move {
            // The last one writes the log back into the file.
            self.reader.close().await;
            let _ = self.ask(Command::Close).await;
        }
        .boxed()
    }

    fn is_shared(&self) -> bool {
        false
    }

    fn is_bound(&self) -> bool {
        false
    }

    fn at_once(&self) -> usize {
        1
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn kind(&self) -> &'static str {
        "sqlite"
    }

    #[cfg(test)]
    fn pass(&self, time: Duration) -> Given<'_, ()> {
        self.ask(move |reply| Command::Pass(time, reply)).boxed()
    }
}
