//! Keeps the values in this process.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::{FutureExt, ready};
use uuid::Uuid;

use super::values::{Values, millis, now};
use super::{SharedState, StateFuture};

/// Values that end with the process.
#[derive(Default)]
pub(crate) struct MemoryState(Mutex<Contents>);

#[derive(Default)]
struct Contents {
    values: Values,
    /// The holder of each lease, and its end in milliseconds of Unix time.
    leases: HashMap<String, (Uuid, u64)>,
}

impl MemoryState {
    fn contents(&self) -> MutexGuard<'_, Contents> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Moves the clock forward by making everything older.
    #[cfg(test)]
    pub(super) fn advance_clock(&self, time: Duration) {
        let mut contents = self.contents();
        contents.values.advance_clock(time);
        for (_, end) in contents.leases.values_mut() {
            *end = end.saturating_sub(millis(time));
        }
    }
}

impl SharedState for MemoryState {
    fn get<'a>(&'a self, key: &'a str) -> StateFuture<'a, Option<String>> {
        let value = self.contents().values.get(key, now()).map(str::to_owned);
        ready(Ok(value)).boxed()
    }

    fn set<'a>(
        &'a self,
        key: &'a str,
        value: &'a str,
        ttl: Option<Duration>,
    ) -> StateFuture<'a, ()> {
        self.contents().values.set(key, value, ttl, now());
        ready(Ok(())).boxed()
    }

    fn append<'a>(
        &'a self,
        key: &'a str,
        text: &'a str,
        most: usize,
        ttl: Duration,
    ) -> StateFuture<'a, ()> {
        self.contents().values.append(key, text, most, ttl, now());
        ready(Ok(())).boxed()
    }

    fn remove<'a>(&'a self, key: &'a str) -> StateFuture<'a, ()> {
        self.contents().values.remove(key);
        ready(Ok(())).boxed()
    }

    fn lease<'a>(
        &'a self,
        name: &'a str,
        holder: Uuid,
        duration: Duration,
    ) -> StateFuture<'a, bool> {
        let (now, mut contents) = (now(), self.contents());
        let free = contents.leases.get(name).is_none_or(|(by, end)| *by == holder || *end <= now);
        if free {
            let end = now.saturating_add(millis(duration));
            contents.leases.insert(name.to_owned(), (holder, end));
        }
        ready(Ok(free)).boxed()
    }

    fn release<'a>(&'a self, name: &'a str, holder: Uuid) -> StateFuture<'a, ()> {
        self.contents().leases.retain(|lease, (by, _)| lease != name || *by != holder);
        ready(Ok(())).boxed()
    }
}

impl fmt::Debug for MemoryState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MemoryState(…)")
    }
}

#[cfg(test)]
mod tests {
    use futures_util::future::BoxFuture;

    use super::*;
    use crate::state::conformance::{self, StateBehavior, StateFixture};

    impl StateFixture for MemoryState {
        fn state(&self) -> &dyn SharedState {
            self
        }

        fn advance_clock(&self, time: Duration) -> BoxFuture<'_, ()> {
            self.advance_clock(time);
            ready(()).boxed()
        }
    }

    fn run(behavior: StateBehavior) {
        conformance::block_on(behavior(&MemoryState::default()));
    }

    conformance::conformance!(run);
}
