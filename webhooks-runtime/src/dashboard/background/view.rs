//! Renders the background deliveries: a row for each, which opens.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use maud::{Markup, html};

use super::super::activity::excerpt;
use super::super::pieces::{block, date_and_time, duration, name, time};
use crate::activity::{Excerpt, MAX_TEXT};
use crate::jobs::{DeliverySummary, FailedAttempt, State};

/// The background deliveries that the page shows.
#[derive(Debug)]
pub(in crate::dashboard) struct BackgroundDeliveries {
    /// In the order in which they are shown; `None` when the store does not respond.
    pub(in crate::dashboard) deliveries: Option<Vec<BackgroundDelivery>>,
}

/// A background delivery, with the policy of its endpoint.
#[derive(Clone, Debug)]
pub(in crate::dashboard) struct BackgroundDelivery {
    pub(in crate::dashboard) summary: DeliverySummary,
    /// The largest number of attempts; `None` when the program no longer has the endpoint.
    pub(in crate::dashboard) max_attempts: Option<u32>,
    /// How long an attempt may take; `None` when the program no longer has the endpoint.
    pub(in crate::dashboard) timeout: Option<Duration>,
}

/// What an opened delivery shows besides its row.
#[derive(Clone, Copy, Debug)]
pub(in crate::dashboard) struct DeliveryContent<'a> {
    pub(in crate::dashboard) failed: &'a [FailedAttempt],
    /// The note of the last attempt.
    pub(in crate::dashboard) note: Option<&'a str>,
    pub(in crate::dashboard) body: &'a [u8],
}

/// Renders the list.
pub(in crate::dashboard) fn background(background: &BackgroundDeliveries) -> Markup {
    html! {
        h3 id="background-heading" { "Background" }
        div id="background" { (rows(background)) }
    }
}

/// Renders the rows, which are sent again when they change.
pub(in crate::dashboard) fn rows(background: &BackgroundDeliveries) -> Markup {
    html! {
        @match background.deliveries.as_deref() {
            None => p.quiet { "The store of background deliveries does not respond." },
            Some([]) => p.quiet { "No background deliveries yet." },
            Some(deliveries) => ol.deliveries.background aria-labelledby="background-heading" {
                @for delivery in deliveries { (row(delivery)) }
            },
        }
    }
}

fn row(delivery: &BackgroundDelivery) -> Markup {
    let summary = &delivery.summary;
    html! {
        li data-id=(summary.id) data-state=(summary.state) data-version=(version(delivery)) {
            details {
                summary {
                    (state(delivery))
                    (time(summary.received_at))
                    span.name { (name(&summary.endpoint)) }
                    span.attempts { @match attempts(delivery) {
                        Some(attempts) => { "attempt " (attempts) },
                        None => "no attempt yet",
                    } }
                    bdi.event { @if let Some(event) = &summary.event { (event) } }
                    bdi.repo { @if let Some(repo) = &summary.repo { (repo) } }
                    @if let Some(at) = next_attempt(summary) { span.next { "next at " (time(at)) } }
                    @if let Some(error) = last_error(summary) { bdi.error { (error) } }
                    bdi.id { (summary.id) }
                }
                div.detail { a href={ "deliveries/" (summary.id) } { "Open the delivery" } }
            }
        }
    }
}

/// Returns a text that differs after each change of state, so that the page reloads an open row. A delivery that
/// was run again and is dead again can have the same row as before, but its detail shows one more attempt.
fn version(delivery: &BackgroundDelivery) -> String {
    let summary = &delivery.summary;
    let at =
        summary.ended_at.or(summary.started_at).or(summary.run_at).unwrap_or(summary.received_at);
    let at = at.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    format!("{}-{at}", summary.state_label(delivery.timeout))
}

/// Returns the time of the next retry.
fn next_attempt(summary: &DeliverySummary) -> Option<SystemTime> {
    summary.run_at.filter(|_| summary.attempts > 0)
}

/// Returns the error of the last attempt, unless a later one succeeded.
fn last_error(summary: &DeliverySummary) -> Option<&str> {
    summary.error.as_deref().filter(|_| summary.state != State::Done)
}

/// Renders a delivery in full, inside its row.
pub(in crate::dashboard) fn detail(
    delivery: &BackgroundDelivery,
    content: DeliveryContent<'_>,
) -> Markup {
    in_full(delivery, content, "", |heading| html! { h4 { (heading) } })
}

/// Renders a delivery in full, on its own page.
pub(in crate::dashboard) fn delivery(
    delivery: &BackgroundDelivery,
    content: DeliveryContent<'_>,
) -> Markup {
    html! {
        h1 { "Background delivery" }
        (in_full(delivery, content, "../", |heading| html! { h2 { (heading) } }))
    }
}

