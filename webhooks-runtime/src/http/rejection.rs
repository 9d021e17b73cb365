//! Defines the response to a rejected request. Its text is fixed, so that it never repeats the request.

use std::borrow::Cow;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{ALLOW, RETRY_AFTER};
use serde_json::json;

use super::outcome::Outcome;

/// The `Retry-After` of a delivery that could not be accepted, in seconds. The Hub follows its own
/// schedule.
pub(crate) const RETRY_SECONDS: &str = "10";

/// A status and an error text.
pub(crate) struct Rejection {
    status: StatusCode,
    text: Cow<'static, str>,
}

impl Rejection {
    pub(crate) fn new(status: StatusCode, text: impl Into<Cow<'static, str>>) -> Self {
        Self { status, text: text.into() }
    }

    /// Creates the rejection of a request that was not read in time because a function blocked the thread.
    pub(super) fn blocked() -> Self {
        let text = "The server was busy when this request arrived. Send it again later.";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, text)
    }

    /// Creates the rejection of a body that is larger than the limit.
    pub(super) fn too_large(limit: usize) -> Self {
        let text = format!("The body is larger than this server's limit of {limit} bytes.");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, text)
    }

    /// Creates the outcome. The text is also its reason.
    pub(crate) fn outcome(self) -> Outcome {
        let mut response = HttpResponse::build(self.status);
        if self.status == StatusCode::METHOD_NOT_ALLOWED {
            response.insert_header((ALLOW, "POST"));
        }
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            response.insert_header((RETRY_AFTER, RETRY_SECONDS));
        }
        let response = response.json(json!({ "error": self.text }));
        Outcome::rejected(response, self.text)
    }
}

/// Creates the response for a path without an endpoint.
pub(crate) fn not_found() -> HttpResponse {
    let text = "There is no webhook endpoint at this path.";
    Rejection::new(StatusCode::NOT_FOUND, text).outcome().response
}
