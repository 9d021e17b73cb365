//! Deliveries for scripts. The names stay.

use std::borrow::Cow;
use std::io;
use std::time::SystemTime;

use serde::de::IgnoredAny;
use serde::{Serialize, Serializer};
use serde_json::Deserializer;
use serde_transcode::Transcoder;
use uuid::Uuid;

use crate::jobs::{DeliveryDetail, DeliverySummary, FailedAttempt};
use crate::server::StoreTarget;

/// A delivery in the output of `deliveries --json`.
#[derive(Serialize)]
struct Row<'a> {
    #[serde(serialize_with = "id")]
    id: Uuid,
    state: &'static str,
    /// Whether it is past its timeout and still runs.
    timed_out: bool,
    endpoint: &'a str,
    event: Option<&'a str>,
    repo: Option<&'a str>,
    webhook_id: Option<&'a str>,
    attempts: u32,
    /// `null` when the program has no such endpoint any more.
    max_attempts: Option<u32>,
    received_at: String,
    next_attempt_at: Option<String>,
    started_at: Option<String>,
    ended_at: Option<String>,
    error: Option<&'a str>,
}

/// A delivery in the output of `deliveries show --json`.
#[derive(Serialize)]
struct Shown<'a> {
    #[serde(flatten)]
    row: Row<'a>,
    failed_attempts: Vec<Attempt<'a>>,
    payload: Payload<'a>,
}

#[derive(Serialize)]
struct Attempt<'a> {
    attempt: u32,
    started_at: String,
    ended_at: String,
    error: &'a str,
}

/// A payload as the JSON that it is, with its keys in their order, or else as text.
enum Payload<'a> {
    Json(&'a [u8]),
    Text(Cow<'a, str>),
}

pub(super) fn list(listed: &[DeliverySummary], target: &StoreTarget) -> io::Result<String> {
    let rows: Vec<_> = listed.iter().map(|listed| Row::new(listed, target)).collect();
    Ok(serde_json::to_string_pretty(&rows)? + "\n")
}

pub(super) fn show(detail: &DeliveryDetail, target: &StoreTarget) -> io::Result<String> {
    let shown = Shown {
        row: Row::new(&detail.summary, target),
        failed_attempts: detail.failed.iter().map(Attempt::new).collect(),
        payload: Payload::of(&detail.body),
    };
    Ok(serde_json::to_string(&shown)?)
}

impl<'a> Row<'a> {
    fn new(listed: &'a DeliverySummary, target: &StoreTarget) -> Self {
        Self {
            id: listed.id,
            state: listed.state.name(),
            timed_out: listed.is_overdue(target.timeout(&listed.endpoint)),
            endpoint: &listed.endpoint,
            event: listed.event.as_deref(),
            repo: listed.repo.as_deref(),
            webhook_id: listed.webhook_id.as_deref(),
            attempts: listed.attempts,
            max_attempts: target.attempts(&listed.endpoint),
            received_at: time(listed.received_at),
            next_attempt_at: listed.run_at.map(time),
            started_at: listed.started_at.map(time),
            ended_at: listed.ended_at.map(time),
            error: listed.error.as_deref(),
        }
    }
}

impl<'a> Attempt<'a> {
    fn new(failed: &'a FailedAttempt) -> Self {
        Self {
            attempt: failed.attempt,
            started_at: time(failed.started_at),
            ended_at: time(failed.ended_at),
            error: &failed.error,
        }
    }
}

impl<'a> Payload<'a> {
    fn of(body: &'a [u8]) -> Self {
        match serde_json::from_slice::<IgnoredAny>(body) {
            Ok(_) => Self::Json(body),
            Err(_) => Self::Text(String::from_utf8_lossy(body)),
        }
    }
}

impl Serialize for Payload<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Json(json) => {
                Transcoder::new(&mut Deserializer::from_slice(json)).serialize(serializer)
            }
            Self::Text(text) => text.serialize(serializer),
        }
    }
}

fn id<S: Serializer>(id: &Uuid, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(id)
}

fn time(time: SystemTime) -> String {
    humantime::format_rfc3339_millis(time).to_string()
}