fn in_full(
    delivery: &BackgroundDelivery,
    DeliveryContent { failed, note, body }: DeliveryContent<'_>,
    root: &str,
    heading: impl Fn(&str) -> Markup,
) -> Markup {
    let summary = &delivery.summary;
    let times = [
        ("Next attempt", summary.run_at),
        ("Running since", summary.started_at),
        ("Ended", summary.ended_at),
    ];
    let text = Excerpt { bytes: &body[..body.len().min(MAX_TEXT)], total_bytes: body.len() };
    html! {
        dl.facts {
            div { dt { "State" } dd { (state(delivery)) } }
            div { dt { "Endpoint" } dd { code { (summary.endpoint) } } }
            @for (name, text) in [("Event", &summary.event), ("Repo", &summary.repo)] {
                @if let Some(text) = text { div { dt { (name) } dd { bdi { (text) } } } }
            }
            div { dt { "Delivery" } dd { code { (summary.id) } } }
            div { dt { "Webhook-Id" } dd { @match &summary.webhook_id {
                Some(id) => bdi { code { (id) } },
                None => "none",
            } } }
            div { dt { "Attempts" } dd { (attempts(delivery).as_deref().unwrap_or("none yet")) } }
            div { dt { "Received" } dd { (date_and_time(summary.received_at)) } }
            @for (name, at) in times {
                @if let Some(at) = at { div { dt { (name) } dd { (date_and_time(at)) } } }
            }
            @if let Some(note) = note { div { dt { "Note" } dd { bdi { (note) } } } }
        }
        @if summary.state == State::Dead {
            form.again method="post" action={ (root) "deliveries/" (summary.id) "/retry" } {
                button { "Run again" }
            }
        }
        @if !failed.is_empty() {
            (heading("Failed attempts"))
            ol.failures {
                @for attempt in failed { li { (failed_attempt(summary, attempt)) } }
            }
        }
        (heading("Payload"))
        (excerpt(&format!("The payload of {}", summary.id), text))
    }
}

fn failed_attempt(summary: &DeliverySummary, failed: &FailedAttempt) -> Markup {
    let took = failed.ended_at.duration_since(failed.started_at).unwrap_or_default();
    html! {
        p {
            "Attempt " (failed.attempt) ", started " (date_and_time(failed.started_at))
            ", failed after " (duration(took))
        }
        (block(&format!("The error of attempt {} of {}", failed.attempt, summary.id), &failed.error))
    }
}

fn state(delivery: &BackgroundDelivery) -> Markup {
    let summary = &delivery.summary;
    html! { strong.status.(summary.state.name()) { (summary.state_label(delivery.timeout)) } }
}

/// Returns the number of started attempts and the largest number; `None` before the first attempt.
fn attempts(delivery: &BackgroundDelivery) -> Option<String> {
    let started = delivery.summary.attempts;
    let text = match delivery.max_attempts {
        Some(max) => format!("{started} of {max}"),
        None => started.to_string(),
    };
    (started > 0).then_some(text)
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::jobs::DeliveryOrigin;

    fn summary(state: State) -> DeliverySummary {
        DeliverySummary {
            id: Uuid::nil(),
            endpoint: "/webhooks/train".to_owned(),
            webhook_id: None,
            event: None,
            repo: None,
            state,
            attempts: 1,
            received_at: UNIX_EPOCH,
            run_at: None,
            started_at: None,
            ended_at: None,
            error: Some("no such dataset".to_owned()),
            note: None,
            key: None,
            superseded_by: None,
            merged: 0,
            origin: DeliveryOrigin::Webhook,
        }
    }

    #[test]
    fn a_delivery_that_is_dead_again_has_a_new_row() {
        let dead_after = |seconds: u64| {
            let ended_at = Some(UNIX_EPOCH + Duration::from_secs(seconds));
            let summary = DeliverySummary { ended_at, ..summary(State::Dead) };
            row(&BackgroundDelivery { summary, max_attempts: Some(1), timeout: None }).into_string()
        };
        assert_eq!(dead_after(1), dead_after(1));
        assert_ne!(dead_after(1), dead_after(2));
    }

    #[test]
    fn a_delivery_past_its_timeout_is_marked_and_has_a_new_row() {
        let running = |since, timeout| {
            let summary = DeliverySummary { started_at: Some(since), ..summary(State::Running) };
            BackgroundDelivery { summary, max_attempts: Some(1), timeout }
        };
        let minute = Some(Duration::from_secs(60));
        let late = row(&running(UNIX_EPOCH, minute)).into_string();
        assert!(late.contains("timed out, still running"), "{late}");
        for delivery in [running(SystemTime::now(), minute), running(UNIX_EPOCH, None)] {
            assert!(!row(&delivery).into_string().contains("timed out"));
        }
        let delivery = running(UNIX_EPOCH, None);
        assert_ne!(
            version(&delivery),
            version(&BackgroundDelivery { timeout: minute, ..delivery.clone() })
        );
    }
}
