//! Defines what is known of the endpoints' webhooks on the Hub, for the page and for `/health`.

use std::sync::Arc;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use uuid::Uuid;

/// The status of a server that registers its webhooks on the Hub, shared by all that set or show it.
#[derive(Clone, Debug)]
pub(crate) struct WebhookStatus {
    /// Identifies this server in its response to `GET /health`.
    pub(crate) instance: Uuid,
    report: Arc<watch::Sender<WebhookReport>>,
}

/// The webhooks of the endpoints, as of the last check of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct WebhookReport {
    pub(crate) phase: RegistrationPhase,
    /// The webhooks of the endpoints with `watch`.
    pub(crate) webhooks: Vec<EndpointWebhook>,
    /// When the Hub was last asked.
    pub(crate) checked_at: Option<SystemTime>,
}

/// How far the registration has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RegistrationPhase {
    /// It waits for the public URL, for the Hub, or for another attempt.
    #[default]
    Pending,
    Registered,
    /// It does not go on without a person.
    Stopped,
}

/// The webhook of an endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct EndpointWebhook {
    /// The path of the endpoint.
    pub(crate) path: String,
    /// `None` if it has none.
    pub(crate) id: Option<String>,
    /// The repos that it watches: `dataset:me/data`.
    pub(crate) watched: Vec<String>,
    pub(crate) condition: WebhookCondition,
}

/// The condition of a webhook.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum WebhookCondition {
    Enabled,
    /// By a person.
    Disabled,
    /// By the Hub, after failures.
    Suspended,
    /// There is no webhook for the endpoint.
    Missing,
}

/// The health of the webhooks. Anyone can read it, so it contains no ids, repos or URLs.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct WebhooksHealth {
    status: &'static str,
    /// The number of webhooks that the Hub has suspended.
    suspended: usize,
    /// Identifies the server that responds.
    instance: Uuid,
}

impl WebhookStatus {
    /// Returns the status of a server that starts.
    pub(crate) fn new() -> Self {
        let report = Arc::new(watch::Sender::new(WebhookReport::default()));
        Self { instance: Uuid::new_v4(), report }
    }

    pub(crate) fn report(&self) -> WebhookReport {
        self.report.borrow().clone()
    }

    pub(crate) fn set(&self, report: WebhookReport) {
        self.report.send_replace(report);
    }

    pub(crate) fn health(&self) -> WebhooksHealth {
        let report = self.report.borrow();
        let suspended = report.count(WebhookCondition::Suspended);
        let status = match report.phase {
            RegistrationPhase::Stopped => "stopped",
            _ if suspended > 0 => "suspended",
            RegistrationPhase::Pending => "pending",
            RegistrationPhase::Registered => "ok",
        };
        WebhooksHealth { status, suspended, instance: self.instance }
    }
}

impl WebhookReport {
    /// Returns the webhook of the endpoint at this path.
    pub(crate) fn webhook(&self, path: &str) -> Option<&EndpointWebhook> {
        self.webhooks.iter().find(|webhook| webhook.path == path)
    }

    fn count(&self, condition: WebhookCondition) -> usize {
        self.webhooks.iter().filter(|webhook| webhook.condition == condition).count()
    }
}

impl WebhooksHealth {
    /// Returns whether deliveries do not arrive.
    pub(super) fn is_degraded(&self) -> bool {
        self.suspended > 0
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_health_shows_neither_ids_nor_repos() {
        let status = WebhookStatus::new();
        let health = |phase, conditions: &[WebhookCondition]| {
            let webhook = |condition: &WebhookCondition| EndpointWebhook {
                path: "/webhooks/train".to_owned(),
                id: Some("w1".to_owned()),
                watched: vec!["dataset:me/data".to_owned()],
                condition: *condition,
            };
            let webhooks = conditions.iter().map(webhook).collect();
            status.set(WebhookReport { phase, webhooks, checked_at: Some(SystemTime::now()) });
            serde_json::to_value(status.health()).unwrap()
        };
        use RegistrationPhase::{Pending, Registered, Stopped};
        use WebhookCondition::{Disabled, Enabled, Suspended};
        for (phase, conditions, expected, suspended) in [
            (Pending, &[][..], "pending", 0),
            (Registered, &[Enabled, Disabled], "ok", 0),
            (Registered, &[Enabled, Suspended], "suspended", 1),
            (Pending, &[Suspended, Suspended], "suspended", 2),
            (Stopped, &[], "stopped", 0),
        ] {
            let instance = status.instance;
            let expected =
                json!({ "status": expected, "suspended": suspended, "instance": instance });
            assert_eq!(health(phase, conditions), expected);
        }
    }
}
