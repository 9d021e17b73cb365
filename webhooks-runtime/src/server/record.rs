//! What became of a delivery: one line in the log.

use std::borrow::Cow;
use std::time::Instant;

use actix_web::HttpRequest;
use actix_web::http::StatusCode;
use actix_web::http::header::HeaderValue;
use serde::Deserialize;
use tracing::Level;

use super::connection::Origin;
use crate::endpoint::arg::WEBHOOK_ID;

/// The target of the log lines about deliveries.
pub(crate) const DELIVERY: &str = "webhooks_runtime::delivery";

/// How much of a text from outside goes into the log, in characters.
const LONGEST: usize = 200;

/// A delivery on its way.
pub(crate) struct Record<'a> {
    endpoint: &'a str,
    webhook_id: Option<HeaderValue>,
    /// Whether it came through the tunnel.
    tunnelled: bool,
    pub(crate) started: Instant,
}

/// The parts of a payload that name an event.
#[derive(Deserialize)]
struct Summary<'a> {
    #[serde(borrow)]
    event: Event<'a>,
    #[serde(borrow)]
    repo: Repo<'a>,
}

#[derive(Deserialize)]
struct Event<'a> {
    #[serde(borrow)]
    action: Cow<'a, str>,
    #[serde(borrow)]
    scope: Cow<'a, str>,
}

#[derive(Deserialize)]
struct Repo<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
}

impl<'a> Record<'a> {
    pub(crate) fn new(endpoint: &'a str, request: &HttpRequest) -> Self {
        let webhook_id = request.headers().get(WEBHOOK_ID).cloned();
        let tunnelled = request.conn_data() == Some(&Origin::Tunnel);
        Self { endpoint, webhook_id, tunnelled, started: Instant::now() }
    }

    pub(crate) fn webhook_id(&self) -> Option<&str> {
        self.webhook_id.as_ref().and_then(|id| id.to_str().ok()).map(cut)
    }

    /// Writes the line. `body` is read for it only where the line is wanted, and is empty when the
    /// request was refused before. Texts from outside are written in quotes and escaped, so that none
    /// can make a line of its own.
    pub(crate) fn log(&self, body: &[u8], status: StatusCode) {
        macro_rules! line {
            ($level:expr) => {
                if tracing::enabled!(target: DELIVERY, $level) {
                    let summary: Option<Summary<'_>> = serde_json::from_slice(body).ok();
                    let event = summary
                        .as_ref()
                        .map(|summary| format!("{} {}", summary.event.action, summary.event.scope));
                    tracing::event!(
                        target: DELIVERY,
                        $level,
                        endpoint = self.endpoint,
                        via = self.tunnelled.then_some("tunnel"),
                        webhook_id = self.webhook_id(),
                        event = event.as_deref().map(cut),
                        repo = summary.as_ref().map(|summary| cut(&summary.repo.name)),
                        status = status.as_u16(),
                        duration = ?self.started.elapsed(),
                    );
                }
            };
        }
        // The level of an event is part of its static description, so there is one for each.
        if status.is_server_error() {
            line!(Level::ERROR);
        } else if status.is_client_error() {
            line!(Level::WARN);
        } else {
            line!(Level::INFO);
        }
    }
}

fn cut(text: &str) -> &str {
    text.char_indices().nth(LONGEST).map_or(text, |(end, _)| &text[..end])
}
