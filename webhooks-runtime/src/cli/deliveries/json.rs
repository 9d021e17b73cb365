//! Formats deliveries as JSON, for scripts. Field names never change.

use std::borrow::Cow;
use std::io;
use std::time::SystemTime;

use serde::{Serialize, Serializer};
use serde_json::Deserializer;
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::jobs::{DeliveryDetail, DeliverySummary, FailedAttempt};
use crate::server::StoreTarget;

/// A delivery in the output of `deliveries --json`.
#[derive(Serialize)]
struct DeliveryJson<'a> {
    #[serde(serialize_with = "id")]
    id: Uuid,
    state: &'static str,
    /// Whether it is still running after its timeout.
    timed_out: bool,
    /// Whether its replica is to stop the attempt.
    cancel_requested: bool,
    endpoint: &'a str,
    event: Option<&'a str>,
    repo: Option<&'a str>,
    webhook_id: Option<&'a str>,
    origin: &'static str,
    attempts: u32,
    /// `null` when the program no longer has this endpoint.
    max_attempts: Option<u32>,
    received_at: String,
    next_attempt_at: Option<String>,
    started_at: Option<String>,
    ended_at: Option<String>,
    error: Option<&'a str>,
    /// Of the last attempt.
    note: Option<&'a str>,
    key: Option<&'a str>,
    /// The newer delivery that replaced it.
    superseded_by: Option<String>,
    /// How many older deliveries it replaced, and carries the changes of.
    merged: u32,
}

/// A delivery in the output of `deliveries show --json`.
#[derive(Serialize)]
struct DetailJson<'a> {
    #[serde(flatten)]
    row: DeliveryJson<'a>,
    failed_attempts: Vec<AttemptJson<'a>>,
    payload: PayloadJson<'a>,
}

#[derive(Serialize)]
struct AttemptJson<'a> {
    attempt: u32,
    started_at: String,
    ended_at: String,
    error: &'a str,
}

/// A payload: JSON with its keys in their order, or else text.
#[derive(Serialize)]
#[serde(untagged)]
enum PayloadJson<'a> {
    Json(Box<RawValue>),
    Text(Cow<'a, str>),
}

pub(super) fn list(deliveries: &[DeliverySummary], target: &StoreTarget) -> io::Result<String> {
    let rows: Vec<_> =
        deliveries.iter().map(|delivery| DeliveryJson::new(delivery, target)).collect();
    Ok(serde_json::to_string_pretty(&rows)? + "\n")
}

pub(super) fn show(detail: &DeliveryDetail, target: &StoreTarget) -> io::Result<String> {
    let detail = DetailJson {
        row: DeliveryJson::new(&detail.summary, target),
        failed_attempts: detail.failed.iter().map(AttemptJson::new).collect(),
        payload: PayloadJson::of(&detail.body),
    };
    Ok(serde_json::to_string(&detail)?)
}

impl<'a> DeliveryJson<'a> {
    fn new(summary: &'a DeliverySummary, target: &StoreTarget) -> Self {
        Self {
            id: summary.id,
            state: summary.state.name(),
            timed_out: summary.is_overdue(target.timeout(&summary.endpoint)),
            cancel_requested: summary.cancel_requested,
            endpoint: &summary.endpoint,
            event: summary.event.as_deref(),
            repo: summary.repo.as_deref(),
            webhook_id: summary.webhook_id.as_deref(),
            origin: summary.origin.name(),
            attempts: summary.attempts,
            max_attempts: target.attempts(&summary.endpoint),
            received_at: time(summary.received_at),
            next_attempt_at: summary.run_at.map(time),
            started_at: summary.started_at.map(time),
            ended_at: summary.ended_at.map(time),
            error: summary.error.as_deref(),
            note: summary.note.as_deref(),
            key: summary.key.as_deref(),
            superseded_by: summary.superseded_by.map(|newer| newer.to_string()),
            merged: summary.merged,
        }
    }
}

impl<'a> AttemptJson<'a> {
    fn new(failed: &'a FailedAttempt) -> Self {
        Self {
            attempt: failed.attempt,
            started_at: time(failed.started_at),
            ended_at: time(failed.ended_at),
            error: &failed.error,
        }
    }
}

impl<'a> PayloadJson<'a> {
    fn of(body: &'a [u8]) -> Self {
        match compact(body) {
            Ok(json) => Self::Json(json),
            // Some JSON is valid and cannot be read nevertheless: nested too deeply, or with a number that is too large.
            Err(_) => Self::Text(String::from_utf8_lossy(body)),
        }
    }
}

/// Writes JSON anew, without its white space.
fn compact(body: &[u8]) -> serde_json::Result<Box<RawValue>> {
    let mut json = Deserializer::from_slice(body);
    let mut text = Vec::new();
    serde_transcode::transcode(&mut json, &mut serde_json::Serializer::new(&mut text))?;
    json.end()?;
    RawValue::from_string(String::from_utf8_lossy(&text).into_owned())
}

fn id<S: Serializer>(id: &Uuid, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(id)
}

fn time(time: SystemTime) -> String {
    humantime::format_rfc3339_millis(time).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_is_json_in_its_order_or_else_text() {
        let deep = "[".repeat(200) + &"]".repeat(200);
        for (body, expected) in [
            ("{\"b\": 1,\n\"a\": [ ]}", "{\"b\":1,\"a\":[]}"),
            ("no JSON", "\"no JSON\""),
            ("1e999", "\"1e999\""),
            (&deep, &format!("{deep:?}")),
        ] {
            let payload = PayloadJson::of(body.as_bytes());
            assert_eq!(serde_json::to_string(&payload).unwrap(), expected);
        }
    }
}
