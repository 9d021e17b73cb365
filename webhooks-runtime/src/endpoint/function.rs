//! Plain functions as endpoints, for `add_webhook`: what the attribute writes out for annotated
//! ones, as a trait over functions of 0 to 12 arguments.

use std::future::Future;
use std::marker::PhantomData;
use std::sync::Arc;

use super::arg::EndpointArg;
use super::blocking;
use super::call::{Call, CallFuture};
use super::reply::FnReply;
use super::takes::Takes;

/// A function that can be an endpoint: `async fn` or `fn`, with 0 to 12 arguments that are
/// [`EndpointArg`]s. `Args` and `Kind` are always inferred. [`WebhooksServer::add_webhook`] takes one.
///
/// It returns `()`, `serde_json::Value`, `web::Json<T>`, `HttpResponse`, text, or a `Result` with any
/// `Responder` in it, as [`EndpointReply`] says. Another `Responder` goes through as `Ok::<_, actix_web::Error>(…)`.
///
/// A `fn` runs on a pool of threads, so that it may block; what it takes and returns must be `Send`.
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
/// // A closure is one, too, so that values can be brought along.
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
/// [`EndpointReply`]: super::EndpointReply
/// [`WebhooksServer::add_webhook`]: crate::WebhooksServer::add_webhook
#[diagnostic::on_unimplemented(
    message = "this function cannot be a webhook endpoint",
    label = "not an endpoint",
    note = "an endpoint is an `async fn` or a `fn` whose arguments are extractors and whose answer is `()`, `web::Json<T>`, `serde_json::Value`, `HttpResponse` or a `Result` of these",
    note = "annotate it with `#[webhook_endpoint]`, and the compiler says which type is at fault"
)]
pub trait EndpointFn<Args, Kind>: Clone + Send + Sync + 'static {
    /// Calls the function.
    #[doc(hidden)]
    fn call(self, call: Call) -> CallFuture<'static>;

    /// What it takes.
    #[doc(hidden)]
    fn takes(&self) -> Takes;
}

/// The kind of an `async fn` whose answer is of kind `Kind`.
#[derive(Debug)]
pub struct Asynchronous<Kind>(PhantomData<Kind>);

/// The kind of a `fn` whose answer is of kind `Kind`.
#[derive(Debug)]
pub struct Blocking<Kind>(PhantomData<Kind>);

/// A function with its types erased.
pub(crate) type Caller = Arc<dyn Fn(Call) -> CallFuture<'static> + Send + Sync>;

/// Erases a function's types.
pub(crate) fn caller<Args, Kind>(function: impl EndpointFn<Args, Kind>) -> Caller {
    Arc::new(move |call| function.clone().call(call))
}

macro_rules! endpoint_fn {
    ($($arg:ident)*) => {
        impl<F, Fut, R, Kind, $($arg,)*> EndpointFn<($($arg,)*), Asynchronous<Kind>> for F
        where
            F: Fn($($arg),*) -> Fut + Clone + Send + Sync + 'static,
            Fut: Future<Output = R>,
            R: FnReply<Kind>,
            $($arg: EndpointArg,)*
        {
            #[allow(non_snake_case, reason = "a type's name serves for its value")]
            fn call(self, call: Call) -> CallFuture<'static> {
                Box::pin(async move {
                    $(let $arg = $arg::extract(&call).await?;)*
                    self($($arg),*).await.reply(&call.request)
                })
            }

            fn takes(&self) -> Takes {
                Takes::of([$($arg::takes()),*])
            }
        }

        impl<F, R, Kind, $($arg,)*> EndpointFn<($($arg,)*), Blocking<Kind>> for F
        where
            F: Fn($($arg),*) -> R + Clone + Send + Sync + 'static,
            R: FnReply<Kind> + Send + 'static,
            $($arg: EndpointArg + Send + 'static,)*
        {
            #[allow(non_snake_case, reason = "a type's name serves for its value")]
            fn call(self, call: Call) -> CallFuture<'static> {
                Box::pin(async move {
                    $(let $arg = $arg::extract(&call).await?;)*
                    blocking::run(move || self($($arg),*)).await?.reply(&call.request)
                })
            }

            fn takes(&self) -> Takes {
                Takes::of([$($arg::takes()),*])
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
