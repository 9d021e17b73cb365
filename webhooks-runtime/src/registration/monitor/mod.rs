//! Registers the webhooks of a running server, then watches them: the Hub suspends a webhook whose deliveries keep
//! failing.
//!
//! The first check at a public URL carries out the unattended plan. Later ones only repeat steps of it that have failed,
//! and enable again what the Hub has suspended: what a person changes while the server runs stays as it is until the
//! next start.

#[cfg(test)]
mod tests;

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use super::announcement::Announcement;
use super::apply::{Registrar, StepError};
use super::check_error::CheckError;
use super::context::{Context, Look};
use super::lease::RegistrationLease;
use super::own_health;
use super::pause::{Paused, pause};
use super::plan::{PlannedStep, RegistrationMode};
use super::remembered::{ServerUrl, UrlKind};
use super::report::found;
use super::timing::Timing;
use super::transitions::log_transitions;
use super::unfinished::Unfinished;
use crate::config::addresses::{Addresses, PublicUrl};
use crate::http::webhook_status::{RegistrationPhase, WebhookReport};

/// Registers the webhooks of a server, and watches them.
pub(super) struct Monitor {
    context: Context,
    lease: RegistrationLease,
    has_lease: bool,
    /// The public URL whose webhooks are registered, except for those of `unfinished`.
    registered: Option<PublicUrl>,
    unfinished: Unfinished,
    /// How many checks of the webhooks have failed in a row.
    failures: u32,
    /// The kind of the problem that was reported last, and is not solved since.
    problem: Option<String>,
    /// Whether it was said that another replica registers.
    is_following: bool,
    next_check: Instant,
}

impl Monitor {
    pub(super) fn new(context: Context) -> Self {
        Self {
            lease: context.lease(),
            context,
            has_lease: false,
            registered: None,
            unfinished: Unfinished::default(),
            failures: 0,
            problem: None,
            is_following: false,
            next_check: Instant::now(),
        }
    }

    /// Runs until `stop` is true, or nothing more can be done without a person. At the stop, it disables the webhooks of
    /// a tunnel, which goes away with the server, and leaves the registration to another replica. After a panic, it can
    /// be called again.
    pub(super) async fn run(&mut self, addresses: &Addresses, mut stop: watch::Receiver<bool>) {
        let mut public = addresses.watch();
        while !*stop.borrow() {
            let url = public.borrow_and_update().clone();
            let next = match url {
                Some(url) => self.tick(url).await,
                None => Some(self.context.timing.check),
            };
            let Some(next) = next else {
                self.leave().await;
                return;
            };
            tokio::select! {
                biased;
                // Only here, so that a webhook that is created is also remembered.
                _ = stop.wait_for(|stop| *stop) => break,
                Ok(()) = public.changed() => self.next_check = Instant::now(),
                () = sleep(next) => {}
            }
        }
        if self.has_lease {
            self.pause().await;
        }
        self.leave().await;
    }

    /// Leaves the registration to another replica.
    async fn leave(&self) {
        own_health::withdraw(&*self.context.state, self.context.status.instance).await;
        self.lease.release().await;
    }

    /// Renews the lease, and looks at the webhooks if it is time. Returns the time until the next call; `None` if a
    /// person has to do something first.
    async fn tick(&mut self, url: PublicUrl) -> Option<Duration> {
        let Timing { renewal, check, .. } = self.context.timing;
        let leased = self.lease.renew().await;
        self.has_lease = matches!(leased, Ok(true));
        let result = match leased {
            Ok(false) => {
                self.follow(&url).await;
                return Some(renewal);
            }
            Ok(true) if Instant::now() < self.next_check => Ok(()),
            Ok(true) => {
                // Also after a panic, it is not repeated at once.
                self.next_check = Instant::now() + self.context.timing.retry;
                let result = self.lease.clone().renewing(self.check(&url)).await;
                if result.is_ok() {
                    self.succeeded();
                    self.next_check = Instant::now() + check;
                }
                result
            }
            Err(error) => Err(error.into()),
        };
        match result {
            Err(error) if error.needs_person() => {
                self.stopped(&error);
                return None;
            }
            Err(error) => self.failed(&error),
            Ok(()) => {}
        }
        Some(self.next_check.saturating_duration_since(Instant::now()).min(renewal))
    }

    /// Leaves the registration to the replica that has the lease.
    async fn follow(&mut self, url: &PublicUrl) {
        if !std::mem::replace(&mut self.is_following, true) {
            let text = "\nWebhooks on the Hub: another process of this program registers them.\n";
            self.context.messages.registered(text);
        }
        self.context.follow(url).await;
    }

    fn succeeded(&mut self) {
        self.failures = 0;
        if self.problem.take().is_some() && self.registered.is_some() {
            tracing::info!("the webhooks on the Hub are checked again");
        }
    }

    /// Reports a problem that only a person can solve.
    fn stopped(&self, error: &CheckError) {
        let report = self.context.status.report();
        // Only here: another replica may be able to go on.
        self.context.status.set(WebhookReport { phase: RegistrationPhase::Stopped, ..report });
        self.context.messages.warn(&format!("the registration on the Hub has stopped: {error}"));
    }

