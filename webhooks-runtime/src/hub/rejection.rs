//! Explains a response whose status is not 2xx.

use std::fmt;
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use ureq::http::{HeaderMap, StatusCode};

use super::retry::wait_of;
use super::transport::{ApiRequest, ApiResponse};
use crate::endpoint::causes::RetryMark;
use crate::text::in_one_line;

/// The longest message of the Hub that is kept, in characters.
const LONGEST_MESSAGE: usize = 1000;

/// The wait after a 429 response that names none.
const DEFAULT_WAIT: Duration = Duration::from_secs(60);

/// A response of the Hub whose status is not 2xx.
///
/// ```
/// use webhooks_runtime::HubError;
/// use webhooks_runtime::testing::HubStub;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let stub = HubStub::new();
/// stub.on("GET", "/api/models/me/tiny").error(403, "Access to this resource is disabled.");
///
/// let error = stub.hub().repo_info("me/tiny").await.unwrap_err();
/// let HubError::Rejected(rejection) = error else { panic!("{error}") };
/// assert_eq!(rejection.call, "GET /api/models/me/tiny");
/// assert_eq!(rejection.status, 403);
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct HubRejection {
    /// The method and path of the request.
    pub call: String,
    /// The status of the response.
    pub status: u16,
    /// The Hub's message: the header `X-Error-Message`, or `error` in the body.
    pub message: Option<String>,
    /// The Hub's error code: the header `X-Error-Code`.
    pub code: Option<String>,
    /// The id of the request: the header `X-Request-Id`.
    pub request_id: Option<String>,
    /// How long to wait before the next request: the `t` of the header `RateLimit`, or the seconds of `Retry-After`.
    pub retry_after: Option<Duration>,
    /// Has a background function called again at that time, if the status is 429.
    retry: Option<RetryMark>,
}

impl HubRejection {
    /// Explains a response. `hide` removes the token from a text of the Hub.
    pub(super) fn new(
        request: &ApiRequest,
        response: &ApiResponse,
        hide: impl Fn(&str) -> String,
    ) -> Self {
        // First hidden, then cut: a part of the token would not be recognized.
        let safe = |text: String| shortened(&hide(&text));
        let header = |name| text_of(&response.headers, name).map(safe);
        let message = header("x-error-message").or_else(|| message_in(&response.body).map(safe));
        let retry_after = wait_of(&response.headers);
        let is_limited = response.status == StatusCode::TOO_MANY_REQUESTS.as_u16();
        Self {
            call: request.call(),
            status: response.status,
            message,
            code: header("x-error-code"),
            request_id: header("x-request-id"),
            retry_after,
            retry: is_limited.then(|| RetryMark(retry_after.unwrap_or(DEFAULT_WAIT))),
        }
    }

    /// Returns what to do about it.
    fn advice(&self) -> String {
        let is_get = self.call.starts_with("GET ") || self.call.starts_with("HEAD ");
        // Only someone who may change a Space may see these of it.
        let is_private = self.call.ends_with("/secrets") || self.call.contains("/logs/");
        let is_read = is_get && !is_private;
        let scope = match () {
            () if self.call.contains(" /api/settings/webhooks") => "webhooks",
            () if is_read => "read",
            () => "write",
        };
        match self.status {
            300..=399 => "the repo may have moved: use its new name".to_owned(),
            401 => format!("the token is invalid or lacks the scope `{scope}`"),
            403 => format!(
                "the token lacks the scope `{scope}`, or its account may not do this: check both"
            ),
            404 => "check the name; what the token may not read is not found either".to_owned(),
            429 => match self.retry_after {
                Some(wait) => format!("retry in {} seconds", wait.as_secs()),
                None => "retry later".to_owned(),
            },
            500.. => "retry later".to_owned(),
            _ => "check the arguments of the call".to_owned(),
        }
    }
}

impl std::error::Error for HubRejection {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.retry.as_ref().map(|mark| mark as _)
    }
}

