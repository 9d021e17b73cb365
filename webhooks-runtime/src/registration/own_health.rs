//! Checks that the public URL leads to this server, by its own `/health`.

use std::time::Duration;

use serde::Deserialize;
use uuid::Uuid;

use crate::config::addresses::PublicUrl;
use crate::network::HttpClient;
use crate::state::{SharedState, StateError};

/// How long the response may take. The Hub waits for 30 s.
const TIMEOUT: Duration = Duration::from_secs(15);

/// The size of the largest response that is read, in bytes.
const MAX_SIZE: u64 = 64 << 10;

/// How long another replica behind the same URL is recognized after it was last seen.
const INSTANCE_TTL: Duration = Duration::from_secs(60 * 60);

/// Why the public URL does not lead to this server.
#[derive(Debug, thiserror::Error)]
pub(super) enum HealthError {
    #[error("{url} cannot be reached from here: {reason}")]
    Unreachable { url: String, reason: String },
    #[error("{url} responds with status {status}")]
    Status { url: String, status: u16 },
    #[error("another server responds at {url}")]
    OtherServer { url: String },
    #[error(transparent)]
    State(#[from] StateError),
}

#[derive(Deserialize)]
struct HealthResponse {
    webhooks: HealthInstance,
}

#[derive(Deserialize)]
struct HealthInstance {
    instance: Uuid,
}

/// Lets other replicas recognize this one behind a common public URL.
pub(super) async fn announce(state: &dyn SharedState, instance: Uuid) -> Result<(), StateError> {
    state.set(&key(instance), "", Some(INSTANCE_TTL)).await
}

/// Lets other replicas forget this one, which stops.
pub(super) async fn withdraw(state: &dyn SharedState, instance: Uuid) {
    // Otherwise it is forgotten later.
    let _ = state.remove(&key(instance)).await;
}

/// Checks that the public URL leads to this server, or to another replica with the same state.
pub(super) async fn check(
    public: &PublicUrl,
    instance: Uuid,
    state: &dyn SharedState,
) -> Result<(), HealthError> {
    let url = format!("{public}/health");
    let asked = url.clone();
    let responded = tokio::task::spawn_blocking(move || ask(asked)).await;
    let reason = "the program is shutting down".to_owned();
    let unreachable = HealthError::Unreachable { url: url.clone(), reason };
    let other = responded.unwrap_or(Err(unreachable))?;
    if other == instance || state.get(&key(other)).await?.is_some() {
        return Ok(());
    }
    Err(HealthError::OtherServer { url })
}

fn key(instance: Uuid) -> String {
    format!("registration.instance.{instance}")
}

/// Returns the instance that responds at a URL.
fn ask(url: String) -> Result<Uuid, HealthError> {
    let client = HttpClient::new(&url, TIMEOUT, |config| {
        config.http_status_as_error(false).max_redirects(0)
    });
    let client = match client {
        Ok(client) => client,
        Err(error) => return Err(HealthError::Unreachable { url, reason: error.to_string() }),
    };
    let response = client.agent().get(&url).call().and_then(|mut response| {
        let body = response.body_mut().with_config().limit(MAX_SIZE).read_to_vec()?;
        Ok((response.status().as_u16(), body))
    });
    match response {
        Ok((200, body)) => match serde_json::from_slice::<HealthResponse>(&body) {
            Ok(response) => Ok(response.webhooks.instance),
            Err(_) => Err(HealthError::OtherServer { url }),
        },
        Ok((status, _)) => Err(HealthError::Status { url, status }),
        Err(error) => Err(HealthError::Unreachable { reason: client.reason(&error), url }),
    }
}
