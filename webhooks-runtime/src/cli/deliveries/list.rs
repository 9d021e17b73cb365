//! Prints the table of deliveries.

use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;

use super::errors::failed;
use super::{ListArgs, json, print};
use crate::cli::text::{table, truncate};
use crate::jobs::{DeliveryFilter, DeliverySummary, Jobs, paused_text};
use crate::server::StoreTarget;
use crate::text::{escaped_json, in_one_line};

/// The largest number of characters of an error or a note to show.
const MAX_TEXT: usize = 72;

/// The largest number of characters of an event or a repo's name to show.
const MAX_NAME: usize = 48;

const HEADER: [&str; 9] =
    ["ID", "STATE", "ATTEMPTS", "RECEIVED", "ENDPOINT", "EVENT", "REPO", "LAST ERROR", "NOTE"];

pub(super) async fn list(
    jobs: &Jobs,
    target: &StoreTarget,
    list: ListArgs,
) -> Result<ExitCode, Box<dyn Error>> {
    let ListArgs { state, endpoint, limit, .. } = list;
    let filter = DeliveryFilter { state, endpoint: endpoint.clone(), limit };
    let deliveries = jobs.list(filter).await.map_err(failed)?;
    if list.json {
        print(escaped_json(&json::list(&deliveries, target)?).as_bytes())?;
        return Ok(ExitCode::SUCCESS);
    }
    if deliveries.is_empty() {
        // On standard error, so that a script that counts lines counts none.
        let _ = writeln!(io::stderr(), "No deliveries.");
    } else {
        let rows: Vec<_> = deliveries.iter().map(|delivery| row(delivery, target)).collect();
        print(table(HEADER, &rows).as_bytes())?;
    }
    for (path, since) in jobs.paused().await.map_err(failed)? {
        if endpoint.as_ref().is_none_or(|endpoint| *endpoint == path) {
            let text = paused_text(&in_one_line(&path), since);
            let _ = writeln!(io::stderr(), "{text}.");
        }
    }
    Ok(ExitCode::SUCCESS)
}

pub(super) fn row(delivery: &DeliverySummary, target: &StoreTarget) -> [String; HEADER.len()] {
    let attempts = match target.attempts(&delivery.endpoint) {
        Some(max) => format!("{}/{max}", delivery.attempts),
        None => delivery.attempts.to_string(),
    };
    // Truncated before and after, because escaping makes a text longer.
    let short = |text: Option<&str>, max: usize| match text {
        Some(text) => truncate(&in_one_line(&truncate(text, max)), max).into_owned(),
        None => "-".to_owned(),
    };
    let superseded = delivery.superseded_by.map(|by| format!("superseded by {by}"));
    [
        delivery.id.to_string(),
        delivery.state_label(target.timeout(&delivery.endpoint)).to_owned(),
        attempts,
        humantime::format_rfc3339_seconds(delivery.received_at).to_string(),
        in_one_line(&delivery.endpoint).into_owned(),
        short(delivery.event.as_deref(), MAX_NAME),
        short(delivery.repo.as_deref(), MAX_NAME),
        short(delivery.error.as_deref(), MAX_TEXT),
        short(superseded.as_deref().or(delivery.note.as_deref()), MAX_TEXT),
    ]
}
