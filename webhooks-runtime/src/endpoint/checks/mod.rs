//! Checks of a delivery that need the Hub: whether the program caused it itself, and which files it changed.
//!
//! The filter decides with the payload alone. These checks come after it, and may have to wait for an answer. They know
//! the Hub only through the traits [`OwnEvents`] and [`ChangedFiles`], which `hub/` implements.
//!
//! - `own` skips the events of the program's own account
//! - `paths` skips the commits that touch no file of `paths`

mod own;
mod paths;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;

pub(crate) use own::{OwnEvents, ProgramAccount};
pub(crate) use paths::ChangedFiles;

use own::OwnCheck;
use paths::PathsCheck;

use super::extract::body::parse_payload;
use super::filter::Conditions;
use super::registry::Route;
use super::run::background::{AttemptCheck, AttemptDecision, BackgroundTask};
use crate::payload::{FieldPath, TolerantPayload};

/// When a delivery is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// When it has arrived. The sender waits for the response.
    Arrival,
    /// Before an attempt to run a background function.
    Attempt,
    /// Before an attempt whose payload carries the changes of other deliveries.
    MergedAttempt,
}

/// The result of a check.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    /// The function runs. The note says why, where that is worth knowing.
    Run(Option<String>),
    /// The function is not called, for this reason, which contains nothing from the delivery.
    Skip(Arc<str>),
    /// The delivery may have to be skipped, but this field was dropped: its value differs from the Hub's documentation.
    Unknown(FieldPath),
    /// It cannot be decided now.
    Wait(Undetermined),
}

/// Why a check cannot be decided now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Undetermined {
    /// What is unknown, and why.
    pub(crate) reason: String,
    /// When to check again.
    pub(crate) retry_after: Duration,
}

/// A check of deliveries.
pub(crate) trait DeliveryCheck: Send + Sync {
    /// Checks a delivery that matches the endpoint's filter.
    fn check<'a>(&'a self, delivery: &'a TolerantPayload, stage: Stage) -> BoxFuture<'a, Decision>;
}

/// The Hub, as far as the checks need it.
#[derive(Clone)]
pub(crate) struct HubChecks {
    pub(crate) own: Arc<dyn OwnEvents>,
    pub(crate) files: Arc<dyn ChangedFiles>,
}

/// The checks of one endpoint.
#[derive(Clone)]
pub(crate) struct Checks(Arc<[Arc<dyn DeliveryCheck>]>);

impl Checks {
    /// Returns the checks of an endpoint with these conditions; `None` if it has none.
    pub(crate) fn of(
        endpoint: &Route,
        conditions: Option<&Conditions>,
        hub: &HubChecks,
    ) -> Option<Self> {
        let own = endpoint.hub.skips_own().then(|| OwnCheck(Arc::clone(&hub.own)));
        let paths = conditions.filter(|conditions| conditions.restricts_paths());
        let paths = paths.map(|conditions| PathsCheck {
            conditions: conditions.clone(),
            hub: Arc::clone(&hub.files),
        });
        let own = own.map(|check| Arc::new(check) as Arc<dyn DeliveryCheck>);
        let paths = paths.map(|check| Arc::new(check) as Arc<dyn DeliveryCheck>);
        let checks: Vec<_> = own.into_iter().chain(paths).collect();
        (!checks.is_empty()).then(|| Self(checks.into()))
    }

    /// Checks a delivery. The first check that does not let the function run decides.
    pub(crate) async fn check(&self, delivery: &TolerantPayload, stage: Stage) -> Decision {
        let mut notes = Vec::new();
        for check in &*self.0 {
            match check.check(delivery, stage).await {
                Decision::Run(note) => notes.extend(note),
                other => return other,
            }
        }
        Decision::Run((!notes.is_empty()).then(|| notes.join("; ")))
    }

    /// Checks the body of a delivery before an attempt. A body that is not the Hub's payload is none of its events. A
    /// field that was dropped was no obstacle when the delivery was accepted.
    async fn before_attempt(&self, body: &[u8], stage: Stage) -> AttemptDecision {
        let Ok(delivery) = parse_payload(body) else {
            return AttemptDecision::Run { note: None };
        };
        match self.check(&delivery, stage).await {
            Decision::Run(note) => AttemptDecision::Run { note },
            Decision::Unknown(_) => AttemptDecision::Run { note: None },
            Decision::Skip(reason) => AttemptDecision::Skip { reason: reason.as_ref().to_owned() },
            Decision::Wait(Undetermined { reason, retry_after }) => {
                AttemptDecision::Wait { reason, at_least: retry_after }
            }
        }
    }
}

impl AttemptCheck for Checks {
    fn decide<'a>(&'a self, task: &'a BackgroundTask) -> BoxFuture<'a, AttemptDecision> {
        let is_merged = !task.delivery.merged().is_empty();
        let stage = if is_merged { Stage::MergedAttempt } else { Stage::Attempt };
        Box::pin(self.before_attempt(&task.body, stage))
    }
}

impl fmt::Debug for Checks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Checks({})", self.0.len())
    }
}
