//! A delivery in full.

use std::error::Error;
use std::fmt::Write as _;
use std::process::ExitCode;
use std::time::SystemTime;

use super::id::IdPrefix;
use super::{failed, json, print};
use crate::cli::text::body;
use crate::jobs::{DeliveryDetail, FailedAttempt, Jobs};
use crate::server::StoreTarget;
use crate::text::{escaped, in_one_line};

pub(super) async fn show(
    jobs: &Jobs,
    target: &StoreTarget,
    id: &IdPrefix,
    as_json: bool,
) -> Result<ExitCode, Box<dyn Error>> {
    let found = id.find(jobs).await?;
    let Some(detail) = jobs.show(found).await.map_err(failed)? else {
        return Err(id.gone(jobs).into());
    };
    if as_json {
        print(&body(json::show(&detail, target)?.as_bytes(), false))?;
    } else {
        print(in_words(&detail, target).as_bytes())?;
        print(&body(&detail.body, true))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// All but the payload, which comes next.
fn in_words(
    DeliveryDetail { summary: listed, failed, .. }: &DeliveryDetail,
    target: &StoreTarget,
) -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: &str| {
        let _ = writeln!(text, "{name:12}  {value}");
    };
    line("delivery", &listed.id.to_string());
    line("state", listed.state_label(target.timeout(&listed.endpoint)));
    line("endpoint", &in_one_line(&listed.endpoint));
    line("event", &in_one_line(listed.event.as_deref().unwrap_or("-")));
    line("repo", &in_one_line(listed.repo.as_deref().unwrap_or("-")));
    line("webhook id", &in_one_line(listed.webhook_id.as_deref().unwrap_or("-")));
    line(
        "attempts",
        &match target.attempts(&listed.endpoint) {
            Some(most) => format!("{} of {most}", listed.attempts),
            None => listed.attempts.to_string(),
        },
    );
    line("received", &time(listed.received_at));
    let times = [
        ("next attempt", listed.run_at),
        ("running since", listed.started_at),
        ("ended", listed.ended_at),
    ];
    for (name, at) in times {
        if let Some(at) = at {
            line(name, &time(at));
        }
    }
    failed.iter().for_each(|attempt| text.push_str(&attempt_in_words(attempt)));
    text.push_str("\npayload:\n");
    text
}

/// Each line of an error stands further in, so that none can pass for something else.
fn attempt_in_words(attempt: &FailedAttempt) -> String {
    let took = attempt.ended_at.duration_since(attempt.started_at).unwrap_or_default();
    let (number, began) = (attempt.attempt, time(attempt.started_at));
    let took = humantime::format_duration(took);
    let mut text = format!("\nattempt {number}, begun {began}, failed after {took}:\n");
    for line in escaped(&attempt.error).lines() {
        let _ = writeln!(text, "    {}", in_one_line(line));
    }
    text
}

fn time(time: SystemTime) -> String {
    humantime::format_rfc3339_millis(time).to_string()
}
