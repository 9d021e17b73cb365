//! Lists, creates, updates, enables, disables, deletes and replays webhooks.

use serde::Deserialize;

use super::spec::WebhookSpec;
use super::webhook::Webhook;
use crate::hub::client::Hub;
use crate::hub::error::HubError;
use crate::hub::path::segment;

/// The path of the account's webhooks.
const WEBHOOKS: &str = "/api/settings/webhooks";

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
