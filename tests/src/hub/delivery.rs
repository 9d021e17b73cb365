//! Sends deliveries: attempts, suspension, replays.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use url::Url;

use super::state::{HubState, SharedHub};
use super::webhook::{TestAttempt, TestWebhookState};
use crate::client;

/// How persistent the Hub is. The real one does not document its numbers.
#[derive(Clone, Copy, Debug)]
pub struct DeliveryPolicy {
    /// How often a delivery is tried.
    pub attempts: usize,
    /// How long the Hub waits between two attempts.
    pub wait: Duration,
    /// How many deliveries in a row fail before the webhook is suspended.
    pub suspend_after: usize,
}

impl Default for DeliveryPolicy {
    fn default() -> Self {
        Self { attempts: 3, wait: Duration::from_millis(100), suspend_after: 3 }
    }
}

/// A request to a webhook's URL.
struct Request {
    /// Where to connect, or why that is not possible.
    address: Result<String, String>,
    host: String,
    target: String,
    webhook_id: String,
    secret: Option<String>,
    payload: Value,
}

/// Sends a delivery, again if it fails.
pub(super) fn send(shared: &Arc<SharedHub>, webhook: &str, log_id: &str) {
    let policy = shared.with(|state| state.policy);
    for attempt in 1..=policy.attempts.max(1) {
        let Some(outcome) = attempt_once(shared, webhook, log_id, false) else { break };
        if outcome.is_success() || attempt == policy.attempts {
            shared.with(|state| state.count_outcome(webhook, outcome.is_success()));
            break;
        }
        shared.pause(policy.wait);
    }
    shared.with(|state| state.sending -= 1);
}

/// Sends a delivery once more, to the webhook's URL of today and with its secret of today. Returns the status of the
/// response; `None` when the delivery does not exist.
pub(super) fn replay(shared: &Arc<SharedHub>, webhook: &str, log_id: &str) -> Option<Option<u16>> {
    Some(attempt_once(shared, webhook, log_id, true)?.status)
}

fn attempt_once(
    shared: &Arc<SharedHub>,
    webhook: &str,
    log_id: &str,
    is_replay: bool,
) -> Option<TestAttempt> {
    let request = shared.with(|state| state.request(webhook, log_id, is_replay))?;
    let attempt = post(&request);
    shared.with(|state| {
        let webhook = state.webhooks.iter_mut().find(|it| it.id == webhook)?;
        let delivery = webhook.deliveries.iter_mut().find(|it| it.log_id == log_id)?;
        delivery.attempts.push(attempt.clone());
        Some(attempt)
    })
}

fn post(request: &Request) -> TestAttempt {
    let without_response = |text: String| TestAttempt { status: None, text };
    let address = match &request.address {
        Ok(address) => address,
        Err(reason) => return without_response(reason.clone()),
    };
    let body = request.payload.to_string();
    let secret = request.secret.as_ref().map(|secret| format!("X-Webhook-Secret: {secret}\r\n"));
    let head = format!(
        "POST {} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
         Webhook-Id: {}\r\n{}\r\n",
        request.target,
        request.host,
        body.len(),
        request.webhook_id,
        secret.unwrap_or_default(),
    );
    match client::exchange(address, head + &body) {
        Ok(answer) => TestAttempt { status: Some(answer.status), text: answer.body },
        Err(error) => without_response(error.to_string()),
    }
}

impl HubState {
    /// Returns the next request of a delivery; `None` when the webhook is gone or does not deliver.
    fn request(&self, webhook: &str, log_id: &str, is_replay: bool) -> Option<Request> {
        let webhook = self.webhooks.iter().find(|it| it.id == webhook)?;
        let delivery = webhook.deliveries.iter().find(|it| it.log_id == log_id)?;
        let is_enabled = webhook.state == TestWebhookState::Enabled;
        if self.stopped || !(is_enabled || is_replay) {
            return None;
        }
        let url = Url::parse(webhook.url.as_deref()?).ok()?;
        let host = url.host_str().unwrap_or_default().to_owned();
        let target = url
            .query()
            .map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path()));
        Some(Request {
            address: self.address(&url, &host),
            host: url.port().map_or_else(|| host.clone(), |port| format!("{host}:{port}")),
            target,
            webhook_id: delivery.webhook_id.clone(),
            secret: webhook.secret.clone(),
            payload: delivery.payload.clone(),
        })
    }

    /// Returns where a URL is served: only this machine can be reached, and hosts that a test named.
    fn address(&self, url: &Url, host: &str) -> Result<String, String> {
        let below = |name: &String| host == name || host.ends_with(&format!(".{name}"));
        if let Some((_, address)) = self.hosts.iter().find(|(name, _)| below(name)) {
            return Ok(address.to_string());
        }
        let is_here = host == "localhost"
            || host.parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback());
        match url.port_or_known_default() {
            Some(port) if is_here && url.scheme() == "http" => Ok(format!("{host}:{port}")),
            _ => Err(format!("no way to {host}: name it with TestHub::reach")),
        }
    }

    fn count_outcome(&mut self, webhook: &str, is_success: bool) {
        let suspend_after = self.policy.suspend_after;
        let Some(webhook) = self.webhooks.iter_mut().find(|it| it.id == webhook) else { return };
        webhook.failures = if is_success { 0 } else { webhook.failures + 1 };
        if webhook.failures >= suspend_after && webhook.state == TestWebhookState::Enabled {
            webhook.state = TestWebhookState::Suspended;
        }
    }

    /// Makes deliveries to this host, and to all below it, connect to an address of this machine.
    pub(super) fn reach(&mut self, host: &str, address: SocketAddr) {
        self.hosts.insert(host.to_owned(), address);
    }
}
