//! The rule for what may be an argument of an endpoint: everything that actix-web can extract, and our own
//! types.

use std::any::{TypeId, type_name};
use std::future::Future;

use actix_web::error::JsonPayloadError;
use actix_web::{FromRequest, HttpRequest};

use super::body::{self, BodyFault};
use super::body_kind::BodyKind;
use crate::endpoint::call::{Call, Failure};
use crate::endpoint::delivery::Delivery;
use crate::payload::WebhookPayload;

/// An argument of an endpoint: a [`WebhookPayload`], a [`Delivery`], a `Hub` (with the Cargo feature `hub`), a
/// [`DeliveryStore`](crate::DeliveryStore) or an
/// extractor of actix-web, such as [`web::Json<T>`](actix_web::web::Json), [`web::Data<T>`](actix_web::web::Data) or
/// [`HttpRequest`].
///
/// Several arguments may read the body, and each gets all of it: `(payload: WebhookPayload, raw:
/// web::Json<Value>)` takes a payload together with the fields that [`WebhookPayload`] doesn't have.
///
/// To use your own type as an argument, implement actix-web's [`FromRequest`] for it.
///
/// ```
/// use std::future::{Ready, ready};
///
/// use webhooks_runtime::actix_web::dev::Payload;
/// use webhooks_runtime::actix_web::{Error, FromRequest};
/// use webhooks_runtime::testing::{TestClient, dataset_commit};
/// use webhooks_runtime::{HttpRequest, WebhookPayload, WebhooksServer, webhook_endpoint};
///
/// /// The name that the sender gives itself.
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
///     format!("{sender} reported {}", payload.repo.name)
/// }
///
/// let client = TestClient::new(WebhooksServer::empty().endpoint(note::endpoint()))?;
/// let response = client.post(note::PATH, dataset_commit().repo("me/data")).send();
/// assert_eq!(response.text(), "somebody reported me/data");
/// # Ok::<(), webhooks_runtime::LaunchError>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be an argument of a webhook endpoint",
    label = "cannot be extracted from a request",
    note = "an argument is a `WebhookPayload`, a `Delivery`, a `Hub`, `web::Json<T>`, `web::Data<T>`, `HttpRequest` or another extractor of actix-web, each by value",
    note = "to pass your own value to the function, add it to the server with `.data(…)` and take it as `web::Data<T>`"
)]
pub trait EndpointArg: Sized + 'static {
    /// Extracts the argument from the request.
    #[doc(hidden)]
    fn extract(call: &Call) -> impl Future<Output = Result<Self, Failure>>;

    /// Returns what it reads of the body, as far as the type alone reveals it.
    #[doc(hidden)]
    #[must_use]
    fn body_kind() -> BodyKind {
        BodyKind::Unread
    }

    /// Returns whether it is a `Hub`.
    #[doc(hidden)]
    #[must_use]
    fn is_hub() -> bool {
        false
    }
}

#[diagnostic::do_not_recommend]
impl<T: FromRequest + 'static> EndpointArg for T {
    async fn extract(call: &Call) -> Result<Self, Failure> {
        T::from_request(&call.request, &mut call.payload()).await.map_err(|error| {
            let error: actix_web::Error = error.into();
            match error.as_error::<JsonPayloadError>() {
                Some(JsonPayloadError::Deserialize(error)) => {
                    Failure::Body(BodyFault::at_position(error).into())
                }
                _ => match missing_data::<T>() {
                    Some(text) => Failure::Function(text.into()),
                    None => Failure::Argument(error),
                },
            }
        })
    }

    fn body_kind() -> BodyKind {
        if TypeId::of::<T>() == TypeId::of::<HttpRequest>() {
            BodyKind::Unread
        } else {
            BodyKind::Raw
        }
    }
}

/// Returns the error for a `web::Data<T>` that the server does not have, with the type, which actix-web's error
/// lacks. `None` for other types.
fn missing_data<T>() -> Option<String> {
    let inner = type_name::<T>().strip_prefix("actix_web::data::Data<")?;
    Some(format!("the server has no web::Data<{inner}: add it with .data(…)"))
}

impl EndpointArg for WebhookPayload {
    async fn extract(call: &Call) -> Result<Self, Failure> {
        match call.take_parsed() {
            Some(read) => Ok(body::accept_deviations(*read)),
            None => body::read_payload(&call.body).map_err(Failure::Body),
        }
    }

    fn body_kind() -> BodyKind {
        BodyKind::Payload
    }
}

impl EndpointArg for Delivery {
    async fn extract(call: &Call) -> Result<Self, Failure> {
        Ok(Self::of(call))
    }
}
