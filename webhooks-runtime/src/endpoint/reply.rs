//! What an endpoint may return, and the answer that is made of it.
//!
//! | returned | answer |
//! | --- | --- |
//! | `()` | 200, `null` |
//! | `Json<T>`, `serde_json::Value` | 200, JSON |
//! | any `Responder` | as it responds |
//! | `Result` of these | by case |
//!
//! `Result` is a `Responder` of actix-web's for some errors, and anything may become one, so each
//! row of the table has a type that stands for it (`Kind`), and [`Reply`] tells the rows apart.

use std::error::Error as StdError;
use std::marker::PhantomData;

use actix_web::http::header::ContentType;
use actix_web::web::{Bytes, Html, Json, Redirect};
use actix_web::{CustomizeResponder, HttpRequest, HttpResponse, HttpResponseBuilder, Responder};
use serde::Serialize;

use super::call::{CallResult, Failure};

/// What an endpoint may return: `()`, [`Json<T>`], [`serde_json::Value`], any [`Responder`], and a
/// `Result` of these. `Kind` says by which of these rules, and is always inferred.
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
    message = "`{Self}` cannot be the answer of a webhook endpoint",
    label = "not an answer",
    note = "a function returns nothing, `web::Json<T>`, `serde_json::Value`, a `Responder` of actix-web, or a `Result` of these"
)]
pub trait EndpointReply<Kind> {
    /// Makes the answer.
    #[doc(hidden)]
    fn reply(self, request: &HttpRequest) -> CallResult;
}

/// The error of a `Result` that an endpoint returns: `anyhow::Error`, any [`std::error::Error`], a
/// boxed one, [`actix_web::Error`], and text. `Kind` is always inferred.
///
/// The caller gets a 500 that doesn't tell the cause, which goes to the log. An `actix_web::Error`
/// keeps its status.
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
    /// The error, without its type.
    #[doc(hidden)]
    fn into_boxed(self) -> Box<dyn StdError>;
}

#[diagnostic::do_not_recommend]
impl<E: Into<Box<dyn StdError>>> EndpointError<Convertible> for E {
    fn into_boxed(self) -> Box<dyn StdError> {
        self.into()
    }
}

#[diagnostic::do_not_recommend]
impl EndpointError<Sendable> for Box<dyn StdError + Send + Sync> {
    fn into_boxed(self) -> Box<dyn StdError> {
        self
    }
}

/// The kind of an error that the standard library turns into a boxed one.
#[derive(Debug)]
pub struct Convertible;

/// The kind of a boxed error that can go to another thread, which is none of those.
#[derive(Debug)]
pub struct Sendable;

/// The kind of `()`.
#[derive(Debug)]
pub struct Nothing;

/// The kind of `serde_json::Value`.
#[derive(Debug)]
pub struct Value;

/// The kind of a [`Responder`].
#[derive(Debug)]
pub struct Response;

/// The kind of a `Result`, with the pair of the kinds of its value and its error.
#[derive(Debug)]
pub struct Fallible<Kinds>(PhantomData<Kinds>);

impl EndpointReply<Nothing> for () {
    fn reply(self, _: &HttpRequest) -> CallResult {
        Ok(json_response(Bytes::from_static(b"null")))
    }
}

impl EndpointReply<Value> for serde_json::Value {
    fn reply(self, _: &HttpRequest) -> CallResult {
        json(&self)
    }
}

#[diagnostic::do_not_recommend]
impl<T: Responder> EndpointReply<Response> for T {
    fn reply(self, request: &HttpRequest) -> CallResult {
        let response = self.respond_to(request).map_into_boxed_body();
        if response.error().is_some() {
            Err(Failure::Response(Box::new(response)))
        } else {
            Ok(response)
        }
    }
}

impl<T, E, Kind, ErrorKind> EndpointReply<Fallible<(Kind, ErrorKind)>> for Result<T, E>
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

/// A [`Json<T>`] where `T` is `Serialize`; asked for by itself, for serde's own words in the error.
pub trait JsonReply<Kind> {
    /// Makes the answer.
    #[doc(hidden)]
    fn reply(self) -> CallResult;
}

impl<T: Serialize> JsonReply<()> for Json<T> {
    fn reply(self) -> CallResult {
        json(&self.0)
    }
}

fn json(value: &impl Serialize) -> CallResult {
    match serde_json::to_vec(value) {
        Ok(text) => Ok(json_response(text.into())),
        Err(error) => Err(Failure::Function(Box::new(error))),
    }
}

