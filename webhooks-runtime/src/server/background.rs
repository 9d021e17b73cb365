//! The background deliveries of a server that runs, if it has an endpoint for them.

#[cfg(feature = "background")]
use std::time::Duration;

use serde::Serialize;
use tokio::time::Instant;

use super::LaunchError;
use super::prepare::Prepared;
#[cfg(feature = "background")]
use crate::config::Settings;
#[cfg(feature = "background")]
use crate::jobs::{Jobs, Place, StoreError};

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

/// What is told of the health of a store.
#[derive(Debug, Serialize)]
pub(super) struct StoreHealth {
    store: StoreStatus,
    /// For how long the one has been waiting that should run first; `null` when none waits.
    oldest_queued_seconds: Option<u64>,
}

#[derive(Debug, Serialize)]
struct StoreStatus {
    kind: &'static str,
    status: &'static str,
}

/// The background deliveries of a server; nothing where no function runs in the background.
#[derive(Clone, Debug, Default)]
pub(super) struct Background {
    #[cfg(feature = "background")]
    jobs: Option<Jobs>,
    /// What a person reads of where they are kept.
    place: Option<String>,
    /// Why that is no good place.
    warning: Option<String>,
}

#[cfg(feature = "background")]
impl Background {
    /// Opens their store, and has the dispatcher keep deliveries in it.
    pub(super) fn open(prepared: &mut Prepared) -> Result<Self, LaunchError> {
        let functions = std::mem::take(&mut prepared.functions);
        if functions.is_empty() {
            return Ok(Self::default());
        }
        let on_space = prepared.settings.on_space;
        let place = place(&prepared.settings)?;
        let jobs = Jobs::open(&place, &prepared.background, functions)?;
        prepared.dispatcher.keep_in(jobs.clone());
        let name = Some(jobs.name().to_owned());
        Ok(Self { jobs: Some(jobs), place: name, warning: place.warning(on_space) })
    }

    /// How their store is; `None` where there is none.
    pub(super) async fn health(&self) -> Option<StoreHealth> {
        let jobs = self.jobs.as_ref()?;
        let oldest = tokio::time::timeout(PATIENCE, jobs.oldest_due()).await;
        let (status, oldest) = match oldest {
            Ok(Ok(oldest)) => ("ok", oldest),
            Ok(Err(_)) | Err(_) => ("unavailable", None),
        };
        let store = StoreStatus { kind: jobs.kind(), status };
        Some(StoreHealth { store, oldest_queued_seconds: oldest.map(|oldest| oldest.as_secs()) })
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

/// Without the feature there is nothing to do.
#[cfg(not(feature = "background"))]
impl Background {
    pub(super) fn open(_: &mut Prepared) -> Result<Self, LaunchError> {
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
        let jobs = Jobs::open(&place, &Options::default(), Vec::new()).unwrap();
        let background = Background { jobs: Some(jobs), place: None, warning: None };
        let health = async || serde_json::to_string(&background.health().await).unwrap();
        let well = r#"{"store":{"kind":"sqlite","status":"ok"},"oldest_queued_seconds":null}"#;
        assert_eq!(health().await, well);
        background.close().await;
        assert_eq!(health().await, well.replace("ok", "unavailable"));
        assert!(Background::default().health().await.is_none());
    }
}
