//! Defines the builder's methods for the metrics.

use crate::config::table::setting_docs;
use crate::server::WebhooksServer;

/// Metrics, with the Cargo feature `metrics`.
impl WebhooksServer {
    #[doc = setting_docs!(metrics)]
    /// Strangers can reach the server's port, so Prometheus needs a token there: set the variable
    /// `WEBHOOKS_METRICS_TOKEN`, and let it send `Authorization: Bearer` with the same value. Until then the response is
    /// 401. The metrics contain the paths of the endpoints, and nothing from payloads.
    ///
    /// ```
    /// use webhooks_runtime::WebhooksServer;
    /// use webhooks_runtime::testing::TestClient;
    ///
    /// let server = WebhooksServer::empty().add_webhook("/hello", async || "hello").metrics(true);
    /// // A test has no token.
    /// assert_eq!(TestClient::new(server)?.get("/metrics").send().status(), 401);
    /// # Ok::<(), webhooks_runtime::LaunchError>(())
    /// ```
    pub fn metrics(mut self, metrics: bool) -> Self {
        self.settings.metrics.on = Some(metrics);
        self
    }

    #[doc = setting_docs!(metrics_port)]
    /// The port is on the server's [`host`](Self::host). Anyone who reaches it can read the metrics, unless the
    /// variable `WEBHOOKS_METRICS_TOKEN` is set. Turns the metrics on, unless [`metrics`](Self::metrics) turns them off.
    ///
    /// ```
    /// # use webhooks_runtime::WebhooksServer;
    /// let server = WebhooksServer::new().metrics_port(9464);
    /// ```
    pub fn metrics_port(mut self, port: u16) -> Self {
        self.settings.metrics.port = Some(port);
        self
    }
}
