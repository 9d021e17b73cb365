//! Limits the number of open connections of a server.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// A limit of open connections, and how many are open.
#[derive(Clone, Debug)]
pub(crate) struct ConnectionLimit(Arc<Counts>);

#[derive(Debug)]
struct Counts {
    open: AtomicUsize,
    limit: usize,
    is_reported: AtomicBool,
}

impl ConnectionLimit {
    pub(crate) fn new(limit: usize) -> Self {
        let (open, is_reported) = (AtomicUsize::new(0), AtomicBool::new(false));
        Self(Arc::new(Counts { open, limit, is_reported }))
    }

    /// Returns a permit for one connection, or `None` if the limit is reached.
    pub(crate) fn try_acquire(&self) -> Option<ConnectionPermit> {
        // Above the limit, dropping the permit decrements the count again.
        let permit = ConnectionPermit(Arc::clone(&self.0));
        (self.0.open.fetch_add(1, Ordering::Relaxed) < self.0.limit).then_some(permit)
    }

    /// Logs that the limit is reached, and again only after half of the permits were free in between.
    pub(crate) fn report_reached(&self) {
        if !self.0.is_reported.swap(true, Ordering::Relaxed) {
            let limit = self.0.limit;
            tracing::warn!(limit, "too many open connections: rejecting new ones with 503");
        }
    }
}

/// The permit of one open connection. Dropping it returns it.
#[derive(Debug)]
pub(crate) struct ConnectionPermit(Arc<Counts>);

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        let left = self.0.open.fetch_sub(1, Ordering::Relaxed) - 1;
        if left <= self.0.limit / 2 && self.0.is_reported.load(Ordering::Relaxed) {
            self.0.is_reported.store(false, Ordering::Relaxed);
        }
    }
}
