//! What can be set of how a server listens: where, with how many threads, and for how much of what.

use std::time::Duration;

use super::WebhooksServer;
use crate::config::exposure::ExposureChoice;
use crate::config::table::setting_docs;

/// How it listens, and its limits.
impl WebhooksServer {
    #[doc = setting_docs!(host)]
    /// It is also `0.0.0.0` when the variable `PORT` sets the port and standard output is not a terminal, because
    /// hosting platforms connect from outside.
    ///
    /// ```
    /// # use webhooks_runtime::WebhooksServer;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), webhooks_runtime::LaunchError> {
    /// # let server = WebhooksServer::empty().add_webhook("/hello", async || "hello");
    /// let server = server.host("localhost").port(0).start().await?;
    /// assert!(server.local_url().starts_with("http://localhost:"));
    /// # server.stop().await;
    /// # Ok(())
    /// # }
    /// ```
    pub fn host(mut self, host: impl Into<String>) -> Self {
        self.settings.host = Some(host.into());
        self
    }

    #[doc = setting_docs!(port)]
    /// `PORT` is what Cloud Run, Render, Railway and Heroku set.
    ///
    /// ```
    /// # use webhooks_runtime::{LaunchError, WebhooksServer};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), LaunchError> {
    /// # let server = || WebhooksServer::empty().add_webhook("/hello", async || "hello");
    /// let first = server().port(0).start().await?;
    /// let port = first.local_url().rsplit(':').next().and_then(|port| port.parse().ok()).unwrap();
    ///
    /// // A port that is taken is an error.
    /// let second = server().port(port).start().await;
    /// assert!(matches!(second, Err(LaunchError::Bind { .. })));
    /// # first.stop().await;
    /// # Ok(())
    /// # }
    /// ```
    pub fn port(mut self, port: u16) -> Self {
        self.settings.port = Some(port);
        self
    }

    #[doc = setting_docs!(workers)]
    ///
    /// ```
    /// # use webhooks_runtime::testing::TestClient;
    /// # use webhooks_runtime::WebhooksServer;
    /// # let server = || WebhooksServer::empty().add_webhook("/hello", async || "hello");
    /// assert!(TestClient::new(server().workers(2)).is_ok());
    ///
    /// let error = TestClient::new(server().workers(1000)).unwrap_err();
    /// assert_eq!(error.to_string(), "The number of workers must be 1 to 512.");
    /// ```
    pub fn workers(mut self, count: usize) -> Self {
        self.settings.workers = Some(count);
        self
    }

    #[doc = setting_docs!(public_url)]
    /// The URL is printed, and no share link is opened.
    ///
    /// ```
    /// # use webhooks_runtime::WebhooksServer;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), webhooks_runtime::LaunchError> {
    /// # let server = WebhooksServer::empty().add_webhook("/hello", async || "hello");
    /// let server = server.public_url("https://hooks.example.com/bots/").port(0).start().await?;
    /// assert_eq!(server.public_url().as_deref(), Some("https://hooks.example.com/bots"));
    /// # server.stop().await;
    /// # Ok(())
    /// # }
    /// ```
    pub fn public_url(mut self, url: impl Into<String>) -> Self {
        self.settings.exposure.choice = Some(ExposureChoice::Url(url.into()));
        self
    }

    #[doc = setting_docs!(body_limit)]
    ///
    /// ```
    /// use webhooks_runtime::testing::{TestClient, dataset_commit};
    /// use webhooks_runtime::{WebhookPayload, WebhooksServer};
    ///
    /// async fn hello(_payload: WebhookPayload) {}
    ///
    /// let server = WebhooksServer::empty().add_webhook("/hello", hello).body_limit(100);
    /// let response = TestClient::new(server)?.post("/webhooks/hello", dataset_commit()).send();
    /// assert_eq!(response.status(), 413);
    /// # Ok::<(), webhooks_runtime::LaunchError>(())
    /// ```
    pub fn body_limit(mut self, bytes: usize) -> Self {
        self.limits.body = bytes;
        self
    }

    #[doc = setting_docs!(request_timeout)]
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// # use webhooks_runtime::testing::TestClient;
    /// # use webhooks_runtime::WebhooksServer;
    /// # let server = || WebhooksServer::empty().add_webhook("/hello", async || "hello");
    /// assert!(TestClient::new(server().request_timeout(Duration::from_secs(30))).is_ok());
    /// assert!(TestClient::new(server().request_timeout(Duration::ZERO)).is_err());
    /// ```
    pub fn request_timeout(mut self, limit: Duration) -> Self {
        self.limits.request_timeout = limit;
        self
    }

    #[doc = setting_docs!(shutdown_timeout)]
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// # use webhooks_runtime::WebhooksServer;
    /// // For functions that take minutes, where whatever ends the program waits as long.
    /// let server = WebhooksServer::new().shutdown_timeout(Duration::from_secs(300));
    /// ```
    pub fn shutdown_timeout(mut self, limit: Duration) -> Self {
        self.limits.shutdown_timeout = limit;
        self
    }
}
