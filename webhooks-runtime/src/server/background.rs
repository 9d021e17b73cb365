//! The background deliveries of a server: opens their store, and runs them until the server shuts down.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::sync::Mutex as AsyncMutex;
use tokio::time::{Instant, timeout};

use super::LaunchError;
use super::banner;
use crate::config::settings::Settings;
use crate::http::dispatch::Dispatcher;
use crate::http::part::{Console, Part};
use crate::http::part::{OK, StoreHealth, StoreStatus, UNAVAILABLE};
use crate::jobs::{BackgroundHandler, Jobs, Options, Report, StoreError, StoreUrl};

/// How long a health check waits for the store.
const STORE_TIMEOUT: Duration = Duration::from_secs(2);

/// How long the health of a store is reported without asking again: the route is open to everyone, and the
/// store has more to do.
const HEALTH_AGE: Duration = Duration::from_secs(1);

/// Returns the store that the settings name.
pub(super) fn store_url(store: Option<&str>, on_space: bool) -> Result<StoreUrl, StoreError> {
    match store {
        Some(store) => StoreUrl::parse(store),
        None => Ok(StoreUrl::default(on_space)),
    }
}

/// The background deliveries of a server. Without a background function it does nothing.
#[derive(Default)]
pub(super) struct BackgroundPart {
    /// The functions, until the store is opened for them.
    functions: Mutex<Vec<BackgroundHandler>>,
    options: Options,
    /// The store that the settings name, if they name one.
    store: Option<String>,
    on_space: bool,
    /// Set once the store is open.
    pub(super) jobs: Arc<OnceLock<Jobs>>,
    /// Why deliveries can be lost in this store.
    warning: OnceLock<String>,
    /// The last report of its health, and its time. Locked while the store is asked, so that it is asked once
    /// for all requests.
    health: AsyncMutex<Option<(Instant, StoreHealth)>>,
}

impl BackgroundPart {
    pub(super) fn new(
        functions: Vec<BackgroundHandler>,
        options: Options,
        settings: &Settings,
    ) -> Self {
        let (store, on_space) = (settings.store.clone(), settings.on_space);
        Self { functions: Mutex::new(functions), options, store, on_space, ..Self::default() }
    }

    /// Opens the store, and has the dispatcher store deliveries in it. `report` receives a line when that
    /// takes long.
    pub(super) async fn open(
        &self,
        dispatcher: &Dispatcher,
        report: Report,
    ) -> Result<(), LaunchError> {
        let functions =
            std::mem::take(&mut *self.functions.lock().unwrap_or_else(PoisonError::into_inner));
        if functions.is_empty() {
            return Ok(());
        }
        let store = store_url(self.store.as_deref(), self.on_space)?;
        let jobs = Jobs::open(&store, &self.options, functions, report).await?;
        dispatcher.store_in(Arc::new(jobs.clone()));
        if let Some(warning) = store.warning(self.on_space) {
            let _ = self.warning.set(warning);
        }
        // A server is started once.
        let _ = self.jobs.set(jobs);
        Ok(())
    }

    async fn ask_health(&self) -> Option<StoreHealth> {
        let jobs = self.jobs.get()?;
        let mut last = self.health.lock().await;
        if let Some((at, health)) = *last
            && at.elapsed() < HEALTH_AGE
        {
            return Some(health);
        }
        let (status, oldest) = match timeout(STORE_TIMEOUT, jobs.oldest_due()).await {
            Ok(Ok(oldest)) => (OK, oldest),
            Ok(Err(_)) | Err(_) => (UNAVAILABLE, None),
        };
        let health = StoreHealth {
            store: StoreStatus { kind: jobs.kind(), status },
            oldest_queued_seconds: oldest.map(|oldest| oldest.as_secs()),
            timed_out_still_running: jobs.overdue(),
        };
        *last = Some((Instant::now(), health));
        Some(health)
    }
}

impl Part for BackgroundPart {
    fn started(&self, _: Console) {
        if let Some(jobs) = self.jobs.get() {
            jobs.start();
        }
    }

    fn banner(&self, _: bool) -> Option<String> {
        self.jobs.get().map(|jobs| banner::background(jobs.name()))
    }

    fn warning(&self) -> Option<String> {
        self.warning.get().cloned()
    }

    fn health(&self) -> BoxFuture<'_, Option<StoreHealth>> {
        Box::pin(self.ask_health())
    }

    /// Lets running functions end, and releases the deliveries of the others.
    fn drain(&self, deadline: Instant) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            if let Some(jobs) = self.jobs.get() {
                jobs.shut_down(deadline).await;
            }
        })
    }

    /// Closes the store. Nothing can be accepted from now on.
    fn close(&self, _: Instant) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            if let Some(jobs) = self.jobs.get() {
                jobs.close().await;
            }
        })
    }
}

#[cfg(feature = "background")]
#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_store_that_does_not_respond_is_reported_as_unavailable() {
        let folder = tempfile::tempdir().unwrap();
        let place = StoreUrl::File(folder.path().join("kept.db"));
        let opened = Jobs::open(&place, &Options::default(), Vec::new(), |_| {}).await;
        let part = BackgroundPart::default();
        assert!(part.health().await.is_none());
        assert!(part.jobs.set(opened.unwrap()).is_ok());
        let health = async || serde_json::to_string(&part.health().await).unwrap();
        let well = r#"{"store":{"kind":"sqlite","status":"ok"},"oldest_queued_seconds":null}"#;
        assert_eq!(health().await, well);
        part.close(Instant::now()).await;
        // For a moment the last report holds.
        assert_eq!(health().await, well);
        tokio::time::sleep(HEALTH_AGE).await;
        assert_eq!(health().await, well.replace("ok", "unavailable"));
    }
}
