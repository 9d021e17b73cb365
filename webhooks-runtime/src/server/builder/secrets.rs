//! Defines the builder's methods for secrets.

use super::WebhooksServer;
use crate::config::table::setting_docs;

/// Secrets.
impl WebhooksServer {
    #[doc = setting_docs!(webhook_secret)]
    /// It consists of visible ASCII characters; anything else is an error at launch.
    ///
    /// ```
    /// use webhooks_runtime::WebhooksServer;
    /// use webhooks_runtime::testing::{TestClient, dataset_commit};
    ///
    /// let server = WebhooksServer::empty().add_webhook("/hello", async || "hello");
    /// let client = TestClient::new(server.webhook_secret("my_secret"))?;
    ///
    /// // As the Hub sends it, with the secret that the webhook was given in its settings.
    /// let delivery = client.post("/webhooks/hello", dataset_commit());
    /// assert_eq!(delivery.clone().send().status(), 200);
    /// assert_eq!(delivery.without_secret().send().status(), 401);
    /// # Ok::<(), webhooks_runtime::LaunchError>(())
    /// ```
    pub fn webhook_secret(self, secret: impl Into<String>) -> Self {
        self.webhook_secrets([secret])
    }

    #[doc = setting_docs!(webhook_secrets)]
    ///
    /// ```
    /// use webhooks_runtime::WebhooksServer;
    /// use webhooks_runtime::testing::{TestClient, dataset_commit};
    ///
    /// let server = WebhooksServer::empty().add_webhook("/hello", async || "hello");
    /// let client = TestClient::new(server.webhook_secrets(["new", "old"]))?;
    ///
    /// for (secret, status) in [("new", 200), ("old", 200), ("older", 403)] {
    ///     let response = client.post("/webhooks/hello", dataset_commit()).secret(secret).send();
    ///     assert_eq!(response.status(), status);
    /// }
    /// # Ok::<(), webhooks_runtime::LaunchError>(())
    /// ```
    pub fn webhook_secrets<S: Into<String>>(
        mut self,
        secrets: impl IntoIterator<Item = S>,
    ) -> Self {
        self.secrets = Some(secrets.into_iter().map(Into::into).collect());
        self
    }

    #[doc = setting_docs!(secret_in_query)]
    /// Avoid it if you can: URLs end up in the logs of proxies.
    ///
    /// ```
    /// use webhooks_runtime::WebhooksServer;
    /// use webhooks_runtime::testing::{TestClient, dataset_commit};
    ///
    /// let server = WebhooksServer::empty().add_webhook("/hello", async || "hello");
    /// let client = TestClient::new(server.webhook_secret("my_secret").secret_in_query(true))?;
    ///
    /// let request = client.post("/webhooks/hello?secret=my_secret", dataset_commit()).without_secret();
    /// assert_eq!(request.send().status(), 200);
    /// # Ok::<(), webhooks_runtime::LaunchError>(())
    /// ```
    pub fn secret_in_query(mut self, accept: bool) -> Self {
        self.secret_in_query = accept;
        self
    }
}
