//! The account's webhooks: list, create, update, enable, disable, delete, replay.

mod spec;
mod watched;

use std::fmt;

use serde::{Deserialize, Deserializer};
use serde_json::Value;

pub use self::spec::WebhookSpec;
pub(crate) use self::spec::WebhookTarget;
pub use self::watched::{WatchedItem, WebhookDomain};
use super::client::Hub;
use super::error::HubError;
use super::lenient::or_default;
use super::path::segment;

/// The path of the account's webhooks.
const WEBHOOKS: &str = "/api/settings/webhooks";

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
pub(crate) fn without_query(url: &str) -> &str {
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
    #[serde(default, deserialize_with = "or_default")]
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

#[derive(Deserialize)]
struct WebhookResponse {
    webhook: Webhook,
}

#[derive(Deserialize)]
struct ReplayResponse {
    status: u16,
}

/// Calls for webhooks. The token needs the scope `webhooks`; webhooks belong to users, not to organizations.
impl Hub {
    /// Lists the account's webhooks.
    ///
    /// ```
    /// use webhooks_runtime::hub::WebhookState;
    /// use webhooks_runtime::serde_json::json;
    /// use webhooks_runtime::testing::HubStub;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), webhooks_runtime::HubError> {
    /// let stub = HubStub::new();
    /// stub.on("GET", "/api/settings/webhooks").respond(json!([{
    ///     "id": "w1",
    ///     "url": "https://me-bot.hf.space/webhooks/train",
    ///     "watched": [{ "type": "dataset", "name": "me/data" }],
    ///     "domains": ["repo"],
    ///     "disabled": "suspended-after-failure",
    /// }]));
    ///
    /// let webhooks = stub.hub().webhooks().await?;
    /// assert_eq!(webhooks[0].watched[0].to_string(), "dataset:me/data");
    /// assert_eq!(webhooks[0].state, WebhookState::Suspended);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error when the call fails.
    pub async fn webhooks(&self) -> Result<Vec<Webhook>, HubError> {
        self.get(WEBHOOKS).fetch().await
    }

    /// Returns one webhook.
    ///
    /// ```
    /// # use webhooks_runtime::serde_json::json;
    /// # use webhooks_runtime::testing::HubStub;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), webhooks_runtime::HubError> {
    /// # let stub = HubStub::new();
    /// # let webhook = json!({ "webhook": { "id": "w1", "url": "https://me-bot.hf.space/webhooks/train" } });
    /// # stub.on("GET", "/api/settings/webhooks/w1").respond(webhook);
    /// # let hub = stub.hub();
    /// let webhook = hub.webhook("w1").await?;
    /// assert_eq!(webhook.url.as_deref(), Some("https://me-bot.hf.space/webhooks/train"));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error when the call fails.
    pub async fn webhook(&self, id: &str) -> Result<Webhook, HubError> {
        let response: WebhookResponse = self.get(&path(id, "")?).fetch().await?;
        Ok(response.webhook)
    }

    /// Creates a webhook, which is enabled.
    ///
    /// ```
    /// use webhooks_runtime::hub::WebhookSpec;
    /// # use webhooks_runtime::serde_json::json;
    /// # use webhooks_runtime::testing::HubStub;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), webhooks_runtime::HubError> {
    /// # let stub = HubStub::new();
    /// # stub.on("POST", "/api/settings/webhooks").respond(json!({ "webhook": { "id": "w1" } }));
    /// # let hub = stub.hub();
    /// let spec = WebhookSpec::new("https://me-bot.hf.space/webhooks/train");
    /// let webhook = hub.create_webhook(&spec.watch("dataset:me/data").secret("hush")).await?;
    /// assert_eq!(webhook.id, "w1");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error when the call fails, and when the spec watches nothing.
    pub async fn create_webhook(&self, spec: &WebhookSpec) -> Result<Webhook, HubError> {
        let body = spec.body()?;
        let response: WebhookResponse = self.post(WEBHOOKS).json(&body).fetch().await?;
        Ok(response.webhook)
    }

    /// Replaces the settings of a webhook. It stays enabled, disabled or suspended.
    ///
    /// The Hub replaces all settings, so the spec must be complete, with the secret.
    ///
    /// ```
    /// use webhooks_runtime::hub::WebhookSpec;
    /// # use webhooks_runtime::serde_json::json;
    /// # use webhooks_runtime::testing::HubStub;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), webhooks_runtime::HubError> {
    /// # let stub = HubStub::new();
    /// # stub.on("POST", "/api/settings/webhooks/w1").respond(json!({ "webhook": { "id": "w1" } }));
    /// # let hub = stub.hub();
    /// let spec = WebhookSpec::new("https://my-new-url.example/webhooks/train");
    /// hub.update_webhook("w1", &spec.watch("dataset:me/data").secret("hush")).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error when the call fails, and when the spec watches nothing.
    pub async fn update_webhook(&self, id: &str, spec: &WebhookSpec) -> Result<Webhook, HubError> {
        let (path, body) = (path(id, "")?, spec.body()?);
        let request = self.post(&path).json(&body).idempotent();
        let response: WebhookResponse = request.fetch().await?;
        Ok(response.webhook)
    }

    /// Enables a webhook that is disabled or suspended.
    ///
    /// ```
    /// # use webhooks_runtime::hub::WebhookState;
    /// # use webhooks_runtime::serde_json::json;
    /// # use webhooks_runtime::testing::HubStub;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), webhooks_runtime::HubError> {
    /// # let stub = HubStub::new();
    /// # let enabled = json!({ "webhook": { "id": "w1", "disabled": false } });
    /// # stub.on("POST", "/api/settings/webhooks/w1/enable").respond(enabled);
    /// # let hub = stub.hub();
    /// assert_eq!(hub.enable_webhook("w1").await?.state, WebhookState::Enabled);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error when the call fails.
    pub async fn enable_webhook(&self, id: &str) -> Result<Webhook, HubError> {
        self.switch_webhook(&path(id, "/enable")?).await
    }

    /// Disables a webhook.
    ///
    /// ```
    /// # use webhooks_runtime::hub::WebhookState;
    /// # use webhooks_runtime::serde_json::json;
    /// # use webhooks_runtime::testing::HubStub;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), webhooks_runtime::HubError> {
    /// # let stub = HubStub::new();
    /// # let disabled = json!({ "webhook": { "id": "w1", "disabled": true } });
    /// # stub.on("POST", "/api/settings/webhooks/w1/disable").respond(disabled);
    /// # let hub = stub.hub();
    /// assert_eq!(hub.disable_webhook("w1").await?.state, WebhookState::Disabled);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error when the call fails.
    pub async fn disable_webhook(&self, id: &str) -> Result<Webhook, HubError> {
        self.switch_webhook(&path(id, "/disable")?).await
    }

    /// Deletes a webhook.
    ///
    /// ```
    /// # use webhooks_runtime::serde_json::json;
    /// # use webhooks_runtime::testing::HubStub;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), webhooks_runtime::HubError> {
    /// # let stub = HubStub::new();
    /// # stub.on("DELETE", "/api/settings/webhooks/w1").respond(json!({}));
    /// # let hub = stub.hub();
    /// hub.delete_webhook("w1").await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error when the call fails.
    pub async fn delete_webhook(&self, id: &str) -> Result<(), HubError> {
        self.delete(&path(id, "")?).send().await?;
        Ok(())
    }

    /// Sends a past delivery of a webhook again, to its current URL and with its current secret. It has the same
    /// `Webhook-Id` as before.
    ///
    /// Returns the status of the response to the delivery.
    ///
    /// ```
    /// # use webhooks_runtime::serde_json::json;
    /// # use webhooks_runtime::testing::HubStub;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), webhooks_runtime::HubError> {
    /// # let stub = HubStub::new();
    /// # stub.on("POST", "/api/settings/webhooks/w1/replay/log7").respond(json!({ "status": 202 }));
    /// # let hub = stub.hub();
    /// assert_eq!(hub.replay_webhook("w1", "log7").await?, 202);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error when the call fails.
    pub async fn replay_webhook(&self, id: &str, log_id: &str) -> Result<u16, HubError> {
        let rest = format!("/replay/{}", segment("log_id", log_id)?);
        let response: ReplayResponse = self.post(&path(id, &rest)?).fetch().await?;
        Ok(response.status)
    }

    async fn switch_webhook(&self, path: &str) -> Result<Webhook, HubError> {
        let response: WebhookResponse = self.post(path).idempotent().fetch().await?;
        Ok(response.webhook)
    }
}

fn path(id: &str, rest: &str) -> Result<String, HubError> {
    Ok(format!("{WEBHOOKS}/{}{rest}", segment("id", id)?))
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
}
