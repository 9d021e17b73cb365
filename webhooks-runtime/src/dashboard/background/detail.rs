//! Renders a background delivery in full. The page's script replaces the parts that changed.

use maud::{Markup, html};
use uuid::Uuid;

use super::super::pieces::{action, block, date_and_time, duration, excerpt};
use super::list::BackgroundDelivery;
use super::log;
use super::view::{attempts, state, style_sheet, version};
use crate::activity::{Excerpt, MAX_TEXT};
use crate::jobs::{AttemptLogLine, DeliveryOrigin, DeliverySummary, FailedAttempt, State};

/// What an opened delivery shows besides its row.
#[derive(Clone, Copy, Debug)]
pub(super) struct DeliveryContent<'a> {
    pub(super) failed: &'a [FailedAttempt],
    pub(super) body: &'a [u8],
    /// The last lines of its log; `None` when they could not be read.
    pub(super) log: Option<&'a [AttemptLogLine]>,
    /// Whether its endpoint is paused.
    pub(super) is_paused: bool,
}

/// Renders a delivery in full, inside its row.
pub(super) fn detail(delivery: &BackgroundDelivery, content: DeliveryContent<'_>) -> Markup {
    in_full(delivery, content, "", |heading| html! { h4 { (heading) } })
}

/// Renders a delivery in full, on its own page.
pub(super) fn delivery(delivery: &BackgroundDelivery, content: DeliveryContent<'_>) -> Markup {
    html! {
        (style_sheet("../"))
        h1 { "Background delivery" }
        article tabindex="-1" data-id=(delivery.summary.id) data-version=(page_version(delivery, content.is_paused)) {
            (in_full(delivery, content, "../", |heading| html! { h2 { (heading) } }))
        }
        p.hidden id="announcement" role="status" {}
    }
}

/// Returns a text that differs after each change of what the page of a delivery shows, so that the page is updated.
pub(super) fn page_version(delivery: &BackgroundDelivery, is_paused: bool) -> String {
    let waits = is_paused && delivery.summary.state == State::Queued;
    version(delivery) + if waits { "-paused" } else { "" }
}

fn in_full(
    delivery: &BackgroundDelivery,
    content: DeliveryContent<'_>,
    root: &str,
    heading: impl Fn(&str) -> Markup,
) -> Markup {
    let DeliveryContent { failed, body, log, is_paused } = content;
    let summary = &delivery.summary;
    let text = Excerpt { bytes: &body[..body.len().min(MAX_TEXT)], total_bytes: body.len() };
    html! {
        div data-part="facts" { (facts(delivery, is_paused, root)) }
        div data-part="actions" { (actions(delivery, root)) }
        div data-part="log" {
            (heading("Log"))
            @match log {
                Some(lines) => (log::log(summary.id, lines, summary.state.is_final())),
                None => (log::unread()),
            }
        }
        div data-part="failures" {
            @if !failed.is_empty() {
                (heading("Failed attempts"))
                ol.failures {
                    @for attempt in failed { li { (failed_attempt(summary, attempt)) } }
                }
            }
        }
        div data-part="payload" {
            (heading("Payload"))
            (excerpt(&format!("The payload of {}", summary.id), text))
        }
    }
}

fn facts(delivery: &BackgroundDelivery, is_paused: bool, root: &str) -> Markup {
    let summary = &delivery.summary;
    let texts = [("Event", &summary.event), ("Repo", &summary.repo), ("Key", &summary.key)];
    let waits = is_paused && summary.state == State::Queued;
    let times = [
        ("Next attempt", summary.run_at.filter(|_| !waits)),
        ("Running since", summary.started_at),
        ("Ended", summary.ended_at),
    ];
    html! {
        dl.facts {
            div { dt { "State" } dd {
                (state(delivery))
                @if waits { " " span.tag { "endpoint paused" } }
            } }
            @if let Some(newer) = summary.superseded_by {
                div { dt { "Superseded by" } dd { a href={ (root) "deliveries/" (newer) } { code { (newer) } } } }
            }
            div { dt { "Endpoint" } dd { code { (summary.endpoint) } } }
            @for (name, text) in texts {
                @if let Some(text) = text { div { dt { (name) } dd { bdi { (text) } } } }
            }
            div { dt { "Delivery" } dd { code { (summary.id) } } }
            div { dt { "Webhook-Id" } dd { @match &summary.webhook_id {
                Some(id) => bdi { code { (id) } },
                None => "none",
            } } }
            @if let Some(origin) = origin(summary.origin) { div { dt { "Origin" } dd { (origin) } } }
            @if summary.merged > 0 {
                div { dt { "Carries" } dd { "the changes of " (older_deliveries(summary.merged)) } }
            }
            div { dt { "Attempts" } dd { (attempts(delivery).as_deref().unwrap_or("none yet")) } }
            div { dt { "Received" } dd { (date_and_time(summary.received_at)) } }
            @if waits { div { dt { "Next attempt" } dd { "after its endpoint is resumed" } } }
            @for (name, at) in times {
                @if let Some(at) = at { div { dt { (name) } dd { (date_and_time(at)) } } }
            }
            @if let Some(note) = &summary.note { div { dt { "Note" } dd { bdi { (note) } } } }
        }
    }
}

