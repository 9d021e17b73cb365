//! Serves the metrics on a port of their own.

use std::io;
use std::net::TcpListener;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use actix_web::web;
use futures_util::future::BoxFuture;
use tokio::time::Instant;

use crate::http::app::Configure;
use crate::http::connection::{ConnectionLimit, Origin};
use crate::http::part::Part;
use crate::http::rejection::not_found;
use crate::server::ports::bind_for_metrics;
use crate::server::threads::Threads;
use crate::server::worker::WorkerSetup;

/// The maximum number of open connections.
const MAX_CONNECTIONS: usize = 64;

/// How long a client may take to send its request.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a shutdown waits for a scrape.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(1);

/// The port of the metrics. It is closed last, so that a scrape sees the end of the server's work.
pub(super) struct MetricsPort {
    host: String,
    port: u16,
    routes: Configure,
    /// Its URL, once it listens.
    url: OnceLock<String>,
    threads: Mutex<Option<Threads>>,
}

impl MetricsPort {
    pub(super) fn new(host: String, port: u16, routes: Configure) -> Self {
        Self { host, port, routes, url: OnceLock::new(), threads: Mutex::default() }
    }
}

impl Part for MetricsPort {
    /// Serves the port at once, and returns no listener: nothing else is served on it.
    fn listen(&self) -> io::Result<Option<TcpListener>> {
        let (listener, url) = bind_for_metrics(&self.host, self.port)?;
        let routes = Arc::clone(&self.routes);
        let setup = WorkerSetup {
            app: Arc::new(move |app| {
                app.default_service(web::to(async || not_found()));
                routes(app);
            }),
            request_timeout: REQUEST_TIMEOUT,
        };
        let limits = (ConnectionLimit::new(MAX_CONNECTIONS), ConnectionLimit::new(1));
        let threads = Threads::start(vec![(listener, Origin::Direct)], limits, &setup, 1)?;
        *self.threads.lock().unwrap_or_else(PoisonError::into_inner) = Some(threads);
        // A server listens once.
        let _ = self.url.set(url);
        Ok(None)
    }

    fn banner(&self, _: bool) -> Option<String> {
        Some(format!("* Metrics:               {}/metrics\n", self.url.get()?))
    }

    fn close(&self, _: Instant) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            let threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some(mut threads) = threads
                && !threads.drain(Instant::now() + DRAIN_TIMEOUT).await
            {
                threads.abort().await;
            }
        })
    }
}
