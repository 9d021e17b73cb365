//! Defines the builder's methods for the Hub.

use crate::config::table::setting_docs;
use crate::hub::Hub;
use crate::server::WebhooksServer;

/// The Hub, with the Cargo feature `hub`.
impl WebhooksServer {
    #[doc = setting_docs!(hub)]
    /// Without it, the server creates one with [`Hub::from_env`] if an endpoint needs it, and does not start without a
    /// token. A [`TestClient`](crate::testing::TestClient) never reads the token: pass it the client of a
    /// [`HubStub`](crate::testing::HubStub).
    ///
    /// ```
    /// use webhooks_runtime::testing::{HubStub, TestClient, comment_created};
    /// use webhooks_runtime::{Hub, HubError, WebhookPayload, WebhooksServer, webhook_endpoint};
    ///
    /// #[webhook_endpoint]
    /// async fn who(_payload: WebhookPayload, hub: Hub) -> Result<String, HubError> {
    ///     Ok(hub.whoami().await?.name)
    /// }
    ///
    /// let stub = HubStub::new();
    /// let server = WebhooksServer::empty().endpoint(who::endpoint()).hub(stub.hub());
    /// let response = TestClient::new(server)?.post(who::PATH, comment_created()).send();
    /// assert_eq!(response.text(), "bot");
    /// # Ok::<(), webhooks_runtime::LaunchError>(())
    /// ```
    pub fn hub(mut self, hub: Hub) -> Self {
        self.parts.hub.given = Some(hub);
        self
    }
}

/// Registration on the Hub, with the Cargo feature `hub`.
impl WebhooksServer {
    #[doc = setting_docs!(register)]
    /// The server registers once its public URL works. It creates missing webhooks, updates the webhooks that it
    /// remembers, and enables suspended ones. It never changes other webhooks, never deletes a webhook, and never enables
    /// a webhook that a person has disabled. The command `webhooks sync` does the same once, after it has shown what
    /// it will change.
    ///
    /// It needs a token with write access to webhooks, in `HF_TOKEN` or from `hf auth login`.
    ///
    /// ```no_run
    /// use webhooks_runtime::{LaunchError, WebhookPayload, WebhooksServer, webhook_endpoint};
    ///
    /// #[webhook_endpoint(watch = "dataset:me/data")]
    /// async fn retrain(payload: WebhookPayload) {
    ///     // train
    /// }
    ///
    /// fn main() -> Result<(), LaunchError> {
    ///     WebhooksServer::new().register(true).launch()
    /// }
    /// ```
    pub fn register(mut self, register: bool) -> Self {
        self.settings.register = Some(register);
        self
    }
}

/// Missed deliveries, with the Cargo feature `hub`.
impl WebhooksServer {
    #[doc = setting_docs!(reconcile)]
    /// At its start and after each interval, the server asks the Hub for the branches and tags of the repos that
    /// background endpoints `watch`, and of an owner for those of the repos that changed last. For a commit that it has
    /// not seen, it makes a delivery. It needs a token, and takes a time such as `"1h"`, at least two minutes.
    ///
    /// ```no_run
    /// use webhooks_runtime::{LaunchError, WebhookPayload, WebhooksServer, webhook_endpoint};
    ///
    /// #[webhook_endpoint(watch = "dataset:me/data", branch = "main", background)]
    /// async fn retrain(payload: WebhookPayload) {
    ///     // train
    /// }
    ///
    /// fn main() -> Result<(), LaunchError> {
    ///     WebhooksServer::new().reconcile("1h").launch()
    /// }
    /// ```
    pub fn reconcile(mut self, interval: impl Into<String>) -> Self {
        self.settings.reconcile = Some(interval.into());
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_can_turn_registration_on_and_off() {
        let register = |register| WebhooksServer::empty().register(register).settings.register;
        assert_eq!((register(true), register(false)), (Some(true), Some(false)));
    }
}
