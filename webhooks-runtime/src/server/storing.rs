//! What can be set of how background deliveries are kept.

use std::time::Duration;

use super::WebhooksServer;

/// Background deliveries, with the Cargo feature `background`.
impl WebhooksServer {
    /// Sets where background deliveries are kept: a file, or `postgres://user:password@host/database` for
    /// several replicas. Default: `webhooks.db` in the working directory, on a Space in `/data` when that
    /// is there.
    ///
    /// Before it goes the flag `--store`, after it the variable `WEBHOOKS_STORE`.
    ///
    /// ```
    /// use webhooks_runtime::WebhooksServer;
    ///
    /// let server = WebhooksServer::new().store("/var/lib/my-bot/webhooks.db");
    /// ```
    pub fn store(mut self, store: impl Into<String>) -> Self {
        self.given.store = Some(store.into());
        self
    }

    /// Sets how long background deliveries are kept that are done, at least for the longest `dedup_window`
    /// of their endpoints. Default: 7 days.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// # use webhooks_runtime::WebhooksServer;
    /// let server = WebhooksServer::new().keep_done(Duration::from_secs(24 * 60 * 60));
    /// ```
    pub fn keep_done(mut self, time: Duration) -> Self {
        self.parts.background.retain_done = time;
        self
    }

    /// Sets how long background deliveries are kept that are dead: with `Duration::MAX` until somebody
    /// deletes them, with the command `deliveries purge`. Default: 30 days.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// # use webhooks_runtime::WebhooksServer;
    /// let server = WebhooksServer::new().keep_dead(Duration::from_secs(90 * 24 * 60 * 60));
    /// ```
    pub fn keep_dead(mut self, time: Duration) -> Self {
        self.parts.background.retain_dead = time;
        self
    }

    /// Sets how many background deliveries may wait or run; further ones are answered with 503, and the
    /// Hub sends them again. Default: 10 million.
    ///
    /// ```
    /// # use webhooks_runtime::WebhooksServer;
    /// // A payload takes a few kilobytes on the disk.
    /// let server = WebhooksServer::new().backlog_limit(100_000);
    /// ```
    pub fn backlog_limit(mut self, deliveries: u64) -> Self {
        self.parts.background.limits.deliveries = deliveries;
        self
    }

    /// Sets how many bytes background deliveries may take, in whatever state: further ones are answered with
    /// 503. Default: 10 GiB.
    ///
    /// In PostgreSQL it is the bytes of their payloads that count, about: each replica adds them up once a
    /// minute or less often.
    ///
    /// ```
    /// # use webhooks_runtime::WebhooksServer;
    /// let server = WebhooksServer::new().store_limit(1024 * 1024 * 1024);
    /// ```
    pub fn store_limit(mut self, bytes: u64) -> Self {
        self.parts.background.limits.bytes = bytes;
        self
    }

    /// Sets how many connections to PostgreSQL a replica opens, at most: 3 to 1000. One listens to the other
    /// replicas, one sends heartbeats, and the rest do everything else. Default: 9.
    ///
    /// ```
    /// # use webhooks_runtime::WebhooksServer;
    /// // 20 replicas, and a server that takes 100 connections.
    /// let server = WebhooksServer::new()
    ///     .store("postgres://bot:hush@db.example.com/webhooks")
    ///     .store_connections(4);
    /// ```
    pub fn store_connections(mut self, connections: u32) -> Self {
        self.parts.background.connections = connections;
        self
    }

    /// Sets how long a replica may be silent before what it was running is given to others: 1 s at least.
    /// Default: 30 s.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// # use webhooks_runtime::WebhooksServer;
    /// let server = WebhooksServer::new()
    ///     .store("postgres://bot:hush@db.example.com/webhooks")
    ///     .lease(Duration::from_secs(60));
    /// ```
    pub fn lease(mut self, time: Duration) -> Self {
        self.parts.background.lease = time.max(Duration::from_secs(1));
        self
    }
}
