//! Defines an alert, as JSON and as a line of text.

use std::time::SystemTime;

use serde::Serialize;
use uuid::Uuid;

use crate::http::webhook_status::{EndpointWebhook, WebhookCondition};
use crate::jobs::DeliverySummary;
use crate::payload::cut;
use crate::text::in_one_line;

/// An alert. Its fields are flat, and documented in the guide.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(super) enum Alert {
    DeadDelivery(DeadAlert),
    WebhookSuspended(WebhookAlert),
    StoreUnavailable(StoreAlert),
    StoreAvailable(StoreAlert),
}

/// A delivery that has ended dead.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct DeadAlert {
    endpoint: String,
    delivery: Uuid,
    webhook_id: Option<String>,
    event: Option<String>,
    repo: Option<String>,
    attempts: u32,
    /// The outermost text of the error, without its causes.
    error: Option<String>,
    received_at: String,
    ended_at: String,
}

/// A webhook that the Hub no longer calls.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct WebhookAlert {
    endpoint: String,
    webhook: Option<String>,
    /// `suspended`, `disabled` or `missing`.
    state: WebhookCondition,
    since: String,
}

/// The store of background deliveries.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct StoreAlert {
    /// `sqlite` or `postgres`.
    store: &'static str,
    /// When it became unavailable.
    since: String,
}

impl Alert {
    pub(super) fn dead(delivery: DeliverySummary) -> Self {
        let shortened = |text: String| cut(&text).to_owned();
        Self::DeadDelivery(DeadAlert {
            endpoint: delivery.endpoint,
            delivery: delivery.id,
            webhook_id: delivery.webhook_id.map(shortened),
            event: delivery.event.map(shortened),
            repo: delivery.repo.map(shortened),
            attempts: delivery.attempts,
            error: delivery.error.map(|error| outermost(&error).to_owned()),
            received_at: time(delivery.received_at),
            ended_at: time(delivery.ended_at.unwrap_or_else(SystemTime::now)),
        })
    }

    pub(super) fn webhook(webhook: EndpointWebhook) -> Self {
        Self::WebhookSuspended(WebhookAlert {
            endpoint: webhook.path,
            webhook: webhook.id,
            state: webhook.condition,
            since: time(SystemTime::now()),
        })
    }

    pub(super) fn store_unavailable(store: &'static str, since: SystemTime) -> Self {
        Self::StoreUnavailable(StoreAlert { store, since: time(since) })
    }

    pub(super) fn store_available(store: &'static str, since: SystemTime) -> Self {
        Self::StoreAvailable(StoreAlert { store, since: time(since) })
    }

    pub(super) fn is_dead_delivery(&self) -> bool {
        matches!(self, Self::DeadDelivery(_))
    }

    /// Returns the alert as a line for people.
    pub(super) fn line(&self) -> String {
        match self {
            Self::DeadDelivery(it) => {
                let event = it.event.as_deref().map(plain).unwrap_or_default();
                let repo = it.repo.as_deref().map(|repo| format!(" of {}", plain(repo)));
                let about = match event.as_str() {
                    "" => String::new(),
                    event => format!(", {event}{}", repo.unwrap_or_default()),
                };
                let error = it.error.as_deref().map(|error| format!(": {}", plain(error)));
                let attempts = if it.attempts == 1 { "attempt" } else { "attempts" };
                format!(
                    "Dead delivery: {}{about}, after {} {attempts}{}. Details: deliveries show {}",
                    plain(&it.endpoint),
                    it.attempts,
                    error.unwrap_or_default(),
                    it.delivery
                )
            }
            Self::WebhookSuspended(WebhookAlert { endpoint, state, .. }) => {
                let endpoint = plain(endpoint);
                let text = match state {
                    WebhookCondition::Suspended => {
                        "the Hub has suspended the webhook, because its deliveries failed"
                    }
                    WebhookCondition::Disabled => "the webhook on the Hub was disabled",
                    WebhookCondition::Missing => "the webhook on the Hub was deleted",
                    WebhookCondition::Enabled => "the webhook on the Hub is enabled",
                };
                format!("No more deliveries for {endpoint}: {text}")
            }
            Self::StoreUnavailable(StoreAlert { store, since }) => {
                format!(
                    "The store of background deliveries ({store}) has been unavailable since {since}: deliveries get \
                     503, and none run"
                )
            }
            Self::StoreAvailable(StoreAlert { store, since }) => format!(
                "The store of background deliveries ({store}) is available again. It was unavailable since {since}"
            ),
        }
    }
}

/// Returns a line for alerts that are only counted.
pub(super) fn line_of_omitted(count: u64) -> String {
    format!("Further alerts: {count}. Dead deliveries: deliveries --state dead")
}

fn time(time: SystemTime) -> String {
    humantime::format_rfc3339_seconds(time).to_string()
}

/// Returns the outermost text of an error with its causes, which may quote a payload: up to the first colon or line end.
fn outermost(error: &str) -> &str {
    let line = error.trim_start().lines().next().unwrap_or_default();
    cut(line.split(": ").next().unwrap_or_default().trim_end())
}

