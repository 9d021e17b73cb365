//! The table of deliveries.

use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;

use super::{List, failed, json, print};
use crate::cli::text::cut;
use crate::jobs::{DeliveryFilter, DeliverySummary, Jobs};
use crate::server::StoreTarget;
use crate::text::{escaped_json, in_one_line};

/// How many characters of an error are shown.
const LONGEST_ERROR: usize = 72;

/// How many characters of an event or a repo's name are shown.
const LONGEST_NAME: usize = 48;

const HEAD: [&str; 8] =
    ["ID", "STATE", "ATTEMPTS", "RECEIVED", "ENDPOINT", "EVENT", "REPO", "LAST ERROR"];

pub(super) async fn list(
    jobs: &Jobs,
    target: &StoreTarget,
    list: List,
) -> Result<ExitCode, Box<dyn Error>> {
    let filter = DeliveryFilter { state: list.state, endpoint: list.endpoint, limit: list.limit };
    let listed = jobs.list(filter).await.map_err(failed)?;
    if list.json {
        print(escaped_json(&json::list(&listed, target)?).as_bytes())?;
    } else if listed.is_empty() {
        // Not among the deliveries that a script may count.
        let _ = writeln!(io::stderr(), "No deliveries.");
    } else {
        let rows: Vec<_> = listed.iter().map(|listed| row(listed, target)).collect();
        print(table(&rows).as_bytes())?;
    }
    Ok(ExitCode::SUCCESS)
}

fn row(listed: &DeliverySummary, target: &StoreTarget) -> [String; HEAD.len()] {
    let attempts = match target.attempts(&listed.endpoint) {
        Some(most) => format!("{}/{most}", listed.attempts),
        None => listed.attempts.to_string(),
    };
    // Cut before and after: what is escaped is longer.
    let short = |text: Option<&str>, most: usize| match text {
        Some(text) => cut(&in_one_line(&cut(text, most)), most).into_owned(),
        None => "-".to_owned(),
    };
    [
        listed.id.to_string(),
        listed.state_label(target.timeout(&listed.endpoint)).to_owned(),
        attempts,
        humantime::format_rfc3339_seconds(listed.received_at).to_string(),
        in_one_line(&listed.endpoint).into_owned(),
        short(listed.event.as_deref(), LONGEST_NAME),
        short(listed.repo.as_deref(), LONGEST_NAME),
        short(listed.error.as_deref(), LONGEST_ERROR),
    ]
}

/// Columns as wide as what stands in them.
fn table(rows: &[[String; HEAD.len()]]) -> String {
    let widths: [usize; HEAD.len()] = std::array::from_fn(|column| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.chain([HEAD[column].len()]).max().unwrap_or_default()
    });
    let line = |cells: [&str; HEAD.len()]| {
        let padded = cells.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned() + "\n"
    };
    let rows = rows.iter().map(|row| row.each_ref().map(String::as_str));
    [HEAD].into_iter().chain(rows).map(line).collect()
}
