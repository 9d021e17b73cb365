//! The delivery as an argument of a function.

use std::time::SystemTime;

use uuid::Uuid;

use super::call::Call;
use super::note::AttemptNotes;

/// The delivery that a function is called for, as an argument.
///
/// When a delivery fails, the Hub retries it with the same `Webhook-Id`. It also uses the same `Webhook-Id` when a
/// person replays a delivery on the Hub.
///
/// ```
/// use webhooks_runtime::{Delivery, WebhookPayload, webhook_endpoint};
///
/// #[webhook_endpoint]
/// async fn trigger_training(payload: WebhookPayload, delivery: Delivery) {
///     tracing::info!(id = delivery.id, attempt = delivery.attempt, "training");
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Delivery {
    /// For a background endpoint: the id in the 202 response, which `deliveries show` accepts. It is the same for
    /// all attempts. For other endpoints: the `Webhook-Id` header, or a generated id when the request has none.
    pub id: String,
    /// The `Webhook-Id` header; a text that starts with `reconcile:` for a missed delivery that the server has found.
    pub webhook_id: Option<String>,
    /// The number of this attempt to run the function, counted from 1.
    pub attempt: u32,
    /// The maximum number of attempts for this delivery: 1, unless the function runs in the background.
    pub max_attempts: u32,
    /// When the request's head had arrived.
    pub received_at: SystemTime,
    /// The endpoint's path: `/webhooks/trigger_training`. Empty when made by [`new`](Self::new).
    pub endpoint: String,
    pub(crate) merged: Vec<String>,
    pub(crate) notes: AttemptNotes,
}

impl Delivery {
    /// Returns the delivery of a call.
    pub(crate) fn of(call: &Call) -> Self {
        let webhook_id = call.webhook_id().map(str::to_owned);
        let id = webhook_id.clone().unwrap_or_else(|| Uuid::new_v4().to_string());
        let received_at = call.received_at();
        let endpoint = call.request.path().trim_end_matches('/').to_owned();
        Self { id, webhook_id, received_at, endpoint, ..Self::new("") }
    }

    /// Returns the ids of the older deliveries that this one replaces, the oldest first, with `latest` of the attribute.
    /// The payload has their changes: `updated_refs`, `updated_files` and `updated_config`.
    ///
    /// ```
    /// use webhooks_runtime::{Delivery, WebhookPayload, webhook_endpoint};
    ///
    /// #[webhook_endpoint(background(key = "repo", latest))]
    /// async fn train(payload: WebhookPayload, delivery: Delivery) {
    ///     tracing::info!("trains for {} deliveries", 1 + delivery.merged().len());
    /// }
    ///
    /// assert!(Delivery::new("88cf08b1").merged().is_empty());
    /// ```
    #[must_use]
    pub fn merged(&self) -> &[String] {
        &self.merged
    }

    /// Adds a note to this attempt of a background delivery, which the page and the command `deliveries show` print, also
    /// if the function fails afterwards. All notes of an attempt together have at most 1,000 characters.
    ///
    /// It has no effect in an endpoint without `background`.
    ///
    /// ```
    /// use webhooks_runtime::testing::{TestClient, dataset_commit};
    /// use webhooks_runtime::{Delivery, WebhookPayload, WebhooksServer, webhook_endpoint};
    ///
    /// #[webhook_endpoint(background)]
    /// async fn train(payload: WebhookPayload, delivery: Delivery) -> anyhow::Result<()> {
    ///     delivery.note("2 of 3 files are ready");
    ///     anyhow::bail!("the third file is missing")
    /// }
    ///
    /// let client = TestClient::new(WebhooksServer::empty().endpoint(train::endpoint()))?;
    /// let response = client.post(train::PATH, dataset_commit()).send();
    /// assert_eq!(response.note(), Some("2 of 3 files are ready"));
    /// # Ok::<(), webhooks_runtime::LaunchError>(())
    /// ```
    pub fn note(&self, text: impl AsRef<str>) {
        self.notes.add(text.as_ref());
    }

    /// Makes a first attempt that arrives now, to call a function in a test.
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
            merged: Vec::new(),
            notes: AttemptNotes::default(),
        }
    }
}
