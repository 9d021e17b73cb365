//! What can be set of how a server listens: where, with how many threads, and for how much of what.

use std::time::Duration;

use super::WebhooksServer;
use crate::config::exposure::ExposureChoice;

/// How it listens, and its limits.
impl WebhooksServer {
    /// Sets the host name or address to listen on. Default: `127.0.0.1`, on a Space `0.0.0.0`.
    ///
    /// It is also `0.0.0.0` when the variable `PORT` decides the port and standard output is not a
    /// terminal, since hosting platforms connect from outside.
    ///
    /// The flag `--host` overrides it, and it overrides the variable `GRADIO_SERVER_NAME`.
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
        self.given.host = Some(host.into());
        self
    }

    /// Sets the port to listen on; 0 lets the system choose one. Default: the first free one of
    /// 7860–7959, on a Space 7860.
    ///
    /// The flag `--port` overrides it, and it overrides the variables `GRADIO_SERVER_PORT` and `PORT`, in
    /// this order. `PORT` is what Cloud Run, Render, Railway and Heroku set.
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
        self.given.port = Some(port);
        self
    }

    /// Sets the number of threads that serve requests, 1 to 512. Default: one for each core.
    ///
    /// Before it goes the flag `--workers`.
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
        self.given.workers = Some(count);
        self
    }

    /// Sets the address that others reach the server by, where a proxy or a tunnel of your own leads
    /// to it: `https://hooks.example.com`. It is printed, and no tunnel is opened.
    ///
    /// Before it goes the flag `--public-url`.
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
        self.given.reach.way = Some(ExposureChoice::Url(url.into()));
        self
    }

    /// Sets the largest body that is read, in bytes. Default: 10 MiB.
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

    /// Sets how long a client may take to send the head of a request, and then its body: more than
    /// nothing and a day at most. Default: 10 s.
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

    /// Sets how long running deliveries may go on when the server is told to stop: a day at most.
    /// Default: 30 s.
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
