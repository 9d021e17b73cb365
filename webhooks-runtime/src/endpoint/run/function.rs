//! Functions without the attribute as endpoints, for `add_webhook`: a trait over functions of 0 to 12 arguments
//! does what the attribute generates for annotated ones.

use std::future::Future;
use std::marker::PhantomData;
use std::sync::Arc;

use actix_web::web::{Bytes, Html, Json, Redirect};
use actix_web::{CustomizeResponder, HttpResponse, HttpResponseBuilder, Responder};
use serde::Serialize;

use super::blocking;
use crate::endpoint::call::{Call, CallFuture};
use crate::endpoint::extract::EndpointArg;
use crate::endpoint::extract::body_kind::BodyKind;
use crate::endpoint::respond::reply::{
    EndpointReply, ResponderReply, ResultReply, UnitReply, ValueReply,
};

/// A function that can be an endpoint: `async fn` or `fn`, with 0 to 12 arguments that are
/// [`EndpointArg`]s. `Args` and `Kind` are always inferred. [`WebhooksServer::add_webhook`] takes one.
///
/// It returns `()`, `serde_json::Value`, `web::Json<T>`, `HttpResponse`, text, or a `Result` with any
/// `Responder` in it (see [`EndpointReply`]). Return any other `Responder` as `Ok::<_, actix_web::Error>(…)`.
///
/// A `fn` runs on a pool of threads, so it may block; its arguments and its return value are `Send`.
///
/// ```
/// use webhooks_runtime::testing::{TestClient, dataset_commit};
/// use webhooks_runtime::{EndpointFn, WebhookPayload, WebhooksServer};
///
/// /// A server for one function.
/// fn serving<Args, Kind>(function: impl EndpointFn<Args, Kind>) -> WebhooksServer {
///     WebhooksServer::empty().add_webhook("/only", function)
/// }
///
/// // A closure works, too, and may capture values.
/// let greeting = "Hello";
/// let hello = move |payload: WebhookPayload| async move {
///     format!("{greeting}, {}", payload.repo.name)
/// };
///
/// let client = TestClient::new(serving(hello))?;
/// let response = client.post("/webhooks/only", dataset_commit().repo("me/data")).send();
/// assert_eq!(response.text(), "Hello, me/data");
/// # Ok::<(), webhooks_runtime::LaunchError>(())
/// ```
///
/// [`WebhooksServer::add_webhook`]: crate::WebhooksServer::add_webhook
#[diagnostic::on_unimplemented(
    message = "this function cannot be a webhook endpoint",
    label = "not an endpoint",
    note = "an endpoint is an `async fn` or a `fn` whose arguments are extractors and that returns `()`, `web::Json<T>`, `serde_json::Value`, `HttpResponse` or a `Result` of these",
    note = "annotate it with `#[webhook_endpoint]`, and the compiler names the type at fault"
)]
pub trait EndpointFn<Args, Kind>: Clone + Send + Sync + 'static {
    /// Calls the function.
    #[doc(hidden)]
    fn call(self, call: Call) -> CallFuture<'static>;

    /// Returns what it reads of the body.
    #[doc(hidden)]
    fn body_kind(&self) -> BodyKind;

    /// Returns whether an argument is a `Hub`.
    #[doc(hidden)]
    fn takes_hub(&self) -> bool;
}

/// The kind of an `async fn` that returns a value of kind `Kind`.
#[derive(Debug)]
pub struct AsyncFnKind<Kind>(PhantomData<Kind>);

/// The kind of a `fn` that returns a value of kind `Kind`.
#[derive(Debug)]
pub struct BlockingFnKind<Kind>(PhantomData<Kind>);

/// A function with its types erased.
pub(crate) type Caller = Arc<dyn Fn(Call) -> CallFuture<'static> + Send + Sync>;

/// Erases a function's types.
pub(crate) fn caller<Args, Kind>(function: impl EndpointFn<Args, Kind>) -> Caller {
    Arc::new(move |call| function.clone().call(call))
}

/// A value that a function given to `add_webhook` may return.
///
/// Without the attribute the kind must follow from the type alone. So this trait lists types instead of all
/// `Responder`s. Any other one can be returned as `Ok::<_, actix_web::Error>(…)`.
pub trait FnReply<Kind>: EndpointReply<Kind> {}

impl FnReply<UnitReply> for () {}
impl FnReply<ValueReply> for serde_json::Value {}
impl<T, E, Kind, ErrorKind> FnReply<ResultReply<(Kind, ErrorKind)>> for Result<T, E> where
    Self: EndpointReply<ResultReply<(Kind, ErrorKind)>>
{
}
impl<T: Serialize> FnReply<ResponderReply> for Json<T> {}
impl<T: Responder> FnReply<ResponderReply> for Option<T> {}
impl<T: Responder> FnReply<ResponderReply> for CustomizeResponder<T> {}
impl FnReply<ResponderReply> for HttpResponse {}
impl FnReply<ResponderReply> for HttpResponseBuilder {}
impl FnReply<ResponderReply> for Redirect {}
impl FnReply<ResponderReply> for Html {}
impl FnReply<ResponderReply> for String {}
impl FnReply<ResponderReply> for &'static str {}
impl FnReply<ResponderReply> for Bytes {}

macro_rules! endpoint_fn {
    ($($arg:ident)*) => {
        impl<F, Fut, R, Kind, $($arg,)*> EndpointFn<($($arg,)*), AsyncFnKind<Kind>> for F
        where
            F: Fn($($arg),*) -> Fut + Clone + Send + Sync + 'static,
            Fut: Future<Output = R>,
            R: FnReply<Kind>,
            $($arg: EndpointArg,)*
        {
            #[allow(non_snake_case, reason = "an argument is named like its type")]
            fn call(self, call: Call) -> CallFuture<'static> {
                Box::pin(async move {
                    $(let $arg = $arg::extract(&call).await?;)*
                    self($($arg),*).await.reply(&call.request)
                })
            }

            fn body_kind(&self) -> BodyKind {
                BodyKind::of([$($arg::body_kind()),*])
            }

            fn takes_hub(&self) -> bool {
                false $(|| $arg::is_hub())*
            }
        }

        impl<F, R, Kind, $($arg,)*> EndpointFn<($($arg,)*), BlockingFnKind<Kind>> for F
        where
            F: Fn($($arg),*) -> R + Clone + Send + Sync + 'static,
            R: FnReply<Kind> + Send + 'static,
            $($arg: EndpointArg + Send + 'static,)*
        {
            #[allow(non_snake_case, reason = "an argument is named like its type")]
            fn call(self, call: Call) -> CallFuture<'static> {
                Box::pin(async move {
                    $(let $arg = $arg::extract(&call).await?;)*
                    blocking::run_blocking(move || self($($arg),*)).await?.reply(&call.request)
                })
            }

            fn body_kind(&self) -> BodyKind {
                BodyKind::of([$($arg::body_kind()),*])
            }

            fn takes_hub(&self) -> bool {
                false $(|| $arg::is_hub())*
            }
        }
    };
}

endpoint_fn!();
endpoint_fn!(A);
endpoint_fn!(A B);
endpoint_fn!(A B C);
endpoint_fn!(A B C D);
endpoint_fn!(A B C D E);
endpoint_fn!(A B C D E G);
endpoint_fn!(A B C D E G H);
endpoint_fn!(A B C D E G H I);
endpoint_fn!(A B C D E G H I J);
endpoint_fn!(A B C D E G H I J K);
endpoint_fn!(A B C D E G H I J K L);
endpoint_fn!(A B C D E G H I J K L M);