fn json_response(text: Bytes) -> HttpResponse {
    HttpResponse::Ok().content_type(ContentType::json()).body(text)
}

/// A returned value's type, of which `kind()` tells the rule; see [`Arg`](super::arg::Arg).
#[derive(Debug)]
pub struct Reply<T>(PhantomData<T>);

impl<T> Reply<T> {
    /// A value to ask for its kind.
    pub const NEW: Self = Self(PhantomData);

    /// The type of `_value`.
    pub const fn of(_value: &T) -> Self {
        Self(PhantomData)
    }
}

/// `kind()` for the types that have none of their own.
pub trait OtherReply {
    /// Something whose rule the compiler finds by itself.
    fn kind(&self) -> OneKind {
        OneKind
    }
}

impl<T> OtherReply for Reply<T> {}

impl<T, E> Reply<Result<T, E>> {
    /// A `Result`, also where actix-web has a rule for it, which would tell the cause.
    #[must_use]
    pub fn kind(&self) -> FallibleKind {
        FallibleKind
    }
}

impl<T> Reply<Json<T>> {
    /// A `Json<T>`.
    #[must_use]
    pub fn kind(&self) -> JsonKind {
        JsonKind
    }
}

/// Neither a `Result` nor a `Json`.
#[derive(Debug)]
pub struct OneKind;

#[expect(clippy::extra_unused_type_parameters, reason = "called for either kind of the names")]
impl OneKind {
    /// Makes the answer.
    pub fn reply<R: EndpointReply<Kind>, Kind>(
        self,
        reply: R,
        request: &HttpRequest,
    ) -> CallResult {
        reply.reply(request)
    }

    /// The same for somebody else's type of the name `Json`, with what stands in its brackets.
    pub fn json_reply<Inner, Kind>(
        self,
        reply: impl EndpointReply<Kind>,
        request: &HttpRequest,
    ) -> CallResult {
        reply.reply(request)
    }

    /// The same for somebody else's type of the name `Result`, with what stands in its brackets.
    pub fn result_reply<T, E, R: EndpointReply<Kind>, Kind>(
        self,
        reply: R,
        request: &HttpRequest,
    ) -> CallResult {
        reply.reply(request)
    }
}

/// A `Result`.
#[derive(Debug)]
pub struct FallibleKind;

impl FallibleKind {
    /// Makes the answer.
    pub fn reply<R: EndpointReply<Fallible<Kinds>>, Kinds>(
        self,
        reply: R,
        request: &HttpRequest,
    ) -> CallResult {
        reply.reply(request)
    }

    /// The same where `Result<T, E>` is written out, so that an error can stand under either.
    pub fn result_reply<T: EndpointReply<Kind>, E: EndpointError<ErrorKind>, Kind, ErrorKind>(
        self,
        reply: Result<T, E>,
        request: &HttpRequest,
    ) -> CallResult {
        reply.reply(request)
    }
}

/// A `Json`.
#[derive(Debug)]
pub struct JsonKind;

impl JsonKind {
    /// Makes the answer.
    pub fn reply<R: JsonReply<Kind>, Kind>(self, reply: R, _: &HttpRequest) -> CallResult {
        reply.reply()
    }

    /// The same where `Json<Inner>` is written out, so that the error can stand under `Inner`.
    pub fn json_reply<Inner: Serialize, R: Into<Json<Inner>>>(
        self,
        reply: R,
        _: &HttpRequest,
    ) -> CallResult {
        json(&reply.into().0)
    }
}

/// What a function given to `add_webhook` may return.
///
/// There the rule must follow from the type alone, so this lists the types instead of taking every
/// `Responder`; one that is missing here goes through as `Ok::<_, actix_web::Error>(…)`.
pub trait FnReply<Kind>: EndpointReply<Kind> {}

impl FnReply<Nothing> for () {}
impl FnReply<Value> for serde_json::Value {}
impl<T, E, Kind, ErrorKind> FnReply<Fallible<(Kind, ErrorKind)>> for Result<T, E> where
    Self: EndpointReply<Fallible<(Kind, ErrorKind)>>
{
}
impl<T: Serialize> FnReply<Response> for Json<T> {}
impl<T: Responder> FnReply<Response> for Option<T> {}
impl<T: Responder> FnReply<Response> for CustomizeResponder<T> {}
impl FnReply<Response> for HttpResponse {}
impl FnReply<Response> for HttpResponseBuilder {}
impl FnReply<Response> for Redirect {}
impl FnReply<Response> for Html {}
impl FnReply<Response> for String {}
impl FnReply<Response> for &'static str {}
impl FnReply<Response> for Bytes {}
