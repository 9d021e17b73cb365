//! Renders the background deliveries: a row for each, which opens.

use std::time::{SystemTime, UNIX_EPOCH};

use maud::{Markup, html};

use super::super::files::folder;
use super::super::pieces::{name, time};
use super::list::{BackgroundDeliveries, BackgroundDelivery};
use super::pause::{PausedEndpoints, notices};
use crate::jobs::{DeliverySummary, State};

/// Renders the list.
pub(in crate::dashboard) fn background(background: &BackgroundDeliveries) -> Markup {
    html! {
        (style_sheet("./"))
        h3 id="background-heading" { "Background" }
        div id="background" tabindex="-1" { (rows(background)) }
    }
}

/// Renders the link to the style sheet, on pages with background deliveries only.
pub(super) fn style_sheet(root: &str) -> Markup {
    html! { link rel="stylesheet" href={ (root) (folder()) "/background.css" }; }
}

/// Renders the rows, which are sent again when they change.
pub(in crate::dashboard) fn rows(background: &BackgroundDeliveries) -> Markup {
    let BackgroundDeliveries { deliveries, paused } = background;
    html! {
        (notices(paused))
        @match deliveries.as_deref() {
            None => p.quiet { "The store of background deliveries does not respond." },
            Some([]) => p.quiet { "No background deliveries yet." },
            Some(deliveries) => ol.deliveries.background aria-labelledby="background-heading" {
                @for delivery in deliveries { (row(delivery, paused)) }
            },
        }
    }
}

fn row(delivery: &BackgroundDelivery, paused: &PausedEndpoints) -> Markup {
    let summary = &delivery.summary;
    let waits = summary.state == State::Queued && paused.since(&summary.endpoint).is_some();
    html! {
        li data-id=(summary.id) data-state=(summary.state) data-version=(version(delivery)) {
            details {
                summary {
                    (state(delivery))
                    (time(summary.received_at))
                    span.name {
                        (name(&summary.endpoint))
                        @if waits { " " span.tag { "paused" } }
                    }
                    span.attempts {
                        @match attempts(delivery) {
                            Some(attempts) => { "attempt " (attempts) },
                            None => "no attempt yet",
                        }
                        @if summary.merged > 0 { ", carries " (summary.merged) " older" }
                    }
                    bdi.event { @if let Some(event) = &summary.event { (event) } }
                    bdi.repo { @if let Some(repo) = &summary.repo { (repo) } }
                    @if let Some(at) = next_attempt(summary).filter(|_| !waits) {
                        span.next { "next at " (time(at)) }
                    }
                    @if let Some(error) = last_error(summary) { bdi.error { (error) } }
                    @if let Some(note) = last_note(summary) { bdi.note { (note) } }
                    bdi.id { (summary.id) }
                }
                div.detail { a href={ "deliveries/" (summary.id) } { "Open the delivery" } }
            }
        }
    }
}

/// Returns a text that differs after each change of state, so that the page reloads an open row. A delivery that
/// was run again and is dead again can have the same row as before, but its detail shows one more attempt.
pub(super) fn version(delivery: &BackgroundDelivery) -> String {
    let summary = &delivery.summary;
    let at =
        summary.ended_at.or(summary.started_at).or(summary.run_at).unwrap_or(summary.received_at);
    let at = at.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    format!("{}-{at}", summary.state_label(delivery.timeout))
}

/// Returns the time of the next attempt, if it does not start as soon as there is a free slot: of a retry, or of a
/// delivery that waits for newer ones of its key.
fn next_attempt(summary: &DeliverySummary) -> Option<SystemTime> {
    summary.run_at.filter(|at| summary.attempts > 0 || *at > SystemTime::now())
}

/// Returns the error of the last attempt, unless a later one succeeded.
fn last_error(summary: &DeliverySummary) -> Option<&str> {
    summary.error.as_deref().filter(|_| summary.state != State::Done)
}

/// Returns the note of the last attempt, unless it says no more than the state.
fn last_note(summary: &DeliverySummary) -> Option<&str> {
    summary.note.as_deref().filter(|note| *note != summary.state.name())
}

pub(super) fn state(delivery: &BackgroundDelivery) -> Markup {
    let summary = &delivery.summary;
    html! { strong.status.(summary.state.name()) { (summary.state_label(delivery.timeout)) } }
}

