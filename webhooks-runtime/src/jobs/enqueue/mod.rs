//! Accepts deliveries of the program itself: `retrain::enqueue(&target, payload)` for a function with `background`.
//!
//! - `request` is what the generated code makes of a call, and checks it as an arriving delivery is checked.
//! - `store` is the [`DeliveryStore`], a target that a program opens or that its functions take; `argument` makes it an
//!   argument of a function.
//! - `error` defines the errors.

mod argument;
mod error;
mod request;
mod store;

pub use error::EnqueueError;
pub use request::EnqueueRequest;
pub(crate) use request::EnqueuedDelivery;
pub use store::DeliveryStore;
pub(crate) use store::EnqueueBackend;

use futures_util::future::BoxFuture;

/// The future of a call of `enqueue`.
pub type EnqueueFuture<T> = BoxFuture<'static, Result<T, EnqueueError>>;

/// What a delivery can be enqueued in: a [`ServerHandle`](crate::ServerHandle), a [`DeliveryStore`], or in a test a
/// [`TestClient`](crate::testing::TestClient).
///
/// ```
/// use webhooks_runtime::testing::{TestClient, dataset_commit};
/// use webhooks_runtime::{EnqueueTarget, WebhookPayload, WebhooksServer, webhook_endpoint};
///
/// #[webhook_endpoint(background)]
/// async fn retrain(_payload: WebhookPayload) {}
///
/// /// For the program, and for its tests.
/// async fn nightly<T: EnqueueTarget>(target: &T) -> anyhow::Result<T::Enqueued> {
///     Ok(retrain::enqueue(target, dataset_commit().repo("me/data")).await?)
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> anyhow::Result<()> {
/// let client = TestClient::new(WebhooksServer::empty().endpoint(retrain::endpoint()))?;
/// assert_eq!(nightly(&client).await?.cause(), None);
/// # Ok(())
/// # }
/// ```
#[diagnostic::on_unimplemented(
    message = "a delivery cannot be enqueued in a `{Self}`",
    label = "not a target of `enqueue`",
    note = "pass a `&ServerHandle`, a `&DeliveryStore`, or in a test a `&TestClient`"
)]
pub trait EnqueueTarget: Sealed {
    /// The id of the stored delivery, or in a test the response to it.
    type Enqueued;

    /// Enqueues a delivery.
    #[doc(hidden)]
    fn __enqueue(&self, request: EnqueueRequest) -> EnqueueFuture<Self::Enqueued>;
}

/// Keeps programs from implementing [`EnqueueTarget`], so that methods can be added to it.
pub trait Sealed {}
