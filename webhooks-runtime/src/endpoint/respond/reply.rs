//! The rules for what an endpoint may return, and the response to it.
//!
//! | returned | response |
//! | --- | --- |
//! | `()` | 200, `null` |
//! | `Json<T>`, `serde_json::Value` | 200, JSON |
//! | any `Responder` | as it responds |
//! | `Result` of these | by case |
//!
//! Each row is one implementation of [`EndpointReply`]. For the compiler they overlap: some `Result`s are
//! `Responder`s of actix-web, and a later version could make `()` one. So each row implements the trait for its
//! own marker type, the parameter `Kind`, and `kind` finds the row for a type.

use std::error::Error as StdError;
use std::marker::PhantomData;

use actix_web::http::header::ContentType;
use actix_web::web::{Bytes, Json};
use actix_web::{HttpRequest, HttpResponse, Responder};
use serde::Serialize;

use crate::endpoint::call::{CallResult, Failure};

/// A value that an endpoint may return: `()`, [`Json<T>`], [`serde_json::Value`], any [`Responder`], and a
/// `Result` of these. `Kind` names the rule, and is always inferred.
///
/// ```
/// use webhooks_runtime::serde_json::{Value, json};
/// use webhooks_runtime::testing::{TestClient, dataset_commit};
/// use webhooks_runtime::{HttpResponse, WebhookPayload, WebhooksServer, webhook_endpoint};
///
/// #[webhook_endpoint]
/// async fn nothing(_payload: WebhookPayload) {}
///
/// #[webhook_endpoint]
/// async fn data(payload: WebhookPayload) -> Value {
///     json!({ "seen": payload.repo.name })
/// }
///
/// #[webhook_endpoint]
/// async fn accepted(_payload: WebhookPayload) -> HttpResponse {
///     HttpResponse::Accepted().body("later")
/// }
///
/// let server = WebhooksServer::empty().endpoint(nothing::endpoint());
/// let client = TestClient::new(server.endpoint(data::endpoint()).endpoint(accepted::endpoint()))?;
/// let post = |path| client.post(path, dataset_commit().repo("me/data")).send();
///
/// assert_eq!(post(nothing::PATH).text(), "null");
/// assert_eq!(post(data::PATH).text(), r#"{"seen":"me/data"}"#);
/// assert_eq!(post(accepted::PATH).status(), 202);
/// # Ok::<(), webhooks_runtime::LaunchError>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be returned by a webhook endpoint",
    label = "not a response",
    note = "a function returns nothing, `web::Json<T>`, `serde_json::Value`, a `Responder` of actix-web, or a `Result` of these"
)]
pub trait EndpointReply<Kind> {
    /// Makes the response.
    #[doc(hidden)]
    fn reply(self, request: &HttpRequest) -> CallResult;
}

/// The error of a `Result` that an endpoint returns: `anyhow::Error`, any [`std::error::Error`], a
/// boxed one, [`actix_web::Error`], or text. `Kind` is always inferred.
///
/// The caller gets a 500 without the cause, and the cause is logged. An `actix_web::Error` keeps its status.
///
/// ```
/// use webhooks_runtime::actix_web::error::ErrorNotFound;
/// use webhooks_runtime::testing::{TestClient, dataset_commit};
/// use webhooks_runtime::{WebhookPayload, WebhooksServer, actix_web, webhook_endpoint};
///
/// #[webhook_endpoint]
/// async fn train(_payload: WebhookPayload) -> anyhow::Result<()> {
///     anyhow::bail!("the queue at 10.0.0.7 is full")
/// }
///
/// #[webhook_endpoint]
/// async fn find(payload: WebhookPayload) -> Result<(), actix_web::Error> {
///     Err(ErrorNotFound(format!("I don't know {}", payload.repo.name)))
/// }
///
/// let server = WebhooksServer::empty().endpoint(train::endpoint()).endpoint(find::endpoint());
/// let client = TestClient::new(server)?;
///
/// let response = client.post(train::PATH, dataset_commit()).send();
/// assert_eq!(response.status(), 500);
/// assert!(!response.text().contains("10.0.0.7"));
/// assert_eq!(response.cause(), Some("the queue at 10.0.0.7 is full"));
///
/// let response = client.post(find::PATH, dataset_commit()).send();
/// assert_eq!(response.status(), 404);
/// # Ok::<(), webhooks_runtime::LaunchError>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the error of a webhook endpoint",
    label = "not an error",
    note = "the error is an `anyhow::Error`, an `actix_web::Error`, or a type that implements `std::error::Error`"
)]
pub trait EndpointError<Kind> {
    /// Erases the error's type.
    #[doc(hidden)]
    fn into_boxed(self) -> Box<dyn StdError>;
}

