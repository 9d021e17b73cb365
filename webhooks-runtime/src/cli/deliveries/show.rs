//! Prints one delivery in full.

use std::error::Error;
use std::fmt::Write as _;
use std::process::ExitCode;
use std::time::SystemTime;

use super::errors::failed;
use super::id::IdPrefix;
use super::{counted, json, print};
use crate::cli::text::body;
use crate::endpoint::short;
use crate::jobs::{DeliveryDetail, DeliveryOrigin, FailedAttempt, Jobs, State};
use crate::server::StoreTarget;
use crate::text::{escaped, in_one_line};

pub(super) async fn show(
    jobs: &Jobs,
    target: &StoreTarget,
    id: &IdPrefix,
    as_json: bool,
) -> Result<ExitCode, Box<dyn Error>> {
    let full_id = id.find(jobs).await?;
    let Some(detail) = jobs.show(full_id).await.map_err(failed)? else {
        return Err(id.not_found(jobs).into());
    };
    if as_json {
        print(&body(json::show(&detail, target)?.as_bytes(), false))?;
    } else {
        let paused = jobs.paused().await.map_err(failed)?;
        let is_paused = paused.iter().any(|(path, _)| *path == detail.summary.endpoint);
        print(describe(&detail, target, is_paused).as_bytes())?;
        print(&body(&detail.body, true))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Formats everything except the payload.
pub(super) fn describe(
    DeliveryDetail { summary, failed, .. }: &DeliveryDetail,
    target: &StoreTarget,
    is_paused: bool,
) -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: &str| {
        let _ = writeln!(text, "{name:13}  {value}");
    };
    line("delivery", &summary.id.to_string());
    line("state", summary.state_label(target.timeout(&summary.endpoint)));
    line("endpoint", &in_one_line(&summary.endpoint));
    line("event", &in_one_line(summary.event.as_deref().unwrap_or("-")));
    line("repo", &in_one_line(summary.repo.as_deref().unwrap_or("-")));
    if let Some(key) = &summary.key {
        line("key", &in_one_line(key));
    }
    line("webhook id", &in_one_line(summary.webhook_id.as_deref().unwrap_or("-")));
    if summary.origin != DeliveryOrigin::Webhook {
        line("origin", summary.origin.name());
    }
    line(
        "attempts",
        &match target.attempts(&summary.endpoint) {
            Some(max) => format!("{} of {max}", summary.attempts),
            None => summary.attempts.to_string(),
        },
    );
    line("received", &time(summary.received_at));
    let waits = is_paused && summary.state == State::Queued;
    if waits {
        let path = in_one_line(short(&summary.endpoint));
        line("next attempt", &format!("after `deliveries resume {path}`"));
    }
    let times = [
        ("next attempt", summary.run_at.filter(|_| !waits)),
        ("running since", summary.started_at),
        ("ended", summary.ended_at),
    ];
    for (name, at) in times {
        if let Some(at) = at {
            line(name, &time(at));
        }
    }
    if let Some(newer) = summary.superseded_by {
        line("superseded by", &newer.to_string());
    }
    if summary.merged > 0 {
        line("merged", &format!("{}, which this one replaced", counted(summary.merged.into())));
    }
    if let Some(note) = &summary.note {
        line("note", &in_one_line(note));
    }
    failed.iter().for_each(|attempt| text.push_str(&describe_attempt(attempt)));
    text.push_str("\npayload:\n");
    text
}

/// Formats a failed attempt. Each line of its error is indented, so that it cannot be mistaken for other output.
fn describe_attempt(attempt: &FailedAttempt) -> String {
    let took = attempt.ended_at.duration_since(attempt.started_at).unwrap_or_default();
    let (number, started) = (attempt.attempt, time(attempt.started_at));
    let took = humantime::format_duration(took);
    let mut text = format!("\nattempt {number}, started {started}, failed after {took}:\n");
    for line in escaped(&attempt.error).lines() {
        let _ = writeln!(text, "    {}", in_one_line(line));
    }
    text
}

fn time(time: SystemTime) -> String {
    humantime::format_rfc3339_millis(time).to_string()
}
