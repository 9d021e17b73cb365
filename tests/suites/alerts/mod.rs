//! Alerts: what is posted to a URL, and the functions that are called for dead deliveries.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on")]

mod dead;
mod on_dead;
mod receiver;
mod setup;
mod sources;

use std::collections::BTreeSet;

use serde_json::Value;
use tests::background::{Place, id_of};
use tests::client::request;
use tests::payloads::{dataset_commit, with};
use tests::program::Program;
use tests::receiver::AlertReceiver;
use tests::repository::read;

/// The shortest time between two posts here, in milliseconds. Times that depend on it are shorter, too.
const INTERVAL: (&str, &str) = ("WEBHOOKS_TEST_ALERT_INTERVAL_MS", "200");

/// A part of payloads that no alert may have.
const SECRET: &str = "hush-hush";

/// A part of the URLs that nothing may show.
const TOKEN: &str = "T0ken-of-the-chat";

/// The URL that alerts are posted to, with a secret in it.
fn alert_url(receiver: &AlertReceiver) -> String {
    format!("{}/services/{TOKEN}?token={TOKEN}", receiver.url)
}

/// Starts the program with background functions, which posts its alerts to this receiver.
fn start(place: &Place, receiver: &AlertReceiver, more: &[(&str, &str)]) -> Program {
    let url = alert_url(receiver);
    place.start(&[&[("WEBHOOKS_ALERT_URL", &*url), INTERVAL], more].concat())
}

/// Posts a commit to a function, and returns its delivery's id.
fn commit(url: &str, function: &str) -> String {
    let payload = with(dataset_commit(), "/repo/id", SECRET.into());
    let payload = with(payload, "/repo/name", "me/data".into());
    post(url, function, &["Webhook-Id: w1"], &payload)
}

/// Lets a delivery end the process that runs it, and returns the delivery's id. The response may end with the process.
fn poison(place: &Place, program: Program) -> String {
    let payload = with(dataset_commit(), "/repo/name", "me/data".into()).to_string();
    let headers = ["Content-Type: application/json", "Webhook-Id: w1"];
    let _ = request(&program.local_url(), "POST /webhooks/poison", &headers, &payload);
    program.wait();
    place.kept().remove(0).id
}

fn post(url: &str, function: &str, headers: &[&str], payload: &Value) -> String {
    let headers = [&["Content-Type: application/json"], headers].concat();
    let first = format!("POST /webhooks/{function}");
    let response = request(url, &first, &headers, &payload.to_string()).unwrap();
    assert_eq!(response.status, 202, "{response:?}");
    id_of(&response)
}

/// Checks that the guide lists the fields of an alert.
fn assert_documented(alert: &Value) {
    let kind = format!("| `{}` |", alert["kind"].as_str().unwrap());
    let mut fields: BTreeSet<_> = alert.as_object().unwrap().keys().map(String::as_str).collect();
    fields.remove("kind");
    for page in ["docs/en/alerts.md", "docs/ko/alerts.md"] {
        let text = read(page);
        let row = text.lines().find(|line| line.starts_with(&kind));
        let row = row.unwrap_or_else(|| panic!("{page} lacks {kind}"));
        let listed = row.trim_end_matches(" |").rsplit(" | ").next().unwrap();
        let listed: BTreeSet<_> = listed.split('`').skip(1).step_by(2).collect();
        assert_eq!(listed, fields, "{page}: {kind}");
    }
}