/// Returns a text from outside for a line of a chat: without links, markup for links and mentions, and in one line.
fn plain(text: &str) -> String {
    // Invisible spaces, so that a chat does not turn URLs and Markdown into links.
    let text = in_one_line(text).replace("://", ":\u{200b}//").replace("](", "]\u{200b}(");
    let mut plain = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            // Slack's escapes, which other chats show as the same characters.
            '&' => plain.push_str("&amp;"),
            '<' => plain.push_str("&lt;"),
            '>' => plain.push_str("&gt;"),
            // An invisible space, so that nobody is mentioned.
            '@' => plain.push_str("@\u{200b}"),
            character => plain.push(character),
        }
    }
    plain
}

#[cfg(test)]
pub(super) mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::*;
    use crate::jobs::{DeliveryOrigin, State};

    /// Returns the summary of a delivery that has died with this error.
    pub(in crate::alerts) fn died(error: &str) -> DeliverySummary {
        let at =
            |seconds: u64| SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000 + seconds);
        DeliverySummary {
            id: Uuid::nil(),
            endpoint: "/webhooks/train".to_owned(),
            webhook_id: Some("w1".to_owned()),
            event: Some("update repo.content".to_owned()),
            repo: Some("me/data".to_owned()),
            state: State::Dead,
            cancel_requested: false,
            attempts: 3,
            received_at: at(0),
            run_at: None,
            started_at: None,
            ended_at: Some(at(60)),
            error: Some(error.to_owned()),
            note: Some("the note".to_owned()),
            key: Some("the key".to_owned()),
            superseded_by: None,
            merged: 0,
            origin: DeliveryOrigin::Webhook,
        }
    }

    #[test]
    fn an_alert_of_a_dead_delivery_has_no_causes_of_its_error() {
        let alert = Alert::dead(died("the training failed: cannot read {\"secret\": 1}"));
        let expected = json!({
            "kind": "dead_delivery",
            "endpoint": "/webhooks/train",
            "delivery": "00000000-0000-0000-0000-000000000000",
            "webhook_id": "w1",
            "event": "update repo.content",
            "repo": "me/data",
            "attempts": 3,
            "error": "the training failed",
            "received_at": "2023-11-14T22:13:20Z",
            "ended_at": "2023-11-14T22:14:20Z",
        });
        assert_eq!(serde_json::to_value(&alert).unwrap(), expected);
        let line = "Dead delivery: /webhooks/train, update repo.content of me/data, after 3 attempts: the training \
                    failed. Details: deliveries show 00000000-0000-0000-0000-000000000000";
        assert_eq!(alert.line(), line);
    }

    #[test]
    fn an_error_is_cut_at_its_first_cause_and_line() {
        let long = "x".repeat(1000);
        for (error, outermost_text) in [
            ("busy", "busy"),
            ("busy: the disk is full", "busy"),
            ("busy\nthe payload", "busy"),
            ("\nbusy", "busy"),
            ("https://hf.co is down", "https://hf.co is down"),
            ("", ""),
            (&long, &long[..200]),
        ] {
            assert_eq!(outermost(error), outermost_text);
        }
    }

    #[test]
    fn texts_from_outside_mention_nobody_and_stay_in_their_line() {
        let summary = DeliverySummary {
            event: Some("<!channel>\nx".to_owned()),
            repo: Some("@everyone&".to_owned()),
            ..died("<@U1> \u{1b}[31mfailed, [see](https://example.com/)")
        };
        let line = Alert::dead(summary).line();
        assert!(!line.contains(['<', '>', '\n', '\u{1b}']), "{line}");
        assert!(line.contains("&lt;!channel&gt;") && line.contains("@\u{200b}everyone&amp;"));
        assert!(!line.contains("@everyone") && !line.contains("@U1"));
        assert!(!line.contains("](") && !line.contains("://"), "{line}");
    }

    #[test]
    fn each_kind_of_alert_has_a_line_and_flat_fields() {
        let webhook = |condition| {
            Alert::webhook(EndpointWebhook {
                path: "/webhooks/train".to_owned(),
                id: Some("6da33a6f".to_owned()),
                watched: vec!["dataset:me/secret".to_owned()],
                condition,
            })
        };
        let since = SystemTime::UNIX_EPOCH;
        for (alert, kind, line) in [
            (
                webhook(WebhookCondition::Suspended),
                "webhook_suspended",
                "No more deliveries for /webhooks/train: the Hub has suspended the webhook, because its deliveries \
                 failed",
            ),
            (
                webhook(WebhookCondition::Disabled),
                "webhook_suspended",
                "No more deliveries for /webhooks/train: the webhook on the Hub was disabled",
            ),
            (
                webhook(WebhookCondition::Missing),
                "webhook_suspended",
                "No more deliveries for /webhooks/train: the webhook on the Hub was deleted",
            ),
            (
                Alert::store_unavailable("postgres", since),
                "store_unavailable",
                "The store of background deliveries (postgres) has been unavailable since 1970-01-01T00:00:00Z: \
                 deliveries get 503, and none run",
            ),
            (
                Alert::store_available("postgres", since),
                "store_available",
                "The store of background deliveries (postgres) is available again. It was unavailable since \
                 1970-01-01T00:00:00Z",
            ),
        ] {
            let json = serde_json::to_value(&alert).unwrap();
            assert_eq!((json["kind"].as_str(), alert.line().as_str()), (Some(kind), line));
            assert!(json.as_object().unwrap().values().all(|it| !it.is_object() && !it.is_array()));
        }
    }
}
