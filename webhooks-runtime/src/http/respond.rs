//! Calls a function and creates the response: the function's own, or a fixed text for its failure.

use std::borrow::Cow;
use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::error::{JsonPayloadError, PathError, QueryPayloadError, UrlencodedError};
use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderValue, RETRY_AFTER};
use serde::Serialize;
use tracing::{Instrument, Span};

use super::outcome::{Outcome, Reason};
use super::rejection::Rejection;
use crate::endpoint::Caller;
use crate::endpoint::call::{Call, DELIVERY, Failure};
use crate::endpoint::causes::{causes, retry_after};
use crate::endpoint::extract::body::{BodyFault, BodyFaults};
use crate::endpoint::panic::caught_in;

/// The body of the response to a request that does not match the function's argument, in FastAPI's format.
#[derive(Serialize)]
struct ValidationError {
    detail: Vec<BodyFault>,
}

/// Calls a function and returns its outcome, whether it succeeds, fails or panics.
pub(super) async fn respond(caller: &Caller, call: Call, span: Span) -> Outcome {
    let running = caught_in(caller(call)).instrument(span.clone());
    let result = running.await;
    let _entered = span.enter();
    match result {
        Ok(Ok(response)) => function_outcome(response),
        Ok(Err(failure)) => failure_outcome(failure),
        Err(panic) => {
            let (text, location) = (panic.text(), panic.location());
            tracing::error!(target: DELIVERY, panic = text, location, "the function panicked");
            failed(StatusCode::INTERNAL_SERVER_ERROR, Some(text.to_owned()))
        }
    }
}

fn failure_outcome(failure: Failure) -> Outcome {
    match failure {
        Failure::Body(faults) => body_rejected(faults),
        Failure::Argument(error) if echoes_request(&error) => {
            let text = "An argument of this endpoint is missing from the request or malformed.";
            let rejection = Rejection::new(error.as_response_error().status_code(), text);
            Outcome::bad_argument(rejection.outcome().response, text)
        }
        Failure::Argument(error) => {
            let mut outcome = conceal_cause(HttpResponse::from_error(error));
            if let Some(Reason::Rejected(reason)) = outcome.reason {
                outcome.reason = Some(Reason::BadArgument(reason));
            }
            outcome
        }
        Failure::Function(error) => match error.downcast::<actix_web::Error>() {
            Ok(error) => conceal_cause(HttpResponse::from_error(*error)),
            Err(error) => {
                let retry_after = retry_after(&*error);
                let error = causes(&*error);
                tracing::error!(target: DELIVERY, error, "the function failed");
                match retry_after {
                    None => failed(StatusCode::INTERNAL_SERVER_ERROR, Some(error)),
                    Some(time) => failed_for_now(time, error),
                }
            }
        },
        Failure::Response(response) => conceal_cause(*response),
    }
}

/// Creates the outcome of a body that does not match the function's argument.
pub(super) fn body_rejected(BodyFaults(detail): BodyFaults) -> Outcome {
    let reason = detail.first().map(BodyFault::reason).unwrap_or_default();
    let response = HttpResponse::UnprocessableEntity().json(ValidationError { detail });
    Outcome::bad_argument(response, reason)
}

/// Returns whether actix-web's response to this error would contain parts of the request.
fn echoes_request(error: &actix_web::Error) -> bool {
    error.as_error::<QueryPayloadError>().is_some()
        || error.as_error::<PathError>().is_some()
        || error.as_error::<JsonPayloadError>().is_some()
        || error.as_error::<UrlencodedError>().is_some()
}

/// Creates the outcome of a function's own response. If its status is a client error, the outcome has a reason.
fn function_outcome(response: HttpResponse) -> Outcome {
    if !response.status().is_client_error() {
        return response.into();
    }
    let reason = match response.error() {
        Some(error) => Cow::from(causes(error)),
        None => "The function responded with this status.".into(),
    };
    Outcome::rejected(response, reason)
}

/// Creates the outcome of an error response. A server error keeps only its status: its cause is logged and not
/// sent. A client error is sent unchanged.
fn conceal_cause(response: HttpResponse) -> Outcome {
    if !response.status().is_server_error() {
        return function_outcome(response);
    }
    let error = response.error().map(|error| causes(error));
    tracing::error!(target: DELIVERY, error, "the function failed");
    failed(response.status(), error)
}

/// Creates the outcome of a function that is to be called again later.
fn failed_for_now(time: Duration, cause: String) -> Outcome {
    let mut outcome = failed(StatusCode::SERVICE_UNAVAILABLE, Some(cause));
    let seconds = time.as_secs().max(1);
    outcome.response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    outcome
}

fn failed(status: StatusCode, cause: Option<String>) -> Outcome {
    let text = "The function of this endpoint failed. See the server's log for the cause.";
    Outcome::failed(Rejection::new(status, text).outcome().response, cause)
}
