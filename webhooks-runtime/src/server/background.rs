//! The background deliveries of a server that runs, if it has an endpoint for them.

#[cfg(feature = "background")]
use std::sync::Arc;
#[cfg(feature = "background")]
use std::time::Duration;

use serde::Serialize;
#[cfg(feature = "background")]
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::LaunchError;
use super::prepare::Prepared;
#[cfg(feature = "background")]
use crate::config::Settings;
#[cfg(feature = "background")]
use crate::jobs::{Jobs, Place, Report, StoreError};

/// Where they are kept.
#[cfg(feature = "background")]
pub(super) fn place(settings: &Settings) -> Result<Place, StoreError> {
    match &settings.store {
        Some(store) => Place::parse(store),
        None => Ok(Place::default(settings.on_space)),
    }
}

/// How long those wait who only ask how the store is.
#[cfg(feature = "background")]
const PATIENCE: Duration = Duration::from_secs(2);

/// How long an answer about the health of a store holds: the route is open to everyone, and the store has
/// more to do.
#[cfg(feature = "background")]
const HEALTH_AGE: Duration = Duration::from_secs(1);

/// The status of a server that does all that it should.
pub(super) const OK: &str = "ok";

/// The status while nothing can be accepted.
const UNAVAILABLE: &str = "unavailable";

/// The health of a store, and of what runs.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct StoreHealth {
    store: StoreStatus,
    /// How long the delivery has been waiting that is due longest; `null` when none is due.
    oldest_queued_seconds: Option<u64>,
    /// How many functions of this process go on after their timeout.
    #[serde(skip_serializing_if = "is_zero")]
    timed_out_still_running: usize,
}

impl StoreHealth {
    /// Returns the status of the whole server.
    pub(super) fn status(&self) -> &'static str {
        match self {
            Self { store: StoreStatus { status: UNAVAILABLE, .. }, .. } => UNAVAILABLE,
            // They keep slots that they should have left.
            Self { timed_out_still_running: 1.., .. } => "degraded",
            _ => OK,
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn is_zero(count: &usize) -> bool {
    *count == 0
}

#[derive(Clone, Copy, Debug, Serialize)]
struct StoreStatus {
    kind: &'static str,
    status: &'static str,
}

/// The background deliveries of a server; nothing where no function runs in the background.
#[derive(Clone, Debug, Default)]
pub(super) struct Background {
    #[cfg(feature = "background")]
    jobs: Option<Jobs>,
    /// The last answer about its health, and when it was given. Locked while the store is asked, so that
    /// it is asked once for all who want to know.
    #[cfg(feature = "background")]
    health: Arc<Mutex<Option<(Instant, StoreHealth)>>>,
    /// What a person reads of where they are kept.
    place: Option<String>,
    /// Why that is no good place.
    warning: Option<String>,
}

#[cfg(feature = "background")]
impl Background {
    /// Opens their store, and has the dispatcher keep deliveries in it. Reports when the store is waited
    /// for.
    pub(super) async fn open(prepared: &mut Prepared, report: Report) -> Result<Self, LaunchError> {
        let functions = std::mem::take(&mut prepared.functions);
        if functions.is_empty() {
            return Ok(Self::default());
        }
        let on_space = prepared.settings.on_space;
        let place = place(&prepared.settings)?;
        let jobs = Jobs::open(&place, &prepared.background, functions, report).await?;
        prepared.dispatcher.keep_in(jobs.clone());
        let name = Some(jobs.name().to_owned());
        Ok(Self {
            jobs: Some(jobs),
            health: Arc::default(),
            place: name,
            warning: place.warning(on_space),
        })
    }

    /// How their store is; `None` where there is none.
    pub(super) async fn health(&self) -> Option<StoreHealth> {
        let jobs = self.jobs.as_ref()?;
        let mut last = self.health.lock().await;
        if let Some((at, health)) = *last
            && at.elapsed() < HEALTH_AGE
        {
            return Some(health);
        }
        let oldest = tokio::time::timeout(PATIENCE, jobs.oldest_due()).await;
        let (status, oldest) = match oldest {
            Ok(Ok(oldest)) => (OK, oldest),
            Ok(Err(_)) | Err(_) => (UNAVAILABLE, None),
        };
        let store = StoreStatus { kind: jobs.kind(), status };
        let health = StoreHealth {
            store,
            oldest_queued_seconds: oldest.map(|oldest| oldest.as_secs()),
            timed_out_still_running: jobs.overdue(),
        };
        *last = Some((Instant::now(), health));
        Some(health)
    }

    /// For those who look at them.
    #[cfg(feature = "page")]
    pub(super) fn jobs(&self) -> Option<&Jobs> {
        self.jobs.as_ref()
    }

    /// Starts to run them.
    pub(super) fn begin(&self) {
        if let Some(jobs) = &self.jobs {
            jobs.begin();
        }
    }

    /// Lets those end that run, until then, and releases the rest.
    pub(super) async fn stop(&self, deadline: Instant) {
        if let Some(jobs) = &self.jobs {
            jobs.stop(deadline).await;
        }
    }

    /// Closes their store. Nothing can be kept from now on.
    pub(super) async fn close(&self) {
        if let Some(jobs) = &self.jobs {
            jobs.close().await;
        }
    }
}

#[cfg(not(feature = "background"))]
type Report = fn(&str);

/// Without the feature there is nothing to do.
#[cfg(not(feature = "background"))]
impl Background {
    pub(super) async fn open(_: &mut Prepared, _: Report) -> Result<Self, LaunchError> {
        Ok(Self::default())
    }

    pub(super) async fn health(&self) -> Option<StoreHealth> {
        None
    }

    pub(super) fn begin(&self) {}

    pub(super) async fn stop(&self, _: Instant) {}

    pub(super) async fn close(&self) {}
}

impl Background {
    /// What a person reads of where they are kept.
    pub(super) fn place(&self) -> Option<&str> {
        self.place.as_deref()
    }

    /// Why that is no good place.
    pub(super) fn warning(&self) -> Option<&str> {
        self.warning.as_deref()
    }
}

#[cfg(all(test, feature = "background"))]
mod tests {
    use super::*;
    use crate::jobs::Options;

    #[tokio::test]
    async fn a_store_that_does_not_answer_is_said_to_be_unavailable() {
        let folder = tempfile::tempdir().unwrap();
        let place = Place::File(folder.path().join("kept.db"));
        let opened = Jobs::open(&place, &Options::default(), Vec::new(), |_| {}).await;
        let jobs = opened.unwrap();
        let background = Background { jobs: Some(jobs), ..Background::default() };
        let health = async || serde_json::to_string(&background.health().await).unwrap();
        let well = r#"{"store":{"kind":"sqlite","status":"ok"},"oldest_queued_seconds":null}"#;
        assert_eq!(health().await, well);
        background.close().await;
        // For a moment it says what it just said.
        assert_eq!(health().await, well);
        tokio::time::sleep(HEALTH_AGE).await;
        assert_eq!(health().await, well.replace("ok", "unavailable"));
        assert!(Background::default().health().await.is_none());
    }
}
