//! Defines a route with its secrets and its filter, and counts the requests that its function is handling.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::config::secret::Secrets;
use crate::endpoint::filter::Conditions;
use crate::endpoint::registry::Route;

/// A route with its secrets and its filter.
pub(crate) struct GuardedRoute {
    pub(crate) route: Route,
    pub(crate) secrets: Option<Secrets>,
    /// The conditions of its filter; `None` if every delivery matches.
    pub(crate) filter: Option<Conditions>,
    /// The number of requests that its function is handling.
    pub(super) running: AtomicUsize,
}

impl GuardedRoute {
    pub(crate) fn new(route: Route, secrets: Option<Secrets>, filter: Option<Conditions>) -> Self {
        Self { route, secrets, filter, running: AtomicUsize::new(0) }
    }
}

/// Counts a running function until it is dropped.
pub(super) struct RunningGuard<'a>(&'a AtomicUsize);

impl<'a> RunningGuard<'a> {
    pub(super) fn new(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for RunningGuard<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
