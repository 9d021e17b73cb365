//! Carries out a plan, and remembers each webhook as soon as it is known.

mod enable;
#[cfg(test)]
mod tests;

use std::fmt;
use std::time::SystemTime;

use super::blocking::on_blocking_pool;
use super::lease::RegistrationLease;
use super::plan::{PlannedStep, RegistrationMode, RegistrationPlan, StepAction};
use super::remembered::{PauseMark, RememberedWebhook, RememberedWebhooks, UrlKind};
use crate::hub::{Hub, HubError, WebhookSpec, WebhookTarget};
use crate::state::{SharedState, StateError};

/// Carries out plans of one mode and kind of URL.
pub(crate) struct Registrar<'a> {
    /// The lease without which no step is taken; `None` if a person has asked for the plan.
    pub(crate) lease: Option<&'a RegistrationLease>,
    pub(crate) hub: &'a Hub,
    pub(crate) state: &'a dyn SharedState,
    pub(crate) mode: RegistrationMode,
    pub(crate) url_kind: UrlKind,
}

/// Why a step failed.
#[derive(Debug)]
pub(crate) struct StepError {
    path: String,
    cause: StepFailure,
}

#[derive(Debug)]
enum StepFailure {
    Hub(HubError),
    State(StateError),
    /// The webhook is no longer as planned. The next check makes a new plan.
    ChangedMeanwhile,
}

impl Registrar<'_> {
    /// Carries out a plan. `report` gets each step that changes something, once it is done, with the id of its webhook.
    /// Returns the errors.
    ///
    /// A step that the Hub refuses does not prevent the following ones, such as when its repo does not exist. Any other
    /// error does, such as an invalid token, or the Hub is down. Without the lease, no further step is taken.
    pub(crate) async fn apply(
        &self,
        plan: &RegistrationPlan,
        now: SystemTime,
        mut report: impl FnMut(&PlannedStep, &str),
    ) -> Vec<StepError> {
        let mut errors = Vec::new();
        for id in &plan.resumed {
            let resumed = |webhooks: &mut RememberedWebhooks| {
                webhooks.set_pause(id, PauseMark::None);
            };
            if let Err(error) = self.remember(resumed).await {
                return vec![StepError { path: id.clone(), cause: error }];
            }
        }
        for step in plan.steps.iter().filter(|step| step.action.is_change()) {
            let done = match self.may_change().await {
                Ok(true) => self.execute(step, now).await,
                Ok(false) => break,
                Err(error) => Err(error.into()),
            };
            match done {
                Ok(id) => report(step, &id),
                Err(cause) => {
                    let ends = cause.ends_all();
                    errors.push(StepError { path: step.path.clone(), cause });
                    if ends {
                        break;
                    }
                }
            }
        }
        errors
    }

    /// Returns whether no other replica has taken over while the former steps took long.
    async fn may_change(&self) -> Result<bool, StateError> {
        match self.lease {
            Some(lease) => lease.renew().await,
            None => Ok(true),
        }
    }

    /// Executes one step, and returns the id of its webhook.
    async fn execute(&self, step: &PlannedStep, now: SystemTime) -> Result<String, StepFailure> {
        let id = match (&step.action, &step.id) {
            (StepAction::Create(spec), _) => {
                return self.create(spec, &step.path, now).await;
            }
            (_, Some(id)) => id,
            (_, None) => return Ok(String::new()),
        };
        match &step.action {
            StepAction::Update { spec, enables, .. } => {
                self.hub.update_webhook(id, spec).await?;
                self.remember_sent(id, &step.path, spec.secret.as_deref()).await?;
                if let Some(reason) = enables {
                    self.enable(id, *reason, now).await?;
                }
            }
            StepAction::Adopt => self.remember_sent(id, &step.path, None).await?,
            StepAction::Enable(reason) => self.enable(id, *reason, now).await?,
            StepAction::Create(_) | StepAction::Unchanged { .. } | StepAction::LeaveAlone(_) => {}
        }
        Ok(id.clone())
    }

    /// Creates a webhook, and returns its id. If the Hub does not confirm it, a later check recognizes the webhook by its
    /// URL.
    async fn create(
        &self,
        spec: &WebhookSpec,
        path: &str,
        now: SystemTime,
    ) -> Result<String, StepFailure> {
        let secret = spec.secret.as_deref();
        let WebhookTarget::Url(url) = &spec.target else {
            return Ok(self.hub.create_webhook(spec).await?.id);
        };
        let new = self.new_webhook(url, path, secret, RememberedWebhook::before_creation).await;
        self.remember(|webhooks| webhooks.mark_creation(url, new, now)).await?;
        let created = self.hub.create_webhook(spec).await;
        if created.as_ref().is_err_and(|error| !error.may_be_done()) {
            self.remember(|webhooks| webhooks.end_creation(url)).await?;
        }
        let id = created?.id;
        let webhook = self.new_webhook(&id, path, secret, RememberedWebhook::new).await;
        self.remember(|webhooks| {
            webhooks.insert(&id, webhook);
            webhooks.end_creation(url);
        })
        .await?;
        Ok(id)
    }

    /// Remembers a webhook with the secret that was sent. If none was, a former one is still right.
    async fn remember_sent(
        &self,
        id: &str,
        path: &str,
        secret: Option<&str>,
    ) -> Result<(), StepFailure> {
        let mut webhook = self.new_webhook(id, path, secret, RememberedWebhook::new).await;
        self.remember(|webhooks| {
            if let Some(before) = webhooks.get(id) {
                webhook.keep(before);
            }
            webhooks.insert(id, webhook);
        })
        .await
    }

    /// Makes what to remember of a webhook, with the hash of its secret.
    async fn new_webhook(
        &self,
        id: &str,
        path: &str,
        secret: Option<&str>,
        new: fn(&str, &str, UrlKind, Option<&str>) -> RememberedWebhook,
    ) -> RememberedWebhook {
        let (url_kind, secret) = (self.url_kind, secret.map(str::to_owned));
        let (id, path) = (id.to_owned(), path.to_owned());
        on_blocking_pool(move || new(&id, &path, url_kind, secret.as_deref())).await
    }

    async fn remember(
        &self,
        change: impl FnOnce(&mut RememberedWebhooks),
    ) -> Result<(), StepFailure> {
        Ok(RememberedWebhooks::change(self.state, change).await?)
    }
}

