//! Asks the server for each endpoint, through its public URL, with the secret and without running a function.

use std::time::Duration;

use serde_json::Value;
use ureq::http::header::CONTENT_TYPE;
use ureq::http::{HeaderMap, HeaderValue};
use uuid::Uuid;

use super::input::DoctorInput;
use crate::http::authorize::{FORM_REJECTED, NO_SECRET, SECRET, WRONG_SECRET};
use crate::http::probe::{PROBE, PROGRAM_VERSION};
use crate::network::HttpClient;
use crate::registration::blocking::on_blocking_pool;
use crate::registration::endpoint::{WebhookEndpoint, WebhookSecret};
use crate::registration::ours::endpoint_url;

/// How long the response may take. The Hub waits for 30 s.
const TIMEOUT: Duration = Duration::from_secs(15);

/// The size of the largest body that is read, in bytes.
const MAX_SIZE: u64 = 64 << 10;

/// The type of the body. A server that does not know probes rejects it after it has checked the secret: a form is never
/// a delivery, so no version of any server runs a function for it.
const FORM: &str = "application/x-www-form-urlencoded";

/// The answer to the probe of one endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct EndpointProbe {
    /// The path of the endpoint.
    pub(super) path: String,
    pub(super) url: String,
    pub(super) answer: ProbeAnswer,
}

/// How a server answers a probe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ProbeAnswer {
    /// It knows probes, and has accepted the secret.
    Accepted {
        /// The version of its program; `None` from an endpoint without a secret.
        version: Option<String>,
    },
    /// It does not know probes: it has accepted the secret, and rejects a form.
    FormRejected,
    /// It has another secret.
    OtherSecret,
    /// Another response.
    Status(u16),
    /// A response with the status 200 that is not the one to a probe.
    Foreign,
    /// There is no response, for this reason.
    Unreachable(String),
}

/// Asks for each endpoint, one after the other. When one cannot be reached, the others are not tried.
pub(super) async fn ask_all(input: &DoctorInput) -> Vec<EndpointProbe> {
    let Some(public) = &input.public_url else { return Vec::new() };
    let mut probes = Vec::new();
    for WebhookEndpoint { path, secret, .. } in &input.endpoints {
        let (url, secret) = (endpoint_url(&public.url, path), secret.clone());
        let answer = {
            let url = url.clone();
            on_blocking_pool(move || ask(&url, secret.as_ref())).await
        };
        let is_reached = !matches!(answer, ProbeAnswer::Unreachable(_));
        probes.push(EndpointProbe { path: path.clone(), url, answer });
        if !is_reached {
            break;
        }
    }
    probes
}

fn ask(url: &str, secret: Option<&WebhookSecret>) -> ProbeAnswer {
    // A redirect would send the secret along.
    let client =
        HttpClient::new(url, TIMEOUT, |config| config.http_status_as_error(false).max_redirects(0));
    let client = match client {
        Ok(client) => client,
        Err(error) => return ProbeAnswer::Unreachable(error.to_string()),
    };
    let nonce = Uuid::new_v4().to_string();
    let mut request = client.agent().post(url).header(CONTENT_TYPE, FORM);
    request = request.header(PROBE.as_str(), &nonce);
    // A secret is ASCII.
    if let Some(Ok(mut secret)) = secret.map(|secret| HeaderValue::from_str(secret.reveal())) {
        secret.set_sensitive(true);
        request = request.header(SECRET.as_str(), secret);
    }
    match request.send("doctor") {
        Ok(mut response) => {
            let body = response.body_mut().with_config().limit(MAX_SIZE).read_to_string();
            let (status, headers) = (response.status().as_u16(), response.headers());
            answer(status, headers, &body.unwrap_or_default(), &nonce)
        }
        Err(error) => ProbeAnswer::Unreachable(client.reason(&error)),
    }
}

fn answer(status: u16, headers: &HeaderMap, body: &str, nonce: &str) -> ProbeAnswer {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    match status {
        200 if header(PROBE.as_str()) == Some(nonce) => {
            let version = header(PROGRAM_VERSION.as_str()).map(str::to_owned);
            ProbeAnswer::Accepted { version }
        }
        200 => ProbeAnswer::Foreign,
        // Other programs and proxies have other reasons.
        401 if is_error(body, NO_SECRET) => ProbeAnswer::OtherSecret,
        403 if is_error(body, WRONG_SECRET) => ProbeAnswer::OtherSecret,
        415 if is_error(body, FORM_REJECTED) => ProbeAnswer::FormRejected,
        status => ProbeAnswer::Status(status),
    }
}

/// Returns whether this is the body with which a server of ours gives this reason.
fn is_error(body: &str, text: &str) -> bool {
    let body = serde_json::from_str::<Value>(body);
    body.is_ok_and(|body| body.get("error").and_then(Value::as_str) == Some(text))
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use ureq::http::HeaderName;

    use super::*;

    #[test]
    fn only_the_answer_to_this_probe_counts() {
        let headers = |nonce: &'static str| {
            let pairs = [(PROBE, nonce), (PROGRAM_VERSION, "1.2.0")];
            let pairs = pairs.map(|(name, value)| {
                let name = name.as_str().parse::<HeaderName>().unwrap();
                (name, HeaderValue::from_static(value))
            });
            HeaderMap::from_iter(pairs)
        };
        let accepted = ProbeAnswer::Accepted { version: Some("1.2.0".to_owned()) };
        let skipped = r#"{"skipped":"doctor"}"#;
        assert_eq!(answer(200, &headers("once"), skipped, "once"), accepted);
        assert_eq!(answer(200, &headers("another"), skipped, "once"), ProbeAnswer::Foreign);
        assert_eq!(answer(200, &HeaderMap::new(), skipped, "once"), ProbeAnswer::Foreign);
        let rejected = r#"{"error":"Invalid webhook secret."}"#;
        assert_eq!(answer(403, &HeaderMap::new(), rejected, "once"), ProbeAnswer::OtherSecret);
        assert_eq!(answer(403, &HeaderMap::new(), "<html>", "once"), ProbeAnswer::Status(403));
    }

    #[test]
    fn only_the_texts_of_our_server_tell_that_it_is_one() {
        let form = json!({ "error": FORM_REJECTED }).to_string();
        let missing = json!({ "error": NO_SECRET }).to_string();
        for (status, body, expected) in [
            (415, form.as_str(), ProbeAnswer::FormRejected),
            (401, &missing, ProbeAnswer::OtherSecret),
            (415, "", ProbeAnswer::Status(415)),
            (
                415,
                "Expected request with `Content-Type: application/json`",
                ProbeAnswer::Status(415),
            ),
            (401, r#"{"error":"The client secret is missing."}"#, ProbeAnswer::Status(401)),
            (403, r#"{"error":"Wrong secret"}"#, ProbeAnswer::Status(403)),
            (403, "Invalid webhook secret.", ProbeAnswer::Status(403)),
        ] {
            assert_eq!(answer(status, &HeaderMap::new(), body, "once"), expected, "{body}");
        }
    }
}
