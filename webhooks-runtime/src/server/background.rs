//! Opens the store of a server's background deliveries, and runs them until the server shuts down.

use std::fmt::Write as _;
use std::io::{self, IsTerminal};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::SystemTime;

use futures_util::future::BoxFuture;
use tokio::time::Instant;

use super::LaunchError;
use super::banner;
use crate::config::settings::Settings;
use crate::http::background::{AcceptUnknown, KnownDeliveries};
use crate::http::dispatch::Dispatcher;
use crate::http::part::{Console, Part};
use crate::http::part::{OK, StoreHealth, StoreStatus, UNAVAILABLE};
use crate::http::store_monitor::{StoreMonitor, paused_endpoints};
use crate::jobs::{
    BackgroundHandler, Jobs, JobsObservers, OpeningReport, Options, StoreError, StoreUrl,
    paused_text,
};

/// Returns the configured store, or the default one.
pub(super) fn store_url(store: Option<&str>, on_space: bool) -> Result<StoreUrl, StoreError> {
    match store {
        Some(store) => StoreUrl::parse(store),
        None => Ok(StoreUrl::default(on_space)),
    }
}

/// The background deliveries of a server. Does nothing if the server has no background endpoints.
#[derive(Default)]
pub(super) struct BackgroundPart {
    /// The functions, until the store is opened.
    functions: Mutex<Vec<BackgroundHandler>>,
    options: Options,
    /// The configured store; `None` means the default one.
    store: Option<String>,
    on_space: bool,
    /// Set once the store is open.
    pub(super) jobs: Arc<OnceLock<Jobs>>,
    /// The endpoints that were paused when the store was opened, and since when.
    paused: OnceLock<Vec<(String, SystemTime)>>,
    /// What finds deliveries that the program has made for what arrives later, if a part does.
    pub(super) known: OnceLock<Arc<dyn KnownDeliveries>>,
    /// Who is notified of attempts, if a part is.
    pub(super) observers: OnceLock<JobsObservers>,
    /// A warning if deliveries can be lost in this store.
    warning: OnceLock<String>,
    /// Shared with the page.
    pub(super) monitor: StoreMonitor,
}

impl BackgroundPart {
    pub(super) fn new(
        functions: Vec<BackgroundHandler>,
        options: Options,
        settings: &Settings,
        jobs: Arc<OnceLock<Jobs>>,
    ) -> Self {
        let (store, on_space) = (settings.store.clone(), settings.on_space);
        Self { functions: Mutex::new(functions), options, store, on_space, jobs, ..Self::default() }
    }

    /// Opens the store and passes it to the dispatcher. `report` receives a line when opening takes long.
    pub(super) async fn open(
        &self,
        dispatcher: &Dispatcher,
        report: OpeningReport,
    ) -> Result<(), LaunchError> {
        let functions =
            std::mem::take(&mut *self.functions.lock().unwrap_or_else(PoisonError::into_inner));
        if functions.is_empty() {
            return Ok(());
        }
        let store = store_url(self.store.as_deref(), self.on_space)?;
        let observers = self.observers.get().cloned().unwrap_or_default();
        let options = Options { observers, ..self.options.clone() };
        let jobs = Jobs::open(&store, &options, functions, report).await?;
        let _ = self.paused.set(paused_endpoints(&jobs).await?);
        match self.known.get() {
            None => dispatcher.set_store(Arc::new(jobs.clone())),
            Some(known) => {
                let (jobs, known) = (jobs.clone(), Arc::clone(known));
                dispatcher.set_store(Arc::new(AcceptUnknown { jobs, known }));
            }
        }
        if let Some(warning) = store.warning(self.on_space) {
            let _ = self.warning.set(warning);
        }
        // A server is started once.
        let _ = self.jobs.set(jobs);
        Ok(())
    }

    /// Returns the store's health, as of the last second.
    async fn check_health(&self) -> Option<StoreHealth> {
        let jobs = self.jobs.get()?;
        let report = self.monitor.report(jobs).await;
        let status = if report.responds { OK } else { UNAVAILABLE };
        let paused = report.paused.unwrap_or_default();
        Some(StoreHealth {
            store: StoreStatus { kind: jobs.kind(), status },
            oldest_queued_seconds: report.oldest_due.map(|oldest| oldest.as_secs()),
            timed_out_still_running: jobs.overdue(),
            paused: paused.into_iter().map(|(path, _)| path).collect(),
        })
    }
}

impl Part for BackgroundPart {
    fn started(&self, console: Console) {
        if let Some(jobs) = self.jobs.get() {
            jobs.start();
        }
        // Nobody reads the start-up message otherwise.
        if console == Console::Log || !io::stdout().is_terminal() {
            for (path, since) in self.paused.get().into_iter().flatten() {
                tracing::warn!("{}", paused_text(path, *since));
            }
        }
    }

    fn banner(&self, _: bool) -> Option<String> {
        let jobs = self.jobs.get()?;
        let mut text = banner::background(jobs.name());
        for (path, since) in self.paused.get().into_iter().flatten() {
            let _ = writeln!(text, "* {}", paused_text(path, *since));
        }
        Some(text)
    }

    fn warning(&self) -> Option<String> {
        self.warning.get().cloned()
    }

    fn health(&self) -> BoxFuture<'_, Option<StoreHealth>> {
        Box::pin(self.check_health())
    }

    /// Waits for the running functions until `deadline`, and releases the deliveries that are not done by then.
    fn drain(&self, deadline: Instant) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            if let Some(jobs) = self.jobs.get() {
                jobs.shut_down(deadline).await;
            }
        })
    }

    /// Closes the store. No delivery can be accepted afterwards.
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
    use std::time::Duration;

    use super::*;
    use crate::http::store_monitor::REPORT_AGE;

    #[tokio::test]
    async fn a_store_that_does_not_respond_is_reported_as_unavailable() {
        let folder = tempfile::tempdir().unwrap();
        let url = StoreUrl::File(folder.path().join("webhooks.db"));
        let opened = Jobs::open(&url, &Options::default(), Vec::new(), |_| {}).await;
        let part = BackgroundPart::default();
        assert!(part.health().await.is_none());
        assert!(part.jobs.set(opened.unwrap()).is_ok());
        let health = async || serde_json::to_string(&part.health().await).unwrap();
        let healthy = r#"{"store":{"kind":"sqlite","status":"ok"},"oldest_queued_seconds":null}"#;
        assert_eq!(health().await, healthy);
        part.close(Instant::now()).await;
        // The last report is reused for a moment.
        assert_eq!(health().await, healthy);
        tokio::time::sleep(REPORT_AGE).await;
        assert_eq!(health().await, healthy.replace("ok", "unavailable"));
    }

    #[tokio::test]
    async fn a_paused_endpoint_is_reported_at_the_start() {
        let folder = tempfile::tempdir().unwrap();
        let url = StoreUrl::File(folder.path().join("webhooks.db"));
        let opened = Jobs::open(&url, &Options::default(), Vec::new(), |_| {}).await.unwrap();
        let since = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
        let part = BackgroundPart::default();
        assert!(part.paused.set(vec![("/webhooks/train".to_owned(), since)]).is_ok());
        assert!(part.jobs.set(opened).is_ok());
        let banner = part.banner(true).unwrap();
        let expected = "\n* /webhooks/train has been paused since 2001-09-09T01:46:40Z: its deliveries stay queued until \
                        `deliveries resume train`\n";
        assert!(banner.ends_with(expected), "{banner}");
        part.close(Instant::now()).await;
    }
}
