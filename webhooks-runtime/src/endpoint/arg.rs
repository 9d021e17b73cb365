//! What may be an argument of an endpoint, and how it is taken from a call.
//!
//! The rule is [`EndpointArg`]: everything that actix-web can extract, and our own types. The rest
//! of this file lets the attribute ask for each argument exactly once and at the user's type, which
//! is what makes its compile errors point there: [`Arg`] tells the kinds of arguments apart, and
//! each kind asks for the trait whose error says most.

use std::any::{TypeId, type_name};
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;

use actix_web::error::JsonPayloadError;
use actix_web::web::{Form, Json};
use actix_web::{FromRequest, HttpRequest};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::call::{Call, Failure};
use super::delivery::Delivery;
use super::fault::{self, BodyFault};
use super::takes::Takes;
use crate::payload::WebhookPayload;

/// What may be an argument of an endpoint: a [`WebhookPayload`], a [`Delivery`] and every extractor
/// of actix-web, [`web::Json<T>`](Json), [`web::Data<T>`](actix_web::web::Data) and [`HttpRequest`] among
/// them.
///
/// Several arguments may read the body: each gets all of it. `(payload: WebhookPayload, raw:
/// web::Json<Value>)` takes a payload together with the fields that [`WebhookPayload`] doesn't have.
///
/// To make a type of your own an argument, implement actix-web's [`FromRequest`] for it.
///
/// ```
/// use std::future::{Ready, ready};
///
/// use webhooks_runtime::actix_web::dev::Payload;
/// use webhooks_runtime::actix_web::{Error, FromRequest};
/// use webhooks_runtime::testing::{TestClient, dataset_commit};
/// use webhooks_runtime::{HttpRequest, WebhookPayload, WebhooksServer, webhook_endpoint};
///
/// /// Who sent the request, as it says itself.
/// struct Sender(String);
///
/// impl FromRequest for Sender {
///     type Error = Error;
///     type Future = Ready<Result<Self, Error>>;
///
///     fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
///         let agent = request.headers().get("User-Agent").and_then(|agent| agent.to_str().ok());
///         ready(Ok(Self(agent.unwrap_or("somebody").to_owned())))
///     }
/// }
///
/// #[webhook_endpoint]
/// async fn note(payload: WebhookPayload, Sender(sender): Sender) -> String {
///     format!("{sender} told of {}", payload.repo.name)
/// }
///
/// let client = TestClient::new(WebhooksServer::empty().endpoint(note::endpoint()))?;
/// let response = client.post(note::PATH, dataset_commit().repo("me/data")).send();
/// assert_eq!(response.text(), "somebody told of me/data");
/// # Ok::<(), webhooks_runtime::LaunchError>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be an argument of a webhook endpoint",
    label = "not something that a request holds",
    note = "an argument is a `WebhookPayload`, a `Delivery`, `web::Json<T>`, `web::Data<T>`, `HttpRequest` or another extractor of actix-web, each by value",
    note = "to hand the function something of your own, give it to the server with `.data(…)` and take it as `web::Data<T>`"
)]
pub trait EndpointArg: Sized + 'static {
    /// Takes the argument from the request.
    #[doc(hidden)]
    fn extract(call: &Call) -> impl Future<Output = Result<Self, Failure>>;

    /// What it makes of the body, as far as can be told without the attribute.
    #[doc(hidden)]
    #[must_use]
    fn takes() -> Takes {
        Takes::Nothing
    }
}

#[diagnostic::do_not_recommend]
impl<T: FromRequest + 'static> EndpointArg for T {
    async fn extract(call: &Call) -> Result<Self, Failure> {
        T::from_request(&call.request, &mut call.payload()).await.map_err(|error| {
            let error: actix_web::Error = error.into();
            match error.as_error::<JsonPayloadError>() {
                Some(JsonPayloadError::Deserialize(error)) => {
                    Failure::Body(BodyFault::at_position(&call.body, error).into())
                }
                _ => match no_data::<T>() {
                    Some(text) => Failure::Function(text.into()),
                    None => Failure::Argument(error),
                },
            }
        })
    }

    fn takes() -> Takes {
        if TypeId::of::<T>() == TypeId::of::<HttpRequest>() {
            Takes::Nothing
        } else {
            Takes::Anything
        }
    }
}

/// The error for a `web::Data<T>` that the server does not have, which names the type as actix-web's does
/// not. `None` for other types.
fn no_data<T>() -> Option<String> {
    let inner = type_name::<T>().strip_prefix("actix_web::data::Data<")?;
    Some(format!("the server has no web::Data<{inner}: add it with .data(…)"))
}

impl EndpointArg for WebhookPayload {
    async fn extract(call: &Call) -> Result<Self, Failure> {
        fault::read_payload(&call.body).map_err(Failure::Body)
    }

    fn takes() -> Takes {
        Takes::Payload
    }
}

impl EndpointArg for Delivery {
    async fn extract(call: &Call) -> Result<Self, Failure> {
        Ok(Self::of(call))
    }
}

