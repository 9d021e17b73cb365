//! Accepts deliveries from the rest of the crate: describes each one, and hands it over to the store.

use std::sync::Arc;
use std::time::SystemTime;

use actix_web::web::Bytes;
use uuid::Uuid;

use super::delivery::{Accepted, DeliveryKey, DeliveryOrigin, NewDelivery};
use super::error::StoreError;
use super::handle::Jobs;
use crate::payload::Summary;
use crate::trace::SpanEnd;

/// A delivery on its way to the store.
pub(crate) struct IncomingDelivery<'a> {
    /// The endpoint's path.
    pub(crate) path: &'a str,
    /// The `Webhook-Id` header.
    pub(crate) webhook_id: Option<String>,
    pub(crate) received_at: SystemTime,
    pub(crate) body: Bytes,
    /// Its key, if its endpoint has keys.
    pub(crate) key: Option<DeliveryKey>,
    /// Whether to run it even if it is a duplicate of a completed delivery.
    pub(crate) force: bool,
    pub(crate) origin: DeliveryOrigin,
}

impl Jobs {
    /// Accepts a delivery, and returns when it is on disk.
    ///
    /// # Errors
    ///
    /// When it could not be stored, or there is no such endpoint.
    pub(crate) async fn accept(
        &self,
        incoming: IncomingDelivery<'_>,
    ) -> Result<Accepted, Arc<StoreError>> {
        let IncomingDelivery { path, webhook_id, received_at, body, key, force, origin } = incoming;
        let unknown = || StoreError::UnknownEndpoint { path: path.to_owned() };
        let endpoint = *self.indexes.get(path).ok_or_else(unknown)?;
        let summary = Summary::read(&body);
        let event = summary.as_ref().map(Summary::event);
        let repo = summary.map(|summary| summary.repo().to_owned());
        let id = Uuid::now_v7();
        let span = self.observers.tracer.as_ref().map(|tracer| tracer.start_storing(path));
        let delivery = NewDelivery {
            id,
            endpoint,
            webhook_id,
            event,
            repo,
            received_at,
            body,
            force,
            key,
            origin,
            trace: span.as_ref().and_then(|span| span.context()),
        };
        let accepted = self.batcher.accept(delivery).await;
        if let Some(span) = span {
            span.end(match accepted {
                Ok(Accepted::Queued(id) | Accepted::Duplicate(id, _)) => SpanEnd::Stored(id),
                Ok(Accepted::BacklogFull | Accepted::StoreFull) | Err(_) => SpanEnd::NotStored,
            });
        }
        if matches!(accepted, Ok(Accepted::Queued(_))) {
            self.changed();
        }
        accepted
    }

    /// Returns whether it accepts deliveries of the endpoint with this path.
    pub(crate) fn has_endpoint(&self, path: &str) -> bool {
        self.indexes.contains_key(path)
    }
}
