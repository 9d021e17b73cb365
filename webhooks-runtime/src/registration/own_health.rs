//! Checks that the public URL leads to this server, by its own `/health`, and whether another URL leads to another one.

use std::time::Duration;

use serde::Deserialize;
use uuid::Uuid;

use super::blocking::on_blocking_pool;
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
    #[serde(rename = "status")]
    _status: String,
    /// Only of a server that registers its webhooks.
    webhooks: Option<HealthInstance>,
}

#[derive(Deserialize)]
struct HealthInstance {
    instance: Uuid,
}

/// Lets other replicas recognize this one behind a common public URL.
pub(super) async fn announce(
    state: &dyn SharedState,
    instance: Uuid,
    public: &PublicUrl,
) -> Result<(), StateError> {
    state.set(&key(instance), public.as_str(), Some(INSTANCE_TTL)).await
}

/// Lets other replicas forget this one, which stops.
pub(super) async fn withdraw(state: &dyn SharedState, instance: Uuid) {
    // Otherwise it is forgotten later.
    let _ = state.remove(&key(instance)).await;
}

/// Checks that the public URL leads to this server, or to another replica with the same state and public URL.
pub(super) async fn check(
    public: &PublicUrl,
    instance: Uuid,
    state: &dyn SharedState,
) -> Result<(), HealthError> {
    let url = format!("{public}/health");
    match responding(url.clone()).await? {
        Some(other) if other == instance || is_replica(other, public, state).await? => Ok(()),
        _ => Err(HealthError::OtherServer { url }),
    }
}

/// Returns whether a server that is not this one responds at another public URL. A replica of this one does not count,
/// such as behind a load balancer with two domains. `instance` is this server, if it runs.
pub(super) async fn is_used_by_another(
    other_url: &str,
    own_url: &PublicUrl,
    instance: Option<Uuid>,
    state: &dyn SharedState,
) -> Result<bool, StateError> {
    Ok(match responding(format!("{other_url}/health")).await {
        Ok(Some(other)) => Some(other) != instance && !is_replica(other, own_url, state).await?,
        // One that registers nothing.
        Ok(None) => true,
        Err(_) => false,
    })
}

/// Returns whether an instance is a replica of the server with this public URL.
async fn is_replica(
    instance: Uuid,
    public: &PublicUrl,
    state: &dyn SharedState,
) -> Result<bool, StateError> {
    Ok(state.get(&key(instance)).await?.as_deref() == Some(public.as_str()))
}

fn key(instance: Uuid) -> String {
    format!("registration.instance.{instance}")
}

/// Returns the instance that responds at a URL; `None` if the server that responds registers nothing.
async fn responding(url: String) -> Result<Option<Uuid>, HealthError> {
    on_blocking_pool(move || ask(url)).await
}

fn ask(url: String) -> Result<Option<Uuid>, HealthError> {
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
            Ok(response) => Ok(response.webhooks.map(|webhooks| webhooks.instance)),
            Err(_) => Err(HealthError::OtherServer { url }),
        },
        Ok((status, _)) => Err(HealthError::Status { url, status }),
        Err(error) => Err(HealthError::Unreachable { reason: client.reason(&error), url }),
    }
}
