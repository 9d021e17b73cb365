//! What registration works with: the Hub, the endpoints, and what the replicas of a program share.

use std::sync::Arc;
use std::time::SystemTime;

use tokio::time::sleep;
use uuid::Uuid;

use super::check_error::CheckError;
use super::console::Messages;
use super::endpoint::WebhookEndpoint;
use super::own_health;
use super::plan::{PlanInput, RegistrationMode, RegistrationPlan, plan};
use super::remembered::{RememberedWebhooks, ServerUrl, UrlKind, import};
use super::timing::Timing;
use crate::http::webhook_status::{RegistrationPhase, WebhookReport, WebhookStatus};
use crate::hub::{Hub, Webhook};
use crate::state::{SharedState, StateError};

/// What registration works with.
#[derive(Clone)]
pub(super) struct Context {
    pub(super) hub: Hub,
    pub(super) state: Arc<dyn SharedState>,
    /// Where the program remembered its webhooks before it had a store; `None` if it still does.
    pub(super) before_store: Option<Arc<dyn SharedState>>,
    /// All endpoints of the program.
    pub(super) endpoints: Arc<[WebhookEndpoint]>,
    pub(super) url_kind: UrlKind,
    pub(super) status: WebhookStatus,
    pub(super) timing: Timing,
    pub(super) messages: Messages,
}

/// The webhooks of the account, and what to do with them.
pub(super) struct Look {
    pub(super) account: Vec<Webhook>,
    pub(super) plan: RegistrationPlan,
    pub(super) at: SystemTime,
}

impl Context {
    /// Returns the name of the lease of the replica that registers. A server with a tunnel and one with a fixed URL
    /// have different webhooks, so both register.
    fn lease_name(&self) -> &'static str {
        match self.url_kind {
            UrlKind::Tunnel => "registration.tunnel",
            UrlKind::Fixed => "registration.fixed",
        }
    }

    /// Returns the key of the report that the other replicas show.
    fn report_key(&self) -> &'static str {
        match self.url_kind {
            UrlKind::Tunnel => "registration.report.tunnel",
            UrlKind::Fixed => "registration.report.fixed",
        }
    }

    /// Takes or renews the lease. Returns whether this replica registers.
    pub(super) async fn lease(&self, replica: Uuid) -> Result<bool, StateError> {
        self.state.lease(self.lease_name(), replica, self.timing.lease()).await
    }

    /// Leaves the registration to another replica.
    pub(super) async fn release(&self, replica: Uuid) {
        // Otherwise the lease ends by itself.
        let _ = self.state.release(self.lease_name(), replica).await;
    }

    /// Renews the lease while something takes long.
    pub(super) async fn renewing<T>(&self, replica: Uuid, work: impl Future<Output = T>) -> T {
        let mut work = std::pin::pin!(work);
        loop {
            tokio::select! {
                result = &mut work => return result,
                () = sleep(self.timing.renewal) => drop(self.lease(replica).await),
            }
        }
    }

    /// Compares the webhooks of the account with the endpoints.
    pub(super) async fn look(&self, public_url: &ServerUrl) -> Result<Look, CheckError> {
        if let Some(before) = &self.before_store {
            import(&**before, &*self.state).await?;
        }
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
    pub(super) async fn publish(&self, report: WebhookReport) {
        let text = serde_json::to_string(&report).unwrap_or_default();
        self.status.set(report);
        // The others show what they have.
        let _ = self.state.set(self.report_key(), &text, Some(self.timing.check * 3)).await;
    }

    /// Shows how far the registration has come.
    pub(super) async fn publish_phase(&self, phase: RegistrationPhase) {
        let report = self.status.report();
        self.publish(WebhookReport { phase, ..report }).await;
    }

    /// Shows what the replica with the lease has seen.
    pub(super) async fn follow(&self) {
        let _ = own_health::announce(&*self.state, self.status.instance).await;
        let text = self.state.get(self.report_key()).await.ok().flatten();
        if let Some(report) = text.and_then(|text| serde_json::from_str(&text).ok()) {
            self.status.set(report);
        }
    }
}
