//! Defines what is known of the endpoints' webhooks on the Hub, for the page, for `/health` and for alerts.

use std::sync::{Arc, OnceLock};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, watch};
use uuid::Uuid;

/// The status of a server that registers its webhooks on the Hub, shared by all that set or show it.
#[derive(Clone, Debug)]
pub(crate) struct WebhookStatus {
    /// Identifies this server in its response to `GET /health`.
    pub(crate) instance: Uuid,
    report: Arc<watch::Sender<WebhookReport>>,
    /// Who is notified of webhooks that are no longer enabled.
    ended: Arc<OnceLock<mpsc::UnboundedSender<EndpointWebhook>>>,
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
        Self { instance: Uuid::new_v4(), report, ended: Arc::default() }
    }

    pub(crate) fn report(&self) -> WebhookReport {
        self.report.borrow().clone()
    }

    /// Shows what this process knows, and notifies of the webhooks that are no longer enabled.
    pub(crate) fn set(&self, report: WebhookReport) {
        let before = self.report.send_replace(report);
        if let Some(ended) = self.ended.get() {
            for webhook in self.report.borrow().ended_since(&before) {
                let _ = ended.send(webhook.clone());
            }
        }
    }

    /// Shows what another replica has found, which notifies of it itself.
    pub(crate) fn follow(&self, report: WebhookReport) {
        self.report.send_replace(report);
    }

    /// Returns what receives the webhooks that are no longer enabled. A second call returns `None`.
    pub(crate) fn ended(&self) -> Option<mpsc::UnboundedReceiver<EndpointWebhook>> {
        let (sender, receiver) = mpsc::unbounded_channel();
        self.ended.set(sender).is_ok().then_some(receiver)
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

    /// Returns the webhooks that were enabled in an earlier report and are not in this one. At the first check, these are
    /// the ones that the Hub has suspended while the program did not run.
    fn ended_since(&self, before: &Self) -> impl Iterator<Item = &EndpointWebhook> {
        self.webhooks.iter().filter(move |webhook| match before.webhook(&webhook.path) {
            Some(EndpointWebhook { condition: WebhookCondition::Enabled, .. }) => {
                webhook.condition != WebhookCondition::Enabled
            }
            _ => before.checked_at.is_none() && webhook.condition == WebhookCondition::Suspended,
        })
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

    fn report(conditions: &[WebhookCondition], is_checked: bool) -> WebhookReport {
        let webhook = |(index, condition): (usize, &WebhookCondition)| EndpointWebhook {
            path: format!("/webhooks/{index}"),
            id: Some("w1".to_owned()),
            watched: vec!["dataset:me/data".to_owned()],
            condition: *condition,
        };
        WebhookReport {
            phase: RegistrationPhase::Registered,
            webhooks: conditions.iter().enumerate().map(webhook).collect(),
            checked_at: is_checked.then(SystemTime::now),
        }
    }

    #[test]
    fn each_change_of_an_enabled_webhook_is_notified_once() {
        use WebhookCondition::{Disabled, Enabled, Missing, Suspended};
        let status = WebhookStatus::new();
        let mut ended = status.ended().unwrap();
        assert!(status.ended().is_none());
        let mut notified = |report| {
            status.set(report);
            std::iter::from_fn(|| ended.try_recv().ok())
                .map(|webhook| (webhook.path, webhook.condition))
                .collect::<Vec<_>>()
        };
        let of = |index: usize, condition| (format!("/webhooks/{index}"), condition);
        assert_eq!(notified(report(&[Missing; 4], false)), []);
        // While the program did not run, a person may have disabled them on purpose.
        let first = report(&[Enabled, Suspended, Disabled, Enabled], true);
        assert_eq!(notified(first.clone()), [of(1, Suspended)]);
        assert_eq!(notified(first), []);
        let second = report(&[Suspended, Enabled, Missing, Enabled], true);
        assert_eq!(notified(second), [of(0, Suspended)]);
        let third = report(&[Enabled, Disabled, Enabled, Missing], true);
        assert_eq!(notified(third), [of(1, Disabled), of(3, Missing)]);
        // What another replica has found, that one notifies of.
        status.follow(report(&[Suspended, Enabled, Enabled, Enabled], true));
        assert_eq!(
            notified(report(&[Suspended, Enabled, Suspended, Enabled], true)),
            [of(2, Suspended)]
        );
    }

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
