//! The outcome of a request: its response, and what the log and the page report about it.

use std::borrow::Cow;

use actix_web::HttpResponse;
use uuid::Uuid;

/// What a request's way ends in.
pub(crate) struct Outcome {
    pub(crate) response: HttpResponse,
    /// Why the function was not called, or why it failed.
    pub(crate) reason: Option<Reason>,
    /// The background delivery that the request made, or is a duplicate of.
    pub(crate) delivery: Option<Uuid>,
    /// Where the page keeps it among the recent deliveries.
    #[cfg_attr(not(feature = "page"), allow(dead_code, reason = "only the page reads it"))]
    pub(crate) entry: Option<u64>,
}

/// A reason for the log and for tests. It is never sent, and holds nothing of the request.
#[derive(Clone, Debug)]
pub(crate) enum Reason {
    /// The server or the function rejected the request.
    Rejected(Cow<'static, str>),
    /// The function failed: its error with all causes, or its panic.
    Failed(String),
}

impl Outcome {
    pub(crate) fn rejected(response: HttpResponse, reason: impl Into<Cow<'static, str>>) -> Self {
        Self { reason: Some(Reason::Rejected(reason.into())), ..response.into() }
    }

    /// An outcome whose function failed. Some failures have no description.
    pub(crate) fn failed(response: HttpResponse, cause: Option<String>) -> Self {
        Self { reason: cause.map(Reason::Failed), ..response.into() }
    }
}

impl From<HttpResponse> for Outcome {
    fn from(response: HttpResponse) -> Self {
        Self { response, reason: None, delivery: None, entry: None }
    }
}
