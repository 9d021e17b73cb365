//! Renders the webhook of an endpoint on the Hub: its state, and for authorized viewers what it is.

use maud::{Markup, html};

use super::super::pieces::time;
use crate::http::webhook_status::{RegistrationPhase, WebhookCondition, WebhookReport};

/// Renders the webhook of the endpoint at this path, if it gets one. Ids and repos are for authorized viewers: they are
/// those of a person's account.
pub(super) fn webhook(report: &WebhookReport, path: &str, authorized: bool) -> Markup {
    let Some(webhook) = report.webhook(path) else {
        return html! {};
    };
    let (class, text) = match (webhook.condition, report.phase) {
        (WebhookCondition::Enabled, _) => ("protected", "Webhook enabled"),
        (WebhookCondition::Disabled, _) => ("open", "Webhook disabled"),
        (WebhookCondition::Suspended, _) => ("open", "Webhook suspended by the Hub"),
        (WebhookCondition::Missing, RegistrationPhase::Pending) => {
            ("open", "Webhook not registered yet")
        }
        (WebhookCondition::Missing, _) => ("open", "No webhook"),
    };
    html! {
        p.facts {
            span.badge.(class) { (text) }
            @if authorized {
                @if let Some(id) = &webhook.id { span { code { (id) } } }
                span { "watches " code { (webhook.watched.join(", ")) } }
            }
            @if let Some(at) = report.checked_at { span { "checked at " (time(at)) } }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;
    use crate::http::webhook_status::EndpointWebhook;

    fn report(phase: RegistrationPhase, condition: WebhookCondition) -> WebhookReport {
        let (path, id) = ("/webhooks/train".to_owned(), Some("w1".to_owned()));
        let watched = vec!["dataset:me/data".to_owned()];
        let webhooks = vec![EndpointWebhook { path, id, watched, condition }];
        WebhookReport { phase, webhooks, checked_at: Some(UNIX_EPOCH) }
    }

    #[test]
    fn anyone_sees_the_state_and_authorized_viewers_the_webhook() {
        let report = report(RegistrationPhase::Registered, WebhookCondition::Suspended);
        for authorized in [false, true] {
            let markup = webhook(&report, "/webhooks/train", authorized).into_string();
            assert!(markup.contains("suspended by the Hub") && markup.contains("00:00:00"));
            for private in ["w1", "me/data"] {
                assert_eq!(markup.contains(private), authorized, "{markup}");
            }
        }
        assert_eq!(webhook(&report, "/webhooks/other", true).into_string(), "");
    }

    #[test]
    fn a_missing_webhook_may_still_be_registered() {
        for (phase, text) in [
            (RegistrationPhase::Pending, "not registered yet"),
            (RegistrationPhase::Registered, "No webhook"),
            (RegistrationPhase::Stopped, "No webhook"),
        ] {
            let report = report(phase, WebhookCondition::Missing);
            let markup = webhook(&report, "/webhooks/train", false).into_string();
            assert!(markup.contains(text), "{markup}");
        }
    }
}
