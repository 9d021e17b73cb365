//! A collector of traces that stores nothing. It checks that neither secrets nor names of repos are in them.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use actix_web::web::{Bytes, Data, PayloadConfig};
use actix_web::{HttpResponse, web};
use tests::client::PAGE_TOKEN;
use tests::local_server::LocalServer;

use crate::servers::{METRICS_TOKEN, SECRET};

/// The texts that no trace may have: the owners of the repos have a slash behind them, unlike in a `Webhook-Id`.
const PLANTED: [&str; 6] =
    [SECRET, METRICS_TOKEN, PAGE_TOKEN.1, "planted-a/", "planted-b/", "planted-c/"];

/// A collector. It runs until the process ends.
#[derive(Debug)]
pub(crate) struct TraceSink {
    pub(crate) url: String,
    seen: Arc<SeenTraces>,
}

#[derive(Debug, Default)]
struct SeenTraces {
    exports: AtomicUsize,
    leaks: Mutex<Vec<String>>,
}

impl TraceSink {
    pub(crate) fn start() -> io::Result<Self> {
        let seen = Arc::new(SeenTraces::default());
        let data = Data::from(Arc::clone(&seen));
        let server = LocalServer::start(0, move |config| {
            // Larger than any batch.
            let limit = PayloadConfig::new(64 * 1024 * 1024);
            config.app_data(data.clone()).app_data(limit).default_service(web::to(receive));
        })?;
        Ok(Self { url: server.url, seen })
    }

    /// How many requests with traces came.
    pub(crate) fn exports(&self) -> usize {
        self.seen.exports.load(Ordering::Relaxed)
    }

    /// What was in them that must not be.
    pub(crate) fn leaks(&self) -> Vec<String> {
        self.seen.leaks.lock().unwrap().clone()
    }
}

async fn receive(body: Bytes, seen: Data<SeenTraces>) -> HttpResponse {
    let text = String::from_utf8_lossy(&body);
    let leaks = PLANTED.into_iter().filter(|planted| text.contains(planted));
    let leaks = leaks.map(|planted| format!("a trace has {planted:?}"));
    seen.leaks.lock().unwrap().extend(leaks);
    seen.exports.fetch_add(1, Ordering::Relaxed);
    HttpResponse::Ok().content_type("application/x-protobuf").finish()
}
