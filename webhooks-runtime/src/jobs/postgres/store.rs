//! Defines the PostgreSQL store's data, and opens it.

use std::collections::HashMap;
use std::sync::atomic::AtomicU32;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;
use tokio::task::JoinHandle;

use super::super::error::StoreError;
use super::super::opening::Obstacle;
use super::super::options::Options;
use super::super::store::{Access, EndpointPolicy};
use super::backlog::Backlog;
use super::ledger::ClaimLedger;
use super::notify::Notifier;
use super::pool::Pool;
use super::size::StoreSize;
use super::{address, errors, schema};
use crate::task;

/// How many batches are accepted concurrently, if there are enough connections.
const MAX_CONCURRENT_BATCHES: usize = 3;

/// A store in a PostgreSQL database.
pub(crate) struct PostgresStore {
    pub(super) name: String,
    pub(super) pool: Pool,
    /// A pool of one connection for heartbeats, which must not wait for other work.
    pub(super) heartbeats: Pool,
    pub(super) endpoints: Vec<EndpointPolicy>,
    /// The ids of the endpoints in the tables.
    pub(super) endpoint_ids: Vec<i64>,
    /// The index of each endpoint by its id in the tables.
    endpoint_indexes: HashMap<i64, usize>,
    pub(super) backlog: Arc<Backlog>,
    pub(super) size: Arc<StoreSize>,
    /// The maximum number of bytes of a merged body.
    pub(super) body_limit: u64,
    pub(super) ledger: ClaimLedger,
    /// The number of live replicas, as of the last heartbeat.
    pub(super) replicas: AtomicU32,
    pub(super) notifier: Arc<Notifier>,
    /// Notified when another replica may have queued something.
    pub(super) notified: Arc<Notify>,
    tasks: Mutex<Vec<JoinHandle<()>>>,
    pub(super) max_concurrent_batches: usize,
}

impl PostgresStore {
    /// Opens the store. With [`Access::Serve`], creates or migrates its tables.
    ///
    /// Its connections and tasks belong to the runtime that it is opened in, which is also the one to call its
    /// methods in.
    pub(crate) async fn open(
        url: &str,
        endpoints: Vec<EndpointPolicy>,
        options: impl Into<Options>,
        access: Access,
        obstacle: &Obstacle,
    ) -> Result<Arc<Self>, StoreError> {
        let options = options.into();
        let server = address::parse(url)?;
        let name = address::name(&server);
        let unopened = |error| errors::unopened(&name, error);
        let endpoint_ids = if access == Access::Serve {
            let prepared = schema::prepare(&server, &endpoints, options.lock_limit, obstacle).await;
            prepared.map_err(unopened)?
        } else {
            let found = schema::check(&server, &endpoints).await.map_err(unopened)?;
            let known = endpoints.iter().zip(found).map(|(endpoint, id)| {
                id.ok_or_else(|| StoreError::UnknownEndpoint { path: endpoint.path.clone() })
            });
            known.collect::<Result<_, _>>()?
        };

        // Besides one that listens and one that sends heartbeats.
        let max = options.connections.saturating_sub(2).max(1);
        let pool = Pool::new(server.clone(), access == Access::Read, max);
        let heartbeats = Pool::new(server.clone(), access == Access::Read, 1);
        let backlog = Arc::new(Backlog::new(options.limits.deliveries));
        let size = Arc::new(StoreSize::new(options.limits.bytes));
        let accepts = access == Access::Serve || !endpoints.is_empty();
        if accepts {
            backlog.try_count(&pool).await;
        }
        let (notifier, notified) = (Arc::new(Notifier::new()), Arc::default());
        let mut tasks = match access {
            Access::Read => Vec::new(),
            Access::Serve | Access::Modify => vec![
                task::spawn(Arc::clone(&notifier).run(pool.clone())),
                task::spawn(Arc::clone(&notifier).listen(server, Arc::clone(&notified))),
            ],
        };
        // A server measures when it purges.
        if accepts && access != Access::Serve {
            tasks.push(task::spawn(Arc::clone(&size).keep_measured(pool.clone())));
        }
        Ok(Arc::new(Self {
            name,
            max_concurrent_batches: MAX_CONCURRENT_BATCHES.min(max as usize),
            pool,
            heartbeats,
            endpoint_indexes: endpoint_ids
                .iter()
                .enumerate()
                .map(|(index, id)| (*id, index))
                .collect(),
            endpoints,
            endpoint_ids,
            backlog,
            size,
            body_limit: options.limits.body,
            ledger: ClaimLedger::default(),
            replicas: AtomicU32::new(1),
            notifier,
            notified,
            tasks: Mutex::new(tasks),
        }))
    }

    /// Returns the index of the endpoint with this id in the tables.
    pub(super) fn index_of(&self, id: i64) -> Option<usize> {
        self.endpoint_indexes.get(&id).copied()
    }

    /// Stops the background tasks.
    pub(super) fn stop_tasks(&self) {
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        for task in tasks.drain(..) {
            task.abort();
        }
    }
}

impl Drop for PostgresStore {
    fn drop(&mut self) {
        self.stop_tasks();
    }
}
