//! A function's view of the delivery it was called for.

use std::time::SystemTime;

use uuid::Uuid;

use super::call::Call;

/// The delivery that a function is called for; an argument like any other.
///
/// The Hub sends a delivery again when it failed, with the same id. It also sends the same id when a
/// person presses Replay on the Hub.
///
/// ```
/// use webhooks_runtime::{Delivery, WebhookPayload, webhook_endpoint};
///
/// #[webhook_endpoint]
/// async fn trigger_training(payload: WebhookPayload, delivery: Delivery) {
///     println!("delivery {}, attempt {}", delivery.id, delivery.attempt);
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Delivery {
    /// In the background the id that the 202 told and that `deliveries show` takes; it stays the same
    /// from attempt to attempt. Else the `Webhook-Id` header, or, when a request comes without one, an
    /// id made for it here.
    pub id: String,
    /// The `Webhook-Id` header.
    pub webhook_id: Option<String>,
    /// Which attempt at running the function this is, counted from 1 by this server.
    pub attempt: u32,
    /// How many attempts there will be at the most: 1, unless the function runs in the background.
    pub max_attempts: u32,
    /// When the request's head had arrived.
    pub received_at: SystemTime,
    /// The endpoint's path: `/webhooks/trigger_training`. Empty in a test that made the delivery itself.
    pub endpoint: String,
}

impl Delivery {
    /// The delivery that a call is for.
    pub(crate) fn of(call: &Call) -> Self {
        let webhook_id = call.webhook_id().map(str::to_owned);
        let id = webhook_id.clone().unwrap_or_else(|| Uuid::new_v4().to_string());
        let received_at = call.received_at();
        let endpoint = call.request.path().trim_end_matches('/').to_owned();
        Self { id, webhook_id, attempt: 1, max_attempts: 1, received_at, endpoint }
    }

    /// A first attempt that arrives now, for calling a function in a test.
    ///
    /// ```
    /// use webhooks_runtime::{Delivery, webhook_endpoint};
    ///
    /// #[webhook_endpoint]
    /// fn file_name(delivery: Delivery) -> String {
    ///     format!("{}.json", delivery.id)
    /// }
    ///
    /// assert_eq!(file_name(Delivery::new("88cf08b1")), "88cf08b1.json");
    /// ```
    #[must_use]
    pub fn new(id: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            webhook_id: None,
            attempt: 1,
            max_attempts: 1,
            received_at: SystemTime::now(),
            endpoint: String::new(),
        }
    }
}
