//! A function's view of the delivery it was called for.

use std::time::SystemTime;

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
    /// The `Webhook-Id` header, or, when a request comes without one, an id made for it here.
    pub id: String,
    /// Which attempt at running the function this is, counted from 1 by this server.
    pub attempt: u32,
    /// When the request's head had arrived.
    pub received_at: SystemTime,
}

impl Delivery {
    /// A first attempt that arrives now, for calling a function in a test.
    #[must_use]
    pub fn new(id: impl Into<String>) -> Self {
        Self { id: id.into(), attempt: 1, received_at: SystemTime::now() }
    }
}
