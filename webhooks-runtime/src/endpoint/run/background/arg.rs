//! The rule for what may be an argument of a background endpoint: a value that does not need the request, which
//! is gone when the function runs.

use std::any::type_name;

use actix_web::web::{Data, Json};
use serde::de::DeserializeOwned;

use super::checked_body::CheckedBody;
use super::task::{BackgroundTask, TaskFailure};
use crate::endpoint::delivery::Delivery;
use crate::endpoint::extract::body::{self, BodyFaults};
use crate::endpoint::shared::SharedData;
use crate::payload::WebhookPayload;

/// An argument of a background endpoint: a [`WebhookPayload`], a [`Json<T>`], a [`Delivery`], a [`Data<T>`], a
/// [`DeliveryStore`](crate::DeliveryStore) or, with the Cargo feature `hub`, a `Hub`. Several of them may read the body.
///
/// A `Data<T>` comes from [`WebhooksServer::data`], and the server doesn't start without it. Data that
/// [`WebhooksServer::configure`] adds belongs to the app that handles requests, and is not available in the
/// background.
///
/// ```
/// use std::sync::Mutex;
///
/// use webhooks_runtime::testing::{TestClient, dataset_commit};
/// use webhooks_runtime::{Delivery, WebhookPayload, WebhooksServer, web, webhook_endpoint};
///
/// type Seen = Mutex<Vec<String>>;
///
/// #[webhook_endpoint(background)]
/// async fn index(payload: WebhookPayload, delivery: Delivery, seen: web::Data<Seen>) {
///     tracing::info!("attempt {} of {}", delivery.attempt, delivery.max_attempts);
///     seen.lock().unwrap().push(payload.repo.name);
/// }
///
/// let server = WebhooksServer::empty().endpoint(index::endpoint()).data(Seen::default());
/// let response = TestClient::new(server)?.post(index::PATH, dataset_commit()).send();
/// assert_eq!(response.status(), 202);
/// # Ok::<(), webhooks_runtime::LaunchError>(())
/// ```
///
/// [`WebhooksServer::data`]: crate::WebhooksServer::data
/// [`WebhooksServer::configure`]: crate::WebhooksServer::configure
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be an argument of a background endpoint",
    label = "not available after the response",
    note = "a background endpoint runs after the response: an argument is a `WebhookPayload`, `web::Json<T>`, `web::Data<T>`, a `Delivery` or a `Hub`, each by value",
    note = "remove `background` to take any extractor of actix-web"
)]
pub trait BackgroundArg: Sized + Send + 'static {
    /// Checks that the body has it.
    #[doc(hidden)]
    fn check(_body: CheckedBody<'_>) -> Result<(), BodyFaults> {
        Ok(())
    }

    /// Returns the type of the data that the server lacks for it.
    #[doc(hidden)]
    fn missing(_shared: &SharedData) -> Option<&'static str> {
        None
    }

    /// Extracts it.
    #[doc(hidden)]
    fn extract(task: &BackgroundTask) -> Result<Self, TaskFailure>;
}

/// A value that is read from the body of a background delivery.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be taken by a background endpoint, because it cannot be sent to another thread",
    label = "not `Send`",
    note = "a background endpoint runs on its own threads, so that it cannot slow down the server"
)]
pub trait SendBody: Send + 'static {}

#[diagnostic::do_not_recommend]
impl<T: Send + 'static> SendBody for T {}

/// The type of a `web::Data<T>` that a background endpoint shares with others.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be shared with a background endpoint, because it cannot be used by several threads",
    label = "not `Send` and `Sync`",
    note = "a background endpoint runs on its own threads, and shares the values of the server's `.data(…)`"
)]
pub trait SharedValue: Send + Sync + 'static {}

#[diagnostic::do_not_recommend]
impl<T: Send + Sync + 'static> SharedValue for T {}

impl BackgroundArg for WebhookPayload {
    fn check(body: CheckedBody<'_>) -> Result<(), BodyFaults> {
        match body.warns {
            true => body::read_payload(body.bytes).map(drop),
            false => body::parse_payload(body.bytes).map(drop),
        }
    }

    fn extract(task: &BackgroundTask) -> Result<Self, TaskFailure> {
        match body::parse_payload(&task.body) {
            Ok(read) => Ok(read.payload),
            Err(faults) => Err(TaskFailure::unreadable(&faults)),
        }
    }
}

impl<T: DeserializeOwned + SendBody> BackgroundArg for Json<T> {
    fn check(body: CheckedBody<'_>) -> Result<(), BodyFaults> {
        body::read::<T>(body.bytes).map(|_| ()).map_err(BodyFaults::from)
    }

    fn extract(task: &BackgroundTask) -> Result<Self, TaskFailure> {
        body::read(&task.body).map(Json).map_err(|fault| TaskFailure::unreadable(&fault.into()))
    }
}

impl<T: SharedValue> BackgroundArg for Data<T> {
    fn missing(shared: &SharedData) -> Option<&'static str> {
        shared.get::<T>().is_none().then(type_name::<T>)
    }

    fn extract(task: &BackgroundTask) -> Result<Self, TaskFailure> {
        task.shared.get::<T>().cloned().ok_or_else(|| TaskFailure {
            text: format!(
                "the server has no web::Data<{}>: add it with .data(…)",
                type_name::<T>()
            ),
            permanent: false,
            retry_after: None,
        })
    }
}

impl BackgroundArg for Delivery {
    fn extract(task: &BackgroundTask) -> Result<Self, TaskFailure> {
        Ok(task.delivery.clone())
    }
}
