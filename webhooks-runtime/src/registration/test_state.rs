//! A state that does something before each call, for tests.

use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use uuid::Uuid;

use crate::state::{MemoryState, SharedState, StateFuture};

/// Values in this process. The function gets the name of each method, and the method waits for its future.
pub(super) struct HookedState<F> {
    pub(super) state: MemoryState,
    pub(super) before: F,
}

impl<F: Fn(&'static str) -> BoxFuture<'static, ()> + Send + Sync> HookedState<F> {
    fn after<'a, T>(&self, method: &'static str, call: StateFuture<'a, T>) -> StateFuture<'a, T>
    where
        T: Send + 'a,
    {
        let before = (self.before)(method);
        async move {
            before.await;
            call.await
        }
        .boxed()
    }
}

impl<F: Fn(&'static str) -> BoxFuture<'static, ()> + Send + Sync> SharedState for HookedState<F> {
    fn get<'a>(&'a self, key: &'a str) -> StateFuture<'a, Option<String>> {
        self.after("get", async move { self.state.get(key).await }.boxed())
    }

    fn set<'a>(
        &'a self,
        key: &'a str,
        value: &'a str,
        ttl: Option<Duration>,
    ) -> StateFuture<'a, ()> {
        self.after("set", async move { self.state.set(key, value, ttl).await }.boxed())
    }

    fn append<'a>(
        &'a self,
        key: &'a str,
        text: &'a str,
        most: usize,
        ttl: Duration,
    ) -> StateFuture<'a, ()> {
        let appended = async move { self.state.append(key, text, most, ttl).await };
        self.after("append", appended.boxed())
    }

    fn remove<'a>(&'a self, key: &'a str) -> StateFuture<'a, ()> {
        self.after("remove", async move { self.state.remove(key).await }.boxed())
    }

    fn lease<'a>(
        &'a self,
        name: &'a str,
        holder: Uuid,
        duration: Duration,
    ) -> StateFuture<'a, bool> {
        self.after("lease", async move { self.state.lease(name, holder, duration).await }.boxed())
    }

    fn release<'a>(&'a self, name: &'a str, holder: Uuid) -> StateFuture<'a, ()> {
        self.after("release", async move { self.state.release(name, holder).await }.boxed())
    }
}