impl StepError {
    /// Returns the Hub's error, if it is one.
    pub(super) fn hub_error(&self) -> Option<&HubError> {
        match &self.cause {
            StepFailure::Hub(error) => Some(error),
            StepFailure::State(_) | StepFailure::ChangedMeanwhile => None,
        }
    }

    /// Returns whether what is remembered cannot be read.
    pub(super) fn is_unreadable(&self) -> bool {
        matches!(self.cause, StepFailure::State(StateError::Unreadable { .. }))
    }

    /// Returns whether it is an error of the step of the endpoint at this path.
    pub(super) fn is_of(&self, path: &str) -> bool {
        self.path == path
    }

    /// Returns whether nothing can be registered until its reason is gone: the Hub does not respond, it refuses the
    /// token, or nothing can be remembered.
    pub(super) fn concerns_all(&self) -> bool {
        match &self.cause {
            StepFailure::Hub(error) => matches!(error.status(), None | Some(401 | 403)),
            StepFailure::State(_) => true,
            StepFailure::ChangedMeanwhile => false,
        }
    }
}

impl fmt::Display for StepError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.cause {
            StepFailure::Hub(error) => write!(f, "{}: {error}", self.path),
            StepFailure::State(error) => {
                write!(f, "{}: its webhook cannot be remembered: {error}", self.path)
            }
            StepFailure::ChangedMeanwhile => {
                write!(f, "{}: its webhook was changed on the Hub during the check", self.path)
            }
        }
    }
}

impl StepFailure {
    /// Returns whether the following steps would fail as well.
    fn ends_all(&self) -> bool {
        match self {
            Self::Hub(error) => !matches!(error.status(), Some(400 | 404 | 409 | 422)),
            Self::State(_) => true,
            Self::ChangedMeanwhile => false,
        }
    }
}

impl From<HubError> for StepFailure {
    fn from(error: HubError) -> Self {
        Self::Hub(error)
    }
}

impl From<StateError> for StepFailure {
    fn from(error: StateError) -> Self {
        Self::State(error)
    }
}
