//! A webhook as the Hub describes it.

use std::fmt;

use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::watched::{WatchedItem, WebhookDomain};
use crate::hub::lenient::{known_items, or_default};

/// A webhook of the account. It does not contain the text of the secret.
///
/// `Debug` shows the URL without its query, which may contain a secret.
///
/// ```
/// use webhooks_runtime::hub::{Webhook, WebhookState};
///
/// /// Returns whether the Hub stopped it because deliveries failed.
/// fn needs_help(webhook: &Webhook) -> bool {
///     webhook.state == WebhookState::Suspended
/// }
/// ```
#[derive(Clone, PartialEq, Deserialize)]
#[serde(from = "WebhookJson")]
#[non_exhaustive]
pub struct Webhook {
    /// The id, as in its URL on the Hub and in `webhook.id` of a payload.
    pub id: String,
    /// The URL that it sends deliveries to; `None` if it starts a Job.
    pub url: Option<String>,
    /// The Job that it starts, as the Hub describes it.
    pub job: Option<Value>,
    /// The repos and accounts that it watches.
    pub watched: Vec<WatchedItem>,
    /// The kinds of events that it sends.
    pub domains: Vec<WebhookDomain>,
    /// Whether it sends a secret.
    pub has_secret: bool,
    /// Whether it sends deliveries.
    pub state: WebhookState,
}

impl fmt::Debug for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Webhook")
            .field("id", &self.id)
            .field("url", &self.url.as_deref().map(without_query))
            .field("watched", &self.watched)
            .field("domains", &self.domains)
            .field("has_secret", &self.has_secret)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

/// Returns a URL without its query, in which the Hub's documentation suggests to put the secret.
pub(super) fn without_query(url: &str) -> &str {
    url.split(['?', '#']).next().unwrap_or_default()
}

/// Whether a webhook sends deliveries.
///
/// ```
/// use webhooks_runtime::hub::WebhookState;
///
/// assert_eq!(WebhookState::Suspended.to_string(), "suspended");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum WebhookState {
    /// It sends deliveries.
    Enabled,
    /// A person or a program disabled it.
    Disabled,
    /// The Hub stopped it because deliveries failed.
    Suspended,
}

impl fmt::Display for WebhookState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Enabled => "enabled",
            Self::Disabled => "disabled",
            Self::Suspended => "suspended",
        })
    }
}

/// `false`, `true`, or `"suspended-after-failure"`.
fn state<'de, D: Deserializer<'de>>(deserializer: D) -> Result<WebhookState, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::Null | Value::Bool(false) => WebhookState::Enabled,
        Value::String(text) if text == "suspended-after-failure" => WebhookState::Suspended,
        // Of a state that this crate doesn't know, only that it is not enabled is certain.
        _ => WebhookState::Disabled,
    })
}

/// A webhook as the Hub sends it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WebhookJson {
    id: String,
    url: Option<String>,
    job: Option<Value>,
    #[serde(default, deserialize_with = "known_items")]
    watched: Vec<WatchedItem>,
    #[serde(default, deserialize_with = "or_default")]
    domains: Vec<WebhookDomain>,
    secret: Option<Value>,
    has_secret: Option<bool>,
    #[serde(default = "enabled", deserialize_with = "state")]
    disabled: WebhookState,
}

fn enabled() -> WebhookState {
    WebhookState::Enabled
}

impl From<WebhookJson> for Webhook {
    fn from(json: WebhookJson) -> Self {
        // Older clients of the Hub wrote `discussions`.
        let domains = json.domains.into_iter().map(|domain| match domain.as_str() {
            "discussions" => WebhookDomain::Discussion,
            _ => domain,
        });
        let secret = json.secret.is_some_and(|secret| !secret.is_null() && secret != "");
        Self {
            id: json.id,
            url: json.url,
            job: json.job,
            watched: json.watched,
            domains: domains.collect(),
            has_secret: json.has_secret.unwrap_or(secret),
            state: json.disabled,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(mut json: Value) -> Webhook {
        json["id"] = "w1".into();
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn a_webhook_is_enabled_disabled_or_suspended() {
        for (disabled, state) in [
            (json!(false), WebhookState::Enabled),
            (json!(null), WebhookState::Enabled),
            (json!(true), WebhookState::Disabled),
            (json!("suspended-after-failure"), WebhookState::Suspended),
            (json!("suspended-by-staff"), WebhookState::Disabled),
        ] {
            assert_eq!(read(json!({ "disabled": disabled })).state, state, "{disabled}");
        }
        assert_eq!(read(json!({})).state, WebhookState::Enabled);
    }

    #[test]
    fn the_text_of_the_secret_is_not_kept() {
        for (json, has_secret) in [
            (json!({ "secret": "hush" }), true),
            (json!({ "secret": null }), false),
            (json!({ "hasSecret": true }), true),
            (json!({ "hasSecret": false, "secret": null }), false),
            (json!({}), false),
        ] {
            let webhook = read(json);
            assert_eq!(webhook.has_secret, has_secret, "{webhook:?}");
            assert!(!format!("{webhook:?}").contains("hush"));
        }
    }

    #[test]
    fn the_old_name_of_a_domain_is_the_new_one() {
        let webhook = read(json!({ "domains": ["repo", "discussions", "later"], "watched": null }));
        let domains: Vec<_> = webhook.domains.iter().map(WebhookDomain::as_str).collect();
        assert_eq!(domains, ["repo", "discussion", "later"]);
    }

    #[test]
    fn a_watched_item_of_an_unknown_shape_is_left_out() {
        let data = json!({ "type": "dataset", "name": "me/data" });
        let odd =
            [json!({ "type": "everything" }), json!("me/x"), json!(null), json!({ "name": 1 })];
        for odd in odd {
            let webhook = read(json!({ "watched": [odd, data] }));
            assert_eq!(webhook.watched, [WatchedItem::from("dataset:me/data")]);
        }
        assert_eq!(read(json!({ "watched": "all" })).watched, []);
    }
}