#[diagnostic::do_not_recommend]
impl<E: Into<Box<dyn StdError>>> EndpointError<ConvertibleError> for E {
    fn into_boxed(self) -> Box<dyn StdError> {
        self.into()
    }
}

#[diagnostic::do_not_recommend]
impl EndpointError<SendableError> for Box<dyn StdError + Send + Sync> {
    fn into_boxed(self) -> Box<dyn StdError> {
        self
    }
}

/// The kind of an error that the standard library converts to a boxed one.
#[derive(Debug)]
pub struct ConvertibleError;

/// The kind of a boxed error that is `Send`. The standard library has no conversion for it.
#[derive(Debug)]
pub struct SendableError;

/// The kind of `()`.
#[derive(Debug)]
pub struct UnitReply;

/// The kind of `serde_json::Value`.
#[derive(Debug)]
pub struct ValueReply;

/// The kind of a [`Responder`].
#[derive(Debug)]
pub struct ResponderReply;

/// The kind of a `Result`, with the pair of the kinds of its value and its error.
#[derive(Debug)]
pub struct ResultReply<Kinds>(PhantomData<Kinds>);

impl EndpointReply<UnitReply> for () {
    fn reply(self, _: &HttpRequest) -> CallResult {
        Ok(json_response(Bytes::from_static(b"null")))
    }
}

impl EndpointReply<ValueReply> for serde_json::Value {
    fn reply(self, _: &HttpRequest) -> CallResult {
        json(&self)
    }
}

#[diagnostic::do_not_recommend]
impl<T: Responder> EndpointReply<ResponderReply> for T {
    fn reply(self, request: &HttpRequest) -> CallResult {
        let response = self.respond_to(request).map_into_boxed_body();
        if response.error().is_some() {
            Err(Failure::Response(Box::new(response)))
        } else {
            Ok(response)
        }
    }
}

impl<T, E, Kind, ErrorKind> EndpointReply<ResultReply<(Kind, ErrorKind)>> for Result<T, E>
where
    T: EndpointReply<Kind>,
    E: EndpointError<ErrorKind>,
{
    fn reply(self, request: &HttpRequest) -> CallResult {
        match self {
            Ok(value) => value.reply(request),
            Err(error) => Err(Failure::Function(error.into_boxed())),
        }
    }
}

/// A [`Json<T>`] where `T` is `Serialize`. It has a trait of its own, so that the compile error for a missing
/// `Serialize` is serde's.
pub trait JsonReply<Kind> {
    /// Makes the response.
    #[doc(hidden)]
    fn reply(self) -> CallResult;
}

impl<T: Serialize> JsonReply<()> for Json<T> {
    fn reply(self) -> CallResult {
        json(&self.0)
    }
}

pub(super) fn json(value: &impl Serialize) -> CallResult {
    match serde_json::to_vec(value) {
        Ok(text) => Ok(json_response(text.into())),
        Err(error) => Err(Failure::Function(Box::new(error))),
    }
}

fn json_response(text: Bytes) -> HttpResponse {
    HttpResponse::Ok().content_type(ContentType::json()).body(text)
}