/// A body of JSON in a shape of one's own: [`Json<T>`] where `T` is `Deserialize`.
///
/// A body that doesn't fit is answered with 422, the path to its first fault and what was expected
/// there. The path is made of positions and of the fields that `T` declares; any other key, a map's for
/// instance, is a `*`, as nothing of the body is repeated.
///
/// ```
/// use webhooks_runtime::serde::Deserialize;
/// use webhooks_runtime::serde_json::{Value, json};
/// use webhooks_runtime::testing::TestClient;
/// use webhooks_runtime::{WebhooksServer, web, webhook_endpoint};
///
/// #[derive(Deserialize)]
/// #[serde(crate = "webhooks_runtime::serde")]
/// struct Order {
///     item: String,
///     count: u32,
/// }
///
/// #[webhook_endpoint]
/// async fn order(order: web::Json<Order>) -> String {
///     format!("{} × {}", order.count, order.item)
/// }
///
/// let client = TestClient::new(WebhooksServer::empty().endpoint(order::endpoint()))?;
/// let response = client.post(order::PATH, json!({ "item": "GPU hour", "count": 3 })).send();
/// assert_eq!(response.text(), "3 × GPU hour");
///
/// let response = client.post(order::PATH, json!({ "item": "GPU hour", "count": "three" })).send();
/// assert_eq!(response.status(), 422);
/// assert_eq!(response.json::<Value>()?["detail"][0]["loc"], json!(["body", "count"]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait JsonArg: Sized + 'static {
    /// Reads the body.
    #[doc(hidden)]
    fn read(body: &[u8]) -> Result<Self, BodyFault>;
}

impl<T: DeserializeOwned + 'static> JsonArg for Json<T> {
    fn read(body: &[u8]) -> Result<Self, BodyFault> {
        fault::read(body).map(Json)
    }
}

/// A [`Json<T>`] of whose `T` nothing is asked yet.
pub trait IsJson<T>: From<Json<T>> + 'static {}

impl<T: 'static> IsJson<T> for Json<T> {}

/// How one argument is taken. A function pointer to a boxed future, because a type that depended on
/// the trait would have the compiler say each error again wherever the value goes.
pub(crate) type Extract<T> =
    for<'a> fn(&'a Call) -> Pin<Box<dyn Future<Output = Result<T, Failure>> + 'a>>;

/// An argument's type, of which `kind()` tells the kind.
///
/// A method of the type itself goes before a trait's, so that `kind()` finds those below for the
/// types they name and [`OtherArg`] for all others, without a bound that could fail.
#[derive(Debug)]
pub struct Arg<T>(PhantomData<T>);

impl<T> Arg<T> {
    /// A value to ask for its kind.
    pub const NEW: Self = Self(PhantomData);
}

/// `kind()` for the types that have none of their own.
pub trait OtherArg {
    /// An argument that its own trait says how to take.
    fn kind(&self) -> PlainKind {
        PlainKind
    }
}

impl<T> OtherArg for Arg<T> {}

impl<T> Arg<Json<T>> {
    /// A JSON body.
    #[must_use]
    pub fn kind(&self) -> JsonKind {
        JsonKind
    }
}

impl<T> Arg<Form<T>> {
    /// A form, which never gets here.
    #[must_use]
    pub fn kind(&self) -> FormKind {
        FormKind
    }
}

/// An argument that its own trait says how to take.
#[derive(Debug)]
pub struct PlainKind;

#[expect(clippy::extra_unused_type_parameters, reason = "called for either kind of the name")]
impl PlainKind {
    /// How to take it.
    #[must_use]
    pub fn arg<T: EndpointArg>(self) -> Extract<T> {
        |call| Box::pin(T::extract(call))
    }

    /// The same for somebody else's type of the name `Json`, with what stands in its brackets.
    #[must_use]
    pub fn json_arg<T: EndpointArg, Inner>(self) -> Extract<T> {
        self.arg()
    }
}

/// An argument that could be read if forms were let through. Nothing is.
#[diagnostic::on_unimplemented(
    message = "a webhook endpoint takes JSON, so `{Self}` never arrives",
    label = "forms are answered with 415",
    note = "take a `WebhookPayload`, or `web::Json<T>` for a body in a shape of your own"
)]
pub trait FormArg: EndpointArg {}

/// An argument that reads the body as a form.
#[derive(Debug)]
pub struct FormKind;

impl FormKind {
    /// Never called.
    #[must_use]
    pub fn arg<T: FormArg>(self) -> Extract<T> {
        |call| Box::pin(T::extract(call))
    }
}

/// An argument that reads the body as JSON.
#[derive(Debug)]
pub struct JsonKind;

impl JsonKind {
    /// How to take it.
    #[must_use]
    pub fn arg<T: JsonArg>(self) -> Extract<T> {
        |call| {
            Box::pin(
                async move { T::read(&call.body).map_err(|fault| Failure::Body(fault.into())) },
            )
        }
    }

    /// The same where `Json<Inner>` is written out, so that the error can stand under `Inner`.
    #[must_use]
    pub fn json_arg<T: IsJson<Inner>, Inner: for<'de> Deserialize<'de> + 'static>(
        self,
    ) -> Extract<T> {
        |call| {
            Box::pin(async move {
                let read = Json::<Inner>::read(&call.body);
                read.map(T::from).map_err(|fault| Failure::Body(fault.into()))
            })
        }
    }
}
