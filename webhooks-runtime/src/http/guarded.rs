//! Defines a route with its secrets, its filter and its checks, and counts the requests that its function is handling
//! and those that were skipped.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::config::secret::Secrets;
use crate::endpoint::call::DELIVERY;
use crate::endpoint::checks::Checks;
use crate::endpoint::filter::Conditions;
use crate::endpoint::registry::Route;

/// A route with its secrets, its filter and its checks.
pub(crate) struct GuardedRoute {
    pub(crate) route: Route,
    pub(crate) secrets: Option<Secrets>,
    /// The conditions of its filter; `None` if every delivery matches.
    pub(crate) filter: Option<Conditions>,
    /// What is checked after the filter; `None` if nothing is.
    pub(crate) checks: Option<Checks>,
    /// The number of requests that its function is handling.
    pub(super) running: AtomicU64,
    /// The number of deliveries that did not match its filter or a check.
    pub(super) skipped: AtomicU64,
}

impl GuardedRoute {
    pub(crate) fn new(route: Route, secrets: Option<Secrets>, filter: Option<Conditions>) -> Self {
        Self {
            route,
            secrets,
            filter,
            checks: None,
            running: AtomicU64::new(0),
            skipped: AtomicU64::new(0),
        }
    }
}

/// Returns the sum of a number of each endpoint, and a list of the endpoints with theirs; `None` if the sum is 0.
pub(super) fn sum<'a>(
    routes: impl Iterator<Item = &'a GuardedRoute>,
    number: impl Fn(&GuardedRoute) -> &AtomicU64,
) -> Option<(u64, String)> {
    let numbers =
        routes.map(|guarded| (&guarded.route.path, number(guarded).load(Ordering::Relaxed)));
    let mut numbers: Vec<_> = numbers.filter(|(_, number)| *number > 0).collect();
    numbers.sort_unstable();
    let sum = numbers.iter().map(|(_, number)| number).sum();
    let endpoints: Vec<_> =
        numbers.iter().map(|(path, number)| format!("{path} ({number})")).collect();
    (sum > 0).then(|| (sum, endpoints.join(", ")))
}

/// Logs the functions that are still running when the shutdown timeout is over.
pub(super) fn log_running<'a>(routes: impl Iterator<Item = &'a GuardedRoute>) {
    if let Some((count, endpoints)) = sum(routes, |guarded| &guarded.running) {
        tracing::warn!(
            target: DELIVERY,
            count,
            endpoints,
            "the shutdown timeout is over: the server stops while these functions are still running"
        );
    }
}

/// Counts a running function until it is dropped.
pub(super) struct RunningGuard<'a>(&'a AtomicU64);

impl<'a> RunningGuard<'a> {
    pub(super) fn new(count: &'a AtomicU64) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for RunningGuard<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
