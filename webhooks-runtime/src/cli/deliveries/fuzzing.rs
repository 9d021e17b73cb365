//! Prints deliveries as the command does, for the fuzz target `rows`.

use std::sync::OnceLock;

use super::{json, list, logs, show};
use crate::cli::text::body;
use crate::config::settings::PartialSettings;
use crate::jobs::{AttemptLogLine, DeliveryDetail, LogPosition};
use crate::server::{StoreTarget, WebhooksServer};
use crate::text::escaped_json;

static TARGET: OnceLock<Option<StoreTarget>> = OnceLock::new();

/// Returns what the commands print of a delivery.
pub(crate) fn print_delivery(detail: &DeliveryDetail, log: &[AttemptLogLine]) -> Vec<String> {
    let target = || StoreTarget::of(WebhooksServer::empty(), PartialSettings::default()).ok();
    let Some(target) = TARGET.get_or_init(target) else { return Vec::new() };
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let mut texts = vec![
        list::row(&detail.summary, target).join(" "),
        show::describe(detail, target, true),
        show::describe(detail, target, false),
        text(&body(&detail.body, true)),
        logs::as_text(log, LogPosition::default()),
    ];
    let as_list = json::list(std::slice::from_ref(&detail.summary), target);
    texts.extend(as_list.map(|list| escaped_json(&list).into_owned()));
    texts.extend(json::show(detail, target).map(|json| text(&body(json.as_bytes(), false))));
    texts.extend(logs::as_json(log));
    texts
}
