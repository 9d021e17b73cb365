//! The answers: what a function gives, and fixed words for all that went wrong on the way or in it.

use std::borrow::Cow;

use actix_web::HttpResponse;
use actix_web::error::{JsonPayloadError, PathError, QueryPayloadError, UrlencodedError};
use actix_web::http::StatusCode;
use actix_web::http::header::{ALLOW, RETRY_AFTER};
use serde::Serialize;
use serde_json::json;
use tracing::{Instrument, Span};

use super::outcome::Outcome;
use crate::endpoint::Caller;
use crate::endpoint::call::{Call, DELIVERY, Failure};
use crate::endpoint::fault::{BodyFault, BodyFaults};
use crate::endpoint::panic::caught_in;
use crate::endpoint::permanent::causes;

/// The answer to a body that doesn't fit, in FastAPI's form.
#[derive(Serialize)]
struct Faults {
    detail: Vec<BodyFault>,
}

/// A rejected request, in fixed words.
pub(super) struct Refusal {
    status: StatusCode,
    text: Cow<'static, str>,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, text: impl Into<Cow<'static, str>>) -> Self {
        Self { status, text: text.into() }
    }

    /// Rejects a request that could not be read in time because a function blocked the thread.
    pub(super) fn blocked() -> Self {
        let text = "The server was busy when this arrived. Send it again later.";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, text)
    }

    /// The response, with the text as the reason.
    pub(super) fn outcome(self) -> Outcome {
        let mut response = HttpResponse::build(self.status);
        if self.status == StatusCode::METHOD_NOT_ALLOWED {
            response.insert_header((ALLOW, "POST"));
        }
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            response.insert_header((RETRY_AFTER, "10"));
        }
        let response = response.json(json!({ "error": self.text }));
        Outcome::rejected(response, self.text)
    }
}

/// The response for a path without an endpoint.
pub(crate) fn not_found() -> HttpResponse {
    let text = "There is no webhook endpoint at this path.";
    Refusal::new(StatusCode::NOT_FOUND, text).outcome().response
}

/// Calls a function. There is a response whether it succeeds, fails or panics.
pub(super) async fn answer(caller: &Caller, call: Call, span: Span) -> Outcome {
    let running = caught_in(caller(call)).instrument(span.clone());
    let result = running.await;
    let _entered = span.enter();
    match result {
        Ok(Ok(response)) => of_function(response),
        Ok(Err(failure)) => answer_failure(failure),
        Err(panic) => {
            let (text, location) = (panic.text(), panic.location());
            tracing::error!(target: DELIVERY, panic = text, location, "the function panicked");
            failed(StatusCode::INTERNAL_SERVER_ERROR, Some(text.to_owned()))
        }
    }
}

fn answer_failure(failure: Failure) -> Outcome {
    match failure {
        Failure::Body(faults) => unfit(faults),
        Failure::Argument(error) if repeats_input(&error) => Refusal::new(
            error.as_response_error().status_code(),
            "An argument of this endpoint is missing from the request or malformed.",
        )
        .outcome(),
        Failure::Argument(error) => conceal(HttpResponse::from_error(error)),
        Failure::Function(error) => match error.downcast::<actix_web::Error>() {
            Ok(error) => conceal(HttpResponse::from_error(*error)),
            Err(error) => {
                let error = causes(&*error);
                tracing::error!(target: DELIVERY, error, "the function failed");
                failed(StatusCode::INTERNAL_SERVER_ERROR, Some(error))
            }
        },
        Failure::Response(response) => conceal(*response),
    }
}

/// The response to a body that does not match the function's argument.
pub(super) fn unfit(BodyFaults(detail): BodyFaults) -> Outcome {
    let reason = detail.first().map(BodyFault::reason).unwrap_or_default();
    let response = HttpResponse::UnprocessableEntity().json(Faults { detail });
    Outcome::rejected(response, reason)
}

/// Whether actix-web's own answer to this error would hold parts of the request.
fn repeats_input(error: &actix_web::Error) -> bool {
    error.as_error::<QueryPayloadError>().is_some()
        || error.as_error::<PathError>().is_some()
        || error.as_error::<JsonPayloadError>().is_some()
        || error.as_error::<UrlencodedError>().is_some()
}

/// The outcome of a response that a function made. A client error among them has a reason, too.
fn of_function(response: HttpResponse) -> Outcome {
    if !response.status().is_client_error() {
        return response.into();
    }
    let reason = match response.error() {
        Some(error) => Cow::from(causes(error)),
        None => "The function responded with this status.".into(),
    };
    Outcome::rejected(response, reason)
}

/// An error that tells the caller what it did wrong goes out as it is. One of the server's own keeps
/// its status, and its cause goes to the log.
fn conceal(response: HttpResponse) -> Outcome {
    if !response.status().is_server_error() {
        return of_function(response);
    }
    let error = response.error().map(|error| causes(error));
    tracing::error!(target: DELIVERY, error, "the function failed");
    failed(response.status(), error)
}

fn failed(status: StatusCode, cause: Option<String>) -> Outcome {
    let text = "The function of this endpoint failed. The server's log says why.";
    Outcome::failed(Refusal::new(status, text).outcome().response, cause)
}
