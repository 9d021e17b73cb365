//! Renders deliveries as the page does, for the fuzz target `rows`.

use super::detail::{DeliveryContent, delivery};
use super::list::{BackgroundDeliveries, BackgroundDelivery};
use super::pause::PausedEndpoints;
use super::view::rows;
use crate::jobs::{AttemptLogLine, DeliveryDetail};

/// Returns the row and the page of a delivery.
pub(crate) fn render_delivery(detail: &DeliveryDetail, log: &[AttemptLogLine]) -> String {
    let one = BackgroundDelivery {
        summary: detail.summary.clone(),
        max_attempts: Some(5),
        timeout: None,
        is_stoppable: true,
    };
    let content = DeliveryContent {
        failed: &detail.failed,
        body: &detail.body,
        log: Some(log),
        is_paused: false,
    };
    let page = delivery(&one, content);
    let paused = PausedEndpoints::default();
    let row = rows(&BackgroundDeliveries { deliveries: Some(vec![one]), paused });
    row.into_string() + &page.into_string()
}