    /// Reports a problem once, and retries later.
    fn failed(&mut self, error: &CheckError) {
        self.failures = self.failures.saturating_add(1);
        self.next_check =
            Instant::now() + self.context.timing.backoff(self.failures, error.retry_after());
        let what = match (&self.registered, error) {
            (None, _) => "the webhooks are not registered on the Hub yet",
            (Some(_), CheckError::Steps(_)) => "not all webhooks on the Hub could be changed",
            (Some(_), _) => "the webhooks on the Hub cannot be checked",
        };
        let text = format!("{what}: {error}. The server works meanwhile, and keeps trying");
        let kind = error.kind();
        if self.problem.as_ref() == Some(&kind) {
            tracing::debug!("{text}");
        } else {
            self.context.messages.warn(&text);
            self.problem = Some(kind);
        }
    }

    /// Looks at the webhooks once, and does what is to be done.
    async fn check(&mut self, url: &PublicUrl) -> Result<(), CheckError> {
        let context = self.context.clone();
        let state = &*context.state;
        own_health::announce(state, context.status.instance, url).await?;
        let public_url = ServerUrl { url: url.clone(), kind: context.url_kind };
        let is_first = self.registered.as_ref() != Some(url);
        let mut look = self.look(&public_url, is_first).await?;
        if is_first || look.plan.has_changes() {
            own_health::check(url, context.status.instance, state).await?;
            // That can take long: a webhook that a person has disabled meanwhile stays disabled.
            look = self.look(&public_url, is_first).await?;
        }
        let (errors, unfinished) = self.apply(&look).await;
        if !self.lease.renew().await? {
            // Another replica goes on, and this one follows it.
            return Ok(());
        }
        let has_changed = look.plan.has_changes() || !look.plan.resumed.is_empty();
        let after = if has_changed { Some(context.look(&public_url).await) } else { None };
        if let Some(Ok(after)) = &after {
            self.publish(after, is_first).await;
        }
        if !is_first {
            self.unfinished.keep(&unfinished);
        } else if !errors.iter().any(StepError::concerns_all) {
            public_url.save(state).await?;
            let hub = context.hub.address();
            let announcement =
                Announcement { plan: &look.plan, unfinished: &unfinished, errors: &errors, hub };
            context.messages.registered(&announcement.text());
            announcement.warnings().for_each(|warning| context.messages.warn(&warning));
            self.registered = Some(url.clone());
            self.unfinished = unfinished;
        }
        if context.status.report().phase != self.phase() {
            context.publish_phase(self.phase()).await;
        }
        if !errors.is_empty() {
            return Err(CheckError::Steps(errors));
        }
        after.transpose()?;
        Ok(())
    }

    /// Carries out a plan. Returns the errors, and the steps that are still to be done.
    async fn apply(&self, look: &Look) -> (Vec<StepError>, Unfinished) {
        let Context { hub, state, url_kind, .. } = &self.context;
        let (mode, url_kind) = (RegistrationMode::Unattended, *url_kind);
        let lease = Some(&self.lease);
        let registrar = Registrar { lease, hub, state: &**state, mode, url_kind };
        let mut done = Vec::new();
        let report = |step: &PlannedStep, id: &str| {
            tracing::debug!(endpoint = step.path, webhook = id, "changed a webhook on the Hub");
            done.push(step.path.clone());
        };
        let errors = registrar.apply(&look.plan, look.at, report).await;
        let unfinished = Unfinished::of(&look.plan, &done);
        (errors, unfinished)
    }

    /// Looks at the webhooks, and plans what is to be done now.
    async fn look(&self, public_url: &ServerUrl, is_first: bool) -> Result<Look, CheckError> {
        let mut look = self.context.look(public_url).await?;
        if !is_first {
            self.unfinished.restrict(&mut look.plan);
        }
        self.publish(&look, is_first).await;
        Ok(look)
    }

    /// Shows the webhooks on the page and in `/health`, and logs what has changed since the last check.
    async fn publish(&self, look: &Look, is_first: bool) {
        let before = self.context.status.report();
        let report =
            found(&self.context.endpoints, &look.plan, &look.account, self.phase(), look.at);
        if !is_first {
            log_transitions(&before, &report, &look.plan);
        }
        self.context.publish(report).await;
    }

    fn phase(&self) -> RegistrationPhase {
        match &self.registered {
            Some(_) if self.unfinished.is_empty() => RegistrationPhase::Registered,
            _ => RegistrationPhase::Pending,
        }
    }

    /// Disables the webhooks of a tunnel until the next start.
    async fn pause(&self) {
        if self.context.url_kind != UrlKind::Tunnel {
            return;
        }
        let Context { hub, state, .. } = &self.context;
        let Paused { ids, errors } = match pause(hub, &**state, &self.lease).await {
            Ok(paused) => paused,
            Err(error) => Paused { ids: Vec::new(), errors: vec![error] },
        };
        if !ids.is_empty() {
            tracing::info!(
                webhooks = ids.join(", "),
                "disabled the webhooks on the Hub until the next start, because the public URL ends with the server"
            );
        }
        for error in errors {
            tracing::warn!(
                %error,
                "a webhook on the Hub could not be disabled: the Hub suspends it when its deliveries fail"
            );
        }
    }
}
