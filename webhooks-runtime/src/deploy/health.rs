//! Waits until the program responds at its public URL, by its `/health`.

use std::time::Duration;

use serde::Deserialize;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep};

use super::event::{DeployEvent, EventReport};
use crate::network::HttpClient;

/// How long one response may take. A sleeping Space starts meanwhile.
const TIMEOUT: Duration = Duration::from_secs(30);

/// How long to wait between two requests.
const PAUSE: Duration = Duration::from_secs(1);

/// The size of the largest response that is read, in bytes.
const MAX_SIZE: u64 = 64 << 10;

#[derive(Deserialize)]
struct HealthStatus {
    #[serde(rename = "status")]
    _status: String,
}

/// Waits until the program responds at this URL, and reports how long that takes.
///
/// # Errors
///
/// The last reason, when it does not respond within `limit`.
pub(super) async fn wait(
    url: &str,
    limit: Duration,
    report: EventReport<'_>,
) -> Result<(), String> {
    let start = Instant::now();
    let deadline = start + limit;
    let health = format!("{url}/health");
    loop {
        let url = health.clone();
        let checked = spawn_blocking(move || check(&url)).await;
        let reason = match checked {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(reason)) => reason,
            Err(error) => error.to_string(),
        };
        if Instant::now() >= deadline {
            return Err(reason);
        }
        report(DeployEvent::Waiting { on: &health, seconds: start.elapsed().as_secs() });
        sleep(PAUSE).await;
    }
}

fn check(url: &str) -> Result<(), String> {
    let client =
        HttpClient::new(url, TIMEOUT, |config| config.http_status_as_error(false).max_redirects(0));
    let client = client.map_err(|error| error.to_string())?;
    let response = client.agent().get(url).call().and_then(|mut response| {
        let body = response.body_mut().with_config().limit(MAX_SIZE).read_to_vec()?;
        Ok((response.status().as_u16(), body))
    });
    match response {
        Ok((200, body)) => match serde_json::from_slice::<HealthStatus>(&body) {
            Ok(_) => Ok(()),
            Err(_) => Err("another program responds".to_owned()),
        },
        Ok((status, _)) => Err(format!("the status is {status}")),
        Err(error) => Err(client.reason(&error)),
    }
}