/// Returns where a delivery comes from, unless a webhook sent it.
fn origin(origin: DeliveryOrigin) -> Option<&'static str> {
    match origin {
        DeliveryOrigin::Webhook => None,
        DeliveryOrigin::Reconcile => {
            Some("reconcile: no webhook arrived for this change of the repo")
        }
        DeliveryOrigin::Enqueued => Some("enqueued by the program"),
    }
}

fn older_deliveries(count: u32) -> String {
    format!("{count} older {}", if count == 1 { "delivery" } else { "deliveries" })
}

/// Renders the buttons that change a delivery.
fn actions(delivery: &BackgroundDelivery, root: &str) -> Markup {
    let BackgroundDelivery { summary, is_stoppable, .. } = delivery;
    let id = summary.id;
    let url = |action: &str| format!("{root}deliveries/{id}/{action}");
    html! {
        @match summary.state {
            State::Running if summary.cancel_requested => (stopping(&url("cancel"), id)),
            State::Running if !is_stoppable => p.quiet { (CANNOT_BE_STOPPED) },
            State::Queued | State::Running => {
                (action(&url("cancel"), "cancel", "Cancel", &format!("Cancel the delivery {id}")))
            },
            // It runs once, even if two viewers run it again.
            State::Dead => (again(&url("retry"), id)),
            _ => (again(&url("rerun"), id)),
        }
    }
}

/// Renders the button of a running delivery that is to be stopped, which has no further effect. It is replaced at the end
/// of the attempt.
fn stopping(url: &str, id: Uuid) -> Markup {
    html! {
        form.act.cancel method="post" action=(url) {
            button aria-disabled="true" aria-label={ "Stopping … the delivery " (id) } { "Stopping …" }
        }
    }
}

fn again(url: &str, id: Uuid) -> Markup {
    action(url, "again", "Run again", &format!("Run again the delivery {id}"))
}

/// Why a running delivery has no button that cancels it.
pub(super) const CANNOT_BE_STOPPED: &str = "It cannot be cancelled while it runs: its function is not async, so nothing can stop it before it ends.";

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

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::super::view::tests::{delivery, summary};
    use super::*;

    fn rendered(summary: DeliverySummary, is_paused: bool) -> String {
        let content = DeliveryContent { failed: &[], body: b"{}", log: Some(&[]), is_paused };
        detail(&delivery(summary, None), content).into_string()
    }

    #[test]
    fn a_delivery_that_is_being_stopped_says_so_instead_of_offering_it() {
        let running = rendered(summary(State::Running), false);
        assert!(running.contains(">Cancel<") && !running.contains("topping"), "{running}");
        let stopping = DeliverySummary { cancel_requested: true, ..summary(State::Running) };
        let stopping = rendered(stopping, false);
        assert!(stopping.contains(">stopping<") && stopping.contains(">Stopping …<"), "{stopping}");
        assert!(!stopping.contains(">Cancel<"), "{stopping}");
    }

    #[test]
    fn the_next_attempt_of_a_paused_endpoint_is_after_the_pause() {
        let queued = DeliverySummary { run_at: Some(UNIX_EPOCH), ..summary(State::Queued) };
        assert!(rendered(queued.clone(), false).contains("1970"));
        let paused = rendered(queued, true);
        let next = "<dt>Next attempt</dt><dd>after its endpoint is resumed</dd>";
        assert!(paused.contains(next), "{paused}");
        assert_eq!(paused.matches("Next attempt").count(), 1, "{paused}");
        // What runs goes on.
        let running = DeliverySummary { started_at: Some(UNIX_EPOCH), ..summary(State::Running) };
        assert!(!rendered(running, true).contains("Next attempt"));
    }
}
