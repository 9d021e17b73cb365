//! Registers the webhooks of a running server, then watches them: the Hub suspends a webhook whose deliveries keep
//! failing.
//!
//! The first look at a public URL carries out the unattended plan. Later ones only enable again what the Hub has
//! suspended: what a person changes while the server runs stays as it is until the next start.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::sync::watch;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use super::announcement::Announcement;
use super::apply::Registrar;
use super::check_error::CheckError;
use super::console::Messages;
use super::endpoint::WebhookEndpoint;
use super::own_health;
use super::pause::pause;
use super::plan::{PlanInput, RegistrationMode, RegistrationPlan, StepAction, plan};
use super::remembered::{RememberedWebhooks, ServerUrl, UrlKind};
use super::report::found;
use super::timing::Timing;
use super::transitions::log_transitions;
use crate::config::addresses::{Addresses, PublicUrl};
use crate::http::webhook_status::{RegistrationPhase, WebhookStatus};
use crate::hub::{Hub, Webhook};
use crate::state::SharedState;

/// The lease of the replica that registers.
const LEASE: &str = "registration";

/// The key of the report that the other replicas show.
const REPORT: &str = "registration.report";

/// What registration works with.
#[derive(Clone)]
pub(super) struct Context {
    pub(super) hub: Hub,
    pub(super) state: Arc<dyn SharedState>,
    /// All endpoints of the program.
    pub(super) endpoints: Arc<[WebhookEndpoint]>,
    pub(super) url_kind: UrlKind,
    pub(super) status: WebhookStatus,
    pub(super) timing: Timing,
    pub(super) messages: Messages,
}

/// Registers the webhooks of a server, and watches them.
pub(super) struct Monitor {
    context: Context,
    /// This replica, as the holder of the lease.
    replica: Uuid,
    has_lease: bool,
    /// The public URL whose webhooks are registered, without an error.
    registered: Option<PublicUrl>,
    /// How many looks at the webhooks have failed in a row.
    failures: u32,
    /// The kind of the problem that was reported last, and is not solved since.
    problem: Option<String>,
    next_check: Instant,
}

/// The webhooks of the account, and what to do with them.
struct Look {
    account: Vec<Webhook>,
    plan: RegistrationPlan,
    at: SystemTime,
}

impl Monitor {
    pub(super) fn new(context: Context) -> Self {
        Self {
            context,
            replica: Uuid::new_v4(),
            has_lease: false,
            registered: None,
            failures: 0,
            problem: None,
            next_check: Instant::now(),
        }
    }

