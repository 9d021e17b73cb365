//! Reports the webhooks of the endpoints, for the page and `/health`.

use std::time::SystemTime;

use super::endpoint::WebhookEndpoint;
use super::plan::{PlannedStep, RegistrationPlan};
use crate::http::webhook_status::{
    EndpointWebhook, RegistrationPhase, WebhookCondition, WebhookReport,
};
use crate::hub::{Webhook, WebhookState};

/// Reports the webhooks before the Hub was asked.
pub(super) fn unknown(endpoints: &[WebhookEndpoint], phase: RegistrationPhase) -> WebhookReport {
    let watching = endpoints.iter().filter(|endpoint| endpoint.is_watching());
    let webhooks = watching.map(|endpoint| of_endpoint(endpoint, None)).collect();
    WebhookReport { phase, webhooks, checked_at: None }
}

/// Reports the webhooks that a plan has found in an account.
pub(super) fn found(
    endpoints: &[WebhookEndpoint],
    plan: &RegistrationPlan,
    account: &[Webhook],
    phase: RegistrationPhase,
    now: SystemTime,
) -> WebhookReport {
    let webhook = |endpoint: &WebhookEndpoint| {
        let is_of_endpoint = |step: &&PlannedStep| step.path == endpoint.path && step.id.is_some();
        let id = plan.steps.iter().find(is_of_endpoint)?.id.as_deref();
        account.iter().find(|webhook| Some(&*webhook.id) == id)
    };
    let watching = endpoints.iter().filter(|endpoint| endpoint.is_watching());
    let webhooks = watching.map(|endpoint| of_endpoint(endpoint, webhook(endpoint))).collect();
    WebhookReport { phase, webhooks, checked_at: Some(now) }
}

fn of_endpoint(endpoint: &WebhookEndpoint, webhook: Option<&Webhook>) -> EndpointWebhook {
    EndpointWebhook {
        path: endpoint.path.clone(),
        id: webhook.map(|webhook| webhook.id.clone()),
        watched: webhook
            .map_or(&endpoint.watched, |webhook| &webhook.watched)
            .iter()
            .map(ToString::to_string)
            .collect(),
        condition: match webhook.map(|webhook| webhook.state) {
            None => WebhookCondition::Missing,
            Some(WebhookState::Enabled) => WebhookCondition::Enabled,
            Some(WebhookState::Suspended) => WebhookCondition::Suspended,
            Some(_) => WebhookCondition::Disabled,
        },
    }
}
