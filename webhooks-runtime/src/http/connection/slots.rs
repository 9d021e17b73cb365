//! Counts the open connections of a server, and limits them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Counts the open connections of a server and limits them.
#[derive(Clone, Debug)]
pub(crate) struct Slots(Arc<Counts>);

#[derive(Debug)]
struct Counts {
    open: AtomicUsize,
    limit: usize,
    is_reported: AtomicBool,
}

impl Slots {
    pub(crate) fn new(limit: usize) -> Self {
        let (open, is_reported) = (AtomicUsize::new(0), AtomicBool::new(false));
        Self(Arc::new(Counts { open, limit, is_reported }))
    }

    /// Takes the place of one connection, if one is free.
    pub(crate) fn take(&self) -> Option<Slot> {
        // Without a free one, dropping this takes it off the count again.
        let slot = Slot(Arc::clone(&self.0));
        (self.0.open.fetch_add(1, Ordering::Relaxed) < self.0.limit).then_some(slot)
    }

    /// Logs that none is free, once each time that this happens.
    pub(crate) fn report_full(&self) {
        if !self.0.is_reported.swap(true, Ordering::Relaxed) {
            let limit = self.0.limit;
            tracing::warn!(limit, "too many open connections: rejecting new ones with 503");
        }
    }
}

/// The place of one connection, until it is dropped.
#[derive(Debug)]
pub(crate) struct Slot(Arc<Counts>);

impl Drop for Slot {
    fn drop(&mut self) {
        let left = self.0.open.fetch_sub(1, Ordering::Relaxed) - 1;
        if left <= self.0.limit / 2 && self.0.is_reported.load(Ordering::Relaxed) {
            self.0.is_reported.store(false, Ordering::Relaxed);
        }
    }
}