    /// Runs until `stop` is true. Then disables the webhooks of a tunnel, which goes away with the server, and leaves
    /// the registration to another replica.
    pub(super) async fn run(mut self, addresses: Addresses, mut stop: watch::Receiver<bool>) {
        let mut public = addresses.watch();
        loop {
            let url = public.borrow_and_update().clone();
            let next = match url {
                Some(url) => self.tick(url).await,
                None => self.context.timing.check,
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
            // Otherwise it ends by itself.
            let _ = self.context.state.release(LEASE, self.replica).await;
        }
    }

    /// Renews the lease, and looks at the webhooks if it is time. Returns the time until the next call.
    async fn tick(&mut self, url: PublicUrl) -> Duration {
        let Timing { renewal, check, .. } = self.context.timing;
        let leased = self.context.lease(self.replica).await;
        self.has_lease = matches!(leased, Ok(true));
        let result = match leased {
            Ok(false) => {
                self.context.follow().await;
                return renewal;
            }
            Ok(true) if Instant::now() < self.next_check => Ok(()),
            Ok(true) => {
                let (context, replica) = (self.context.clone(), self.replica);
                let result = context.renewing(replica, self.check(&url)).await;
                if result.is_ok() {
                    self.succeeded();
                    self.next_check = Instant::now() + check;
                }
                result
            }
            Err(error) => Err(error.into()),
        };
        if let Err(error) = result {
            self.failed(&error);
        }
        self.next_check.saturating_duration_since(Instant::now()).min(renewal)
    }

    fn succeeded(&mut self) {
        self.failures = 0;
        if self.problem.take().is_some() && self.registered.is_some() {
            tracing::info!("the webhooks on the Hub are checked again");
        }
    }

    /// Reports a problem once, and retries later.
    fn failed(&mut self, error: &CheckError) {
        self.failures = self.failures.saturating_add(1);
        self.next_check =
            Instant::now() + self.context.timing.backoff(self.failures, error.retry_after());
        let what = match &self.registered {
            None => "the webhooks are not registered on the Hub yet",
            Some(_) => "the webhooks on the Hub cannot be checked",
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
        own_health::announce(state, context.status.instance).await?;
        let public_url = ServerUrl { url: url.clone(), kind: context.url_kind };
        let is_first = self.registered.as_ref() != Some(url);
        let mut look = context.look(&public_url).await?;
        if !is_first {
            keep_enabling(&mut look.plan);
        }
        self.publish(&look, is_first).await;
        let changes = look.plan.has_changes() || !look.plan.resumed.is_empty();
        if is_first || look.plan.has_changes() {
            own_health::check(url, context.status.instance, state).await?;
        }
        if changes {
            let (mode, url_kind) = (RegistrationMode::Unattended, context.url_kind);
            let registrar = Registrar { hub: &context.hub, state, mode, url_kind };
            let report = |step: &super::plan::PlannedStep, id: &str| {
                tracing::info!(endpoint = step.path, webhook = id, "changed a webhook on the Hub");
            };
            let errors = registrar.apply(&look.plan, look.at, report).await;
            let after = context.look(&public_url).await?;
            self.publish(&after, is_first).await;
            if !errors.is_empty() {
                return Err(CheckError::Steps(errors));
            }
        }
        if is_first {
            public_url.save(state).await?;
            let announcement = Announcement { plan: &look.plan, hub: context.hub.address() };
            context.messages.registered(&announcement.text());
            announcement.warnings().for_each(|warning| context.messages.warn(&warning));
            self.registered = Some(url.clone());
            context.publish_phase(RegistrationPhase::Registered).await;
        }
        Ok(())
    }

    /// Shows the webhooks on the page and in `/health`, and logs what has changed since the last look.
    async fn publish(&self, look: &Look, is_first: bool) {
        let phase = match &self.registered {
            Some(_) => RegistrationPhase::Registered,
            None => RegistrationPhase::Pending,
        };
        let before = self.context.status.report();
        let report = found(&self.context.endpoints, &look.plan, &look.account, phase, look.at);
        if !is_first {
            log_transitions(&before, &report, &look.plan);
        }
        self.context.publish(report).await;
    }

    /// Disables the webhooks of a tunnel until the next start.
    async fn pause(&self) {
        if self.context.url_kind != UrlKind::Tunnel {
            return;
        }
        match pause(&self.context.hub, &*self.context.state).await {
            Ok(paused) if paused.is_empty() => {}
            Ok(paused) => tracing::info!(
                webhooks = paused.join(", "),
                "disabled the webhooks on the Hub until the next start, because the public URL ends with the server"
            ),
            Err(error) => tracing::warn!(
                %error,
                "the webhooks on the Hub could not be disabled: the Hub suspends them when their deliveries fail"
            ),
        }
    }
}

impl Context {
    async fn lease(&self, replica: Uuid) -> Result<bool, crate::state::StateError> {
        self.state.lease(LEASE, replica, self.timing.lease()).await
    }

    /// Renews the lease while something takes long.
    async fn renewing<T>(&self, replica: Uuid, work: impl Future<Output = T>) -> T {
        let mut work = std::pin::pin!(work);
        loop {
            tokio::select! {
                result = &mut work => return result,
                () = sleep(self.timing.renewal) => drop(self.lease(replica).await),
            }
        }
    }

    /// Compares the webhooks of the account with the endpoints.
    async fn look(&self, public_url: &ServerUrl) -> Result<Look, CheckError> {
        let remembered = RememberedWebhooks::load(&*self.state).await?;
        let account = self.hub.webhooks().await?;
        let at = SystemTime::now();
        let plan = plan(PlanInput {
            endpoints: &self.endpoints,
            public_url,
            account: &account,
            remembered: &remembered,
            mode: RegistrationMode::Unattended,
            now: at,
        });
        Ok(Look { account, plan, at })
    }

    /// Shows a report here and on the other replicas.
    async fn publish(&self, report: crate::http::webhook_status::WebhookReport) {
        let text = serde_json::to_string(&report).unwrap_or_default();
        self.status.set(report);
        // The others show what they have.
        let _ = self.state.set(REPORT, &text, Some(self.timing.check * 3)).await;
    }

    async fn publish_phase(&self, phase: RegistrationPhase) {
        let report = self.status.report();
        self.publish(crate::http::webhook_status::WebhookReport { phase, ..report }).await;
    }

    /// Shows what the replica with the lease has seen.
    async fn follow(&self) {
        let _ = own_health::announce(&*self.state, self.status.instance).await;
        let text = self.state.get(REPORT).await.ok().flatten();
        if let Some(report) = text.and_then(|text| serde_json::from_str(&text).ok()) {
            self.status.set(report);
        }
    }
}

/// Keeps only the steps that enable what the Hub has suspended, and those that change nothing.
fn keep_enabling(plan: &mut RegistrationPlan) {
    for step in &mut plan.steps {
        if let StepAction::Update { enables: Some(reason), .. } = step.action {
            step.action = StepAction::Enable(reason);
        }
    }
    plan.steps
        .retain(|step| !step.action.is_change() || matches!(step.action, StepAction::Enable(_)));
}
