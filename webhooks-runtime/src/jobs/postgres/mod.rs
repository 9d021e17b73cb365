//! Deliveries in PostgreSQL, which any number of replicas share.
//!
//! `schema` looks after the tables, which `migration` creates; `connect` has the connections to them, which
//! `pooler` checks. `accept` keeps what arrives;
//! `owners` has an owner's work, with `claim` and `settle` for its two halves; `people` has what people
//! see and do. `backlog` knows how many wait, `bytes` how much
//! room all of them take, and `news` tells the other replicas.
//!
//! The server's clock is the only one. What SQL there is other servers that speak PostgreSQL's protocol
//! know as well, as far as it goes.

mod accept;
mod backlog;
mod bytes;
mod claim;
mod connect;
mod migration;
mod news;
mod owners;
mod people;
mod pooler;
mod rows;
mod schema;
mod settle;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::atomic::AtomicU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use uuid::Uuid;

use self::backlog::Backlog;
use self::bytes::Bytes;
use self::connect::Pool;
use self::news::Bell;
use self::owners::Holdings;
use super::error::StoreError;
use super::opening::Obstacle;
use super::options::Options;
use super::state::State;
use super::store::{
    Accepted, Access, Advanced, Decide, Detail, Filter, Given, Known, Listed, New, Owner, Purge,
    Retention, Settlement, Silent, Store, Want, Which,
};

/// How long connections may take to end.
const END: Duration = Duration::from_secs(5);

pub(crate) struct PostgresStore {
    name: String,
    pool: Pool,
    /// One connection for heartbeats, which must not wait for other work.
    heartbeats: Pool,
    known: Vec<Known>,
    /// The numbers that the known endpoints have in the tables.
    numbers: Vec<i64>,
    places: HashMap<i64, usize>,
    backlog: Arc<Backlog>,
    bytes: Bytes,
    holdings: Holdings,
    /// How many there are, as of the last beat.
    owners: AtomicU32,
    bell: Arc<Bell>,
    news: Arc<Notify>,
    tasks: Mutex<Vec<JoinHandle<()>>>,
    /// How many batches are kept at the same time.
    at_once: usize,
}

/// How many batches are kept at the same time, if there are as many connections.
const AT_ONCE: usize = 3;

/// Checks a server's address, without a connection.
pub(super) fn check_url(url: &str) -> Result<(), StoreError> {
    connect::options(url).map(drop)
}

/// What to call the database at a server's address, without the password.
pub(super) fn name(url: &str) -> String {
    connect::options(url)
        .map_or_else(|_| "PostgreSQL".to_owned(), |options| connect::name(&options))
}

impl PostgresStore {
    /// Opens the store. With [`Access::Own`] its tables are created or updated. At most about this many deliveries
    /// wait in it at any time.
    ///
    /// Its connections and tasks are of the runtime that it is opened in, which is also the one to call
    /// it in.
    pub(crate) async fn open(
        url: &str,
        known: Vec<Known>,
        how: impl Into<Options>,
        access: Access,
        obstacle: &Obstacle,
    ) -> Result<Arc<Self>, StoreError> {
        let how = how.into();
        let options = connect::options(url)?;
        let name = connect::name(&options);
        let unopened = |error| connect::unopened(&name, error);
        let numbers = if access == Access::Own {
            let ready = schema::ready(&options, &known, how.lock_limit, obstacle).await;
            ready.map_err(unopened)?
        } else {
            schema::check(&options).await.map_err(unopened)?;
            Vec::new()
        };

        // One more listens, and one sends heartbeats.
        let most = how.connections.saturating_sub(2).max(1);
        let pool = Pool::new(options.clone(), access == Access::Read, most);
        let heartbeats = Pool::new(options.clone(), access == Access::Read, 1);
        let (bell, news) = (Arc::new(Bell::new()), Arc::default());
        let tasks = match access {
            Access::Read => Vec::new(),
            Access::Own | Access::Change => vec![
                tokio::spawn(Arc::clone(&bell).call(pool.clone())),
                tokio::spawn(Arc::clone(&bell).listen(options, Arc::clone(&news))),
            ],
        };
        Ok(Arc::new(Self {
            name,
            at_once: AT_ONCE.min(most as usize),
            pool,
            heartbeats,
            places: numbers.iter().enumerate().map(|(place, number)| (*number, place)).collect(),
            known,
            numbers,
            backlog: Arc::new(Backlog::new(how.limits.deliveries)),
            bytes: Bytes::new(how.limits.bytes),
            holdings: Holdings::default(),
            owners: AtomicU32::new(1),
            bell,
            news,
            tasks: Mutex::new(tasks),
        }))
    }