/// Returns the number of started attempts and the largest number; `None` before the first attempt.
pub(super) fn attempts(delivery: &BackgroundDelivery) -> Option<String> {
    let started = delivery.summary.attempts;
    let text = match delivery.max_attempts {
        Some(max) => format!("{started} of {max}"),
        None => started.to_string(),
    };
    (started > 0).then_some(text)
}

#[cfg(test)]
pub(super) mod tests {
    use std::time::Duration;

    use uuid::Uuid;

    use super::*;
    use crate::jobs::DeliveryOrigin;

    pub(in crate::dashboard::background) fn summary(state: State) -> DeliverySummary {
        DeliverySummary {
            id: Uuid::nil(),
            endpoint: "/webhooks/train".to_owned(),
            webhook_id: None,
            event: None,
            repo: None,
            state,
            cancel_requested: false,
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

    pub(in crate::dashboard::background) fn delivery(
        summary: DeliverySummary,
        timeout: Option<Duration>,
    ) -> BackgroundDelivery {
        BackgroundDelivery { summary, max_attempts: Some(1), timeout, is_stoppable: true }
    }

    fn rendered(delivery: &BackgroundDelivery) -> String {
        row(delivery, &PausedEndpoints::default()).into_string()
    }

    #[test]
    fn a_delivery_that_is_dead_again_has_a_new_row() {
        let dead_after = |seconds: u64| {
            let ended_at = Some(UNIX_EPOCH + Duration::from_secs(seconds));
            let summary = DeliverySummary { ended_at, ..summary(State::Dead) };
            rendered(&delivery(summary, None))
        };
        assert_eq!(dead_after(1), dead_after(1));
        assert_ne!(dead_after(1), dead_after(2));
    }

    #[test]
    fn a_delivery_past_its_timeout_is_marked_and_has_a_new_row() {
        let running = |since, timeout| {
            let summary = DeliverySummary { started_at: Some(since), ..summary(State::Running) };
            delivery(summary, timeout)
        };
        let minute = Some(Duration::from_secs(60));
        let late = rendered(&running(UNIX_EPOCH, minute));
        assert!(late.contains("timed out, still running"), "{late}");
        for delivery in [running(SystemTime::now(), minute), running(UNIX_EPOCH, None)] {
            assert!(!rendered(&delivery).contains("timed out"));
        }
        let delivery = running(UNIX_EPOCH, None);
        assert_ne!(
            version(&delivery),
            version(&BackgroundDelivery { timeout: minute, ..delivery.clone() })
        );
    }

    #[test]
    fn a_delivery_that_is_being_stopped_is_marked_and_has_a_new_row() {
        let running = DeliverySummary { started_at: Some(UNIX_EPOCH), ..summary(State::Running) };
        let stopping = DeliverySummary { cancel_requested: true, ..running.clone() };
        let minute = Some(Duration::from_secs(60));
        let [running, stopping] = [running, stopping].map(|summary| delivery(summary, minute));
        assert!(rendered(&stopping).contains(">stopping<"), "{}", rendered(&stopping));
        assert_ne!(version(&running), version(&stopping));
    }

    #[test]
    fn a_retry_that_waits_for_the_end_of_a_pause_has_no_time() {
        let run_at = Some(SystemTime::now() - Duration::from_secs(60));
        let retry = delivery(DeliverySummary { run_at, ..summary(State::Queued) }, None);
        assert!(rendered(&retry).contains("next at "));
        let paused = PausedEndpoints::of("/webhooks/train");
        let row = row(&retry, &paused).into_string();
        assert!(row.contains("paused") && !row.contains("next at "), "{row}");
    }

    #[test]
    fn a_delivery_that_waits_for_quiet_says_until_when() {
        let queued = |run_at| {
            let summary = DeliverySummary {
                attempts: 0,
                run_at: Some(run_at),
                error: None,
                ..summary(State::Queued)
            };
            rendered(&delivery(summary, None))
        };
        assert!(queued(SystemTime::now() + Duration::from_secs(300)).contains("next at "));
        assert!(!queued(SystemTime::now() - Duration::from_secs(1)).contains("next at "));
    }
}