impl fmt::Display for HubRejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the Hub responded to {} with {}", self.call, self.status)?;
        let status = StatusCode::from_u16(self.status).ok();
        if let Some(reason) = status.and_then(|status| status.canonical_reason()) {
            write!(f, " {reason}")?;
        }
        if let Some(message) = &self.message {
            write!(f, ", {message:?}")?;
        }
        write!(f, ": {}", self.advice())?;
        if let Some(id) = &self.request_id {
            write!(f, " (request id {id})")?;
        }
        Ok(())
    }
}

/// Returns a header that is not empty.
fn text_of(headers: &HeaderMap, name: &str) -> Option<String> {
    let text = String::from_utf8_lossy(headers.get(name)?.as_bytes());
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

/// Returns the message in the body of an error: `{"error": "…"}`, where a list of texts also occurs.
fn message_in(body: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct RejectionBody {
        error: Value,
    }
    let body: RejectionBody = serde_json::from_slice(body).ok()?;
    match body.error {
        Value::String(text) if !text.trim().is_empty() => Some(text.trim().to_owned()),
        Value::Array(items) => {
            let texts: Vec<_> = items.iter().filter_map(Value::as_str).collect();
            (!texts.is_empty()).then(|| texts.join("; "))
        }
        _ => None,
    }
}

fn shortened(text: &str) -> String {
    let text = in_one_line(text);
    match text.char_indices().nth(LONGEST_MESSAGE) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use actix_web::web::Bytes;
    use ureq::http::{HeaderValue, Method};

    use super::*;
    use crate::endpoint::causes::{causes, retry_after};
    use crate::hub::transport::CallLimits;
    use crate::testing::HubStub;

    #[test]
    fn a_token_where_a_text_is_cut_is_hidden() {
        let text = format!("{}hf_abcdefghij", "x".repeat(LONGEST_MESSAGE - 8));
        let request = ApiRequest {
            method: Method::GET,
            path: "/".to_owned(),
            query: Vec::new(),
            body: None,
            limits: CallLimits::CALL,
            idempotent: true,
            by_server: false,
        };
        let body = Bytes::from(serde_json::json!({ "error": text }).to_string());
        let value = HeaderValue::from_str(&text).unwrap();
        for name in ["x-error-message", "x-error-code", "x-request-id", "none"] {
            let name = ureq::http::HeaderName::from_static(name);
            let headers = HeaderMap::from_iter([(name, value.clone())]);
            let response = ApiResponse { status: 400, headers, body: body.clone() };
            let rejection = HubRejection::new(&request, &response, |text| {
                text.replace("hf_abcdefghij", "hf_***")
            });
            assert!(rejection.message.is_some());
            assert!(!format!("{rejection:?}").contains("hf_a"), "{rejection:?}");
        }
    }

    #[tokio::test]
    async fn the_settings_of_a_space_need_the_scope_to_write() {
        for (path, scope) in [
            ("/api/spaces/me/bot/secrets", "write"),
            ("/api/spaces/me/bot/logs/build", "write"),
            ("/api/spaces/me/bot", "read"),
            ("/api/settings/webhooks", "webhooks"),
        ] {
            let stub = HubStub::new();
            stub.on("GET", path).error(403, "Forbidden");
            let error = stub.hub().request("GET", path).send().await.unwrap_err().to_string();
            assert!(error.contains(&format!("the scope `{scope}`")), "{error}");
        }
    }

    #[tokio::test]
    async fn a_429_has_a_function_called_again_when_the_hub_says_so() {
        for (status, limit, expected) in [
            (429, "\"api\";r=0;t=240", Some(240)),
            (429, "", Some(60)),
            (503, "\"api\";r=0;t=240", None),
            (404, "", None),
        ] {
            let stub = HubStub::new();
            let call = stub.on("GET", "/api/models/me/tiny");
            call.error(status, "no").header("RateLimit", limit);
            let error = stub.hub().repo_info("me/tiny").await.unwrap_err();
            let text = error.to_string();
            assert_eq!(causes(&error), text);
            let error = anyhow::Error::from(error).context("reading");
            let error = Box::<dyn std::error::Error>::from(error);
            assert_eq!(retry_after(&*error), expected.map(Duration::from_secs), "{status}");
            assert_eq!(causes(&*error), format!("reading: {text}"));
        }
    }
}
