//! Finds the shared state of a server: in its store of background deliveries, or elsewhere when it has none.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use uuid::Uuid;

use crate::jobs::Jobs;
use crate::state::{SharedState, StateFuture};

/// The shared state of a server.
pub(super) struct ServerState {
    /// Set once the store of background deliveries is open, which is before the server starts.
    jobs: Arc<OnceLock<Jobs>>,
    /// The state of a server without a store.
    without_store: Box<dyn SharedState>,
}

impl ServerState {
    pub(super) fn new(
        jobs: &Arc<OnceLock<Jobs>>,
        without_store: impl SharedState + 'static,
    ) -> Self {
        Self { jobs: Arc::clone(jobs), without_store: Box::new(without_store) }
    }

    fn current(&self) -> &dyn SharedState {
        match self.jobs.get() {
            Some(jobs) => jobs,
            None => &*self.without_store,
        }
    }
}

impl SharedState for ServerState {
    fn get<'a>(&'a self, key: &'a str) -> StateFuture<'a, Option<String>> {
        self.current().get(key)
    }

    fn set<'a>(
        &'a self,
        key: &'a str,
        value: &'a str,
        ttl: Option<Duration>,
    ) -> StateFuture<'a, ()> {
        self.current().set(key, value, ttl)
    }

    fn append<'a>(
        &'a self,
        key: &'a str,
        text: &'a str,
        most: usize,
        ttl: Duration,
    ) -> StateFuture<'a, ()> {
        self.current().append(key, text, most, ttl)
    }

    fn remove<'a>(&'a self, key: &'a str) -> StateFuture<'a, ()> {
        self.current().remove(key)
    }

    fn lease<'a>(
        &'a self,
        name: &'a str,
        holder: Uuid,
        duration: Duration,
    ) -> StateFuture<'a, bool> {
        self.current().lease(name, holder, duration)
    }

    fn release<'a>(&'a self, name: &'a str, holder: Uuid) -> StateFuture<'a, ()> {
        self.current().release(name, holder)
    }
}
