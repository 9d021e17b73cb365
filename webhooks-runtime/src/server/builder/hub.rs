//! Defines the builder's method for the client of the Hub.

use super::WebhooksServer;
use crate::config::table::setting_docs;
use crate::hub::Hub;

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
