//! What registration works with: the Hub, the endpoints, and what the replicas of a server share.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::SystemTime;

use super::check_error::CheckError;
use super::console::Messages;
use super::endpoint::WebhookEndpoint;
use super::lease::RegistrationLease;
use super::ours::TargetUrl;
use super::own_health;
use super::plan::{PlanInput, RegistrationMode, RegistrationPlan};
use super::planning::plan_beside_others;
use super::remembered::{RememberedWebhooks, ServerUrl, UrlKind, import};
use super::timing::Timing;
use crate::config::addresses::PublicUrl;
use crate::http::webhook_status::{RegistrationPhase, WebhookReport, WebhookStatus};
use crate::hub::{Hub, Webhook};
use crate::state::SharedState;
use crate::text::hash;

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
    /// What the server shares only with its replicas; see [`scope`].
    pub(super) scope: String,
    pub(super) status: WebhookStatus,
    pub(super) timing: Timing,
    pub(super) messages: Messages,
}

/// The webhooks of the account, and what to do with them.
pub(super) struct Look {
    pub(super) account: Arc<[Webhook]>,
    pub(super) plan: RegistrationPlan,
    pub(super) at: SystemTime,
}

/// Returns what tells a server apart from the others of its program that remember their webhooks in the same place, as
/// a part of names. Replicas have the same. Each fixed URL is a server of its own, such as for another team. A program
/// has one share link.
pub(super) fn scope(kind: UrlKind, url: Option<&PublicUrl>) -> String {
    let target = url.and_then(|url| TargetUrl::parse(url.as_str()));
    match (kind, target) {
        (UrlKind::Fixed, Some(target)) => format!("fixed.{:016x}", hash(&target.to_string())),
        (UrlKind::Fixed, None) => "fixed".to_owned(),
        (UrlKind::Tunnel, _) => "tunnel".to_owned(),
    }
}

impl Context {
    /// Returns the lease of the replica that registers.
    pub(super) fn lease(&self) -> RegistrationLease {
        let name = format!("registration.{}", self.scope);
        RegistrationLease::new(Arc::clone(&self.state), name, self.timing.renewal)
    }

    /// Returns the key of the report that the other replicas show.
    fn report_key(&self) -> String {
        format!("registration.report.{}", self.scope)
    }

    /// Compares the webhooks of the account with the endpoints.
    pub(super) async fn look(&self, public_url: &ServerUrl) -> Result<Look, CheckError> {
        if let Some(before) = &self.before_store {
            import(&**before, &*self.state).await?;
        }
        // First, because nothing else helps if it cannot be read.
        RememberedWebhooks::load(&*self.state).await?;
        let account: Arc<[Webhook]> = self.hub.webhooks().await?.into();
        let at = SystemTime::now();
        let remembered = RememberedWebhooks::load_with_created(&*self.state, &account, at).await?;
        let input = PlanInput {
            endpoints: Arc::clone(&self.endpoints),
            public_url: public_url.clone(),
            account: Arc::clone(&account),
            remembered,
            mode: RegistrationMode::Unattended,
            now: at,
            running: BTreeSet::new(),
        };
        let plan = plan_beside_others(input, Some(self.status.instance), &*self.state).await?;
        Ok(Look { account, plan, at })
    }

    /// Shows a report here and on the other replicas.
    pub(super) async fn publish(&self, report: WebhookReport) {
        let text = serde_json::to_string(&report).unwrap_or_default();
        self.status.set(report);
        // The others show what they have.
        let _ = self.state.set(&self.report_key(), &text, Some(self.timing.check * 3)).await;
    }

    /// Shows how far the registration has come.
    pub(super) async fn publish_phase(&self, phase: RegistrationPhase) {
        let report = self.status.report();
        self.publish(WebhookReport { phase, ..report }).await;
    }

    /// Shows what the replica with the lease has seen.
    pub(super) async fn follow(&self, url: &PublicUrl) {
        let _ = own_health::announce(&*self.state, self.status.instance, url).await;
        let text = self.state.get(&self.report_key()).await.ok().flatten();
        if let Some(report) = text.and_then(|text| serde_json::from_str(&text).ok()) {
            self.status.follow(report);
        }
    }
}