    /// The place of an endpoint that has this number in the tables.
    fn place(&self, number: i64) -> Option<usize> {
        self.places.get(&number).copied()
    }

    fn end_tasks(&self) {
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        for task in tasks.drain(..) {
            task.abort();
        }
    }
}

impl Drop for PostgresStore {
    fn drop(&mut self) {
        self.end_tasks();
    }
}

impl Store for PostgresStore {
    fn accept(&self, batch: Vec<New>) -> Given<'_, Vec<Accepted>> {
        Box::pin(async move { self.keep(&batch).await })
    }

    fn enlist(&self, owner: Owner, lease: Duration) -> Given<'_, ()> {
        Box::pin(self.begin_owner(owner, lease))
    }

    fn beat(&self, owner: Owner, lease: Duration) -> Given<'_, bool> {
        Box::pin(self.renew(owner, lease))
    }

    fn retire(&self, owner: Owner) -> Given<'_, ()> {
        Box::pin(self.end_owner(owner))
    }

    fn advance<'a>(
        &'a self,
        owner: Owner,
        settled: &'a [Settlement],
        wants: &'a [Want],
    ) -> Given<'a, Advanced> {
        Box::pin(self.step(owner, settled, wants))
    }

    fn reap<'a>(&'a self, me: Owner, decide: Decide<'a>) -> Given<'a, u64> {
        Box::pin(self.take_lost(me, decide))
    }

    fn silent(&self, me: Owner, lease_left: Duration) -> Given<'_, Option<Silent>> {
        Box::pin(self.silent_owners(me, lease_left))
    }

    fn sweep(&self, retention: Retention) -> Given<'_, u64> {
        Box::pin(async move {
            let mut deleted = self.delete(State::Done, retention.done).await?;
            if let Some(dead) = retention.dead {
                deleted += self.delete(State::Dead, dead).await?;
            }
            self.bytes.measure(&self.pool).await?;
            Ok(deleted)
        })
    }

    fn oldest_due(&self) -> Given<'_, Option<Duration>> {
        Box::pin(self.longest_wait())
    }

    fn strangers(&self) -> Given<'_, Vec<String>> {
        Box::pin(self.unknown())
    }

    fn list<'a>(&'a self, filter: &'a Filter) -> Given<'a, Vec<Listed>> {
        Box::pin(self.listed(filter))
    }

    fn show(&self, id: Uuid) -> Given<'_, Option<Detail>> {
        Box::pin(self.detail(id))
    }

    fn retry(&self, which: Which) -> Given<'_, u64> {
        Box::pin(self.revive(which))
    }

    fn find(&self, first: Uuid, last: Uuid, limit: u32) -> Given<'_, Vec<Uuid>> {
        Box::pin(self.found(first, last, limit))
    }

    fn purge<'a>(&'a self, purge: &'a Purge) -> Given<'a, u64> {
        Box::pin(self.purge_chunks(purge))
    }

    fn news(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.news.notified())
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            self.end_tasks();
            let closing = async { tokio::join!(self.pool.close(), self.heartbeats.close()) };
            if tokio::time::timeout(END, closing).await.is_err() {
                tracing::debug!("the database server doesn't end the connections");
            }
        })
    }

    fn is_shared(&self) -> bool {
        true
    }

    fn is_bound(&self) -> bool {
        true
    }

    fn at_once(&self) -> usize {
        self.at_once
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn kind(&self) -> &'static str {
        "postgres"
    }

    #[cfg(test)]
    fn pass(&self, time: Duration) -> Given<'_, ()> {
        let time = rows::milliseconds(time);
        Box::pin(async move {
            for statement in PASS {
                connect::tried(&self.pool, |mut lent| async move {
                    let passed = sqlx::query(statement).bind(time).execute(&mut *lent).await;
                    (lent, passed)
                })
                .await?;
            }
            Ok(())
        })
    }
}

#[cfg(test)]
const PASS: [&str; 3] = [
    "UPDATE webhooks_runtime.deliveries SET
        accepted_at = accepted_at - $1 * interval '1 millisecond',
        run_at = run_at - $1 * interval '1 millisecond',
        started_at = started_at - $1 * interval '1 millisecond',
        ended_at = ended_at - $1 * interval '1 millisecond'",
    "UPDATE webhooks_runtime.attempts SET
        started_at = started_at - $1 * interval '1 millisecond',
        ended_at = ended_at - $1 * interval '1 millisecond'",
    "UPDATE webhooks_runtime.owners SET lease_until = lease_until - $1 * interval '1 millisecond'",
];
