//! The deliveries that run in the background: a row for each, which opens.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use maud::{Markup, html};

use super::super::activity::excerpt;
use super::super::pieces::{block, date_and_time, duration, name, time};
use crate::activity::{Excerpt, MAX_TEXT};
use crate::jobs::{DeliverySummary, FailedAttempt, State};

/// The background deliveries that the page shows.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::dashboard) struct BackgroundDeliveries {
    /// In the order in which they are shown; `None` when the store doesn't answer.
    pub(in crate::dashboard) tasks: Option<Vec<Task>>,
}

/// A delivery that runs in the background.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::dashboard) struct Task {
    pub(in crate::dashboard) listed: DeliverySummary,
    /// How many attempts it has; `None` when the program has its endpoint no more.
    pub(in crate::dashboard) attempts: Option<u32>,
    /// How long an attempt may take.
    pub(in crate::dashboard) timeout: Option<Duration>,
}

pub(in crate::dashboard) fn background(background: &BackgroundDeliveries) -> Markup {
    html! {
        h3 id="background-heading" { "Background" }
        div id="background" { (rows(background)) }
    }
}

/// All that changes.
pub(in crate::dashboard) fn rows(background: &BackgroundDeliveries) -> Markup {
    html! {
        @match background.tasks.as_deref() {
            None => p.quiet { "The store of background deliveries doesn't answer." },
            Some([]) => p.quiet { "Nothing has been queued yet." },
            Some(tasks) => ol.deliveries.tasks aria-labelledby="background-heading" {
                @for task in tasks { (row(task)) }
            },
        }
    }
}

fn row(task: &Task) -> Markup {
    let listed = &task.listed;
    html! {
        li data-id=(listed.id) data-state=(listed.state) data-changed=(changed(task)) {
            details {
                summary {
                    (state(task))
                    (time(listed.received_at))
                    span.name { (name(&listed.endpoint)) }
                    span.attempts { @match attempts(task) {
                        Some(attempts) => { "attempt " (attempts) },
                        None => "not tried yet",
                    } }
                    bdi.event { @if let Some(event) = &listed.event { (event) } }
                    bdi.repo { @if let Some(repo) = &listed.repo { (repo) } }
                    @if let Some(at) = next_attempt(listed) { span.next { "next at " (time(at)) } }
                    @if let Some(error) = last_error(listed) { bdi.error { (error) } }
                    bdi.id { (listed.id) }
                }
                div.detail { a href={ "deliveries/" (listed.id) } { "Open the delivery" } }
            }
        }
    }
}

/// Another for each state that it comes into. One that was run again and is dead again can look as before, and
/// has one attempt more to show.
fn changed(task: &Task) -> String {
    let listed = &task.listed;
    let at = listed.ended_at.or(listed.started_at).or(listed.run_at).unwrap_or(listed.received_at);
    let at = at.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    format!("{}-{at}", listed.state_label(task.timeout))
}

/// When one is tried again that has failed.
fn next_attempt(listed: &DeliverySummary) -> Option<SystemTime> {
    listed.run_at.filter(|_| listed.attempts > 0)
}

/// Why the last attempt failed, unless it did no harm.
fn last_error(listed: &DeliverySummary) -> Option<&str> {
    listed.error.as_deref().filter(|_| listed.state != State::Done)
}

/// A delivery in full, in the list.
pub(in crate::dashboard) fn detail(task: &Task, failed: &[FailedAttempt], body: &[u8]) -> Markup {
    in_full(task, failed, body, "", |heading| html! { h4 { (heading) } })
}

/// The same on a page of its own.
pub(in crate::dashboard) fn delivery(task: &Task, failed: &[FailedAttempt], body: &[u8]) -> Markup {
    html! {
        h1 { "Background delivery" }
        (in_full(task, failed, body, "../", |heading| html! { h2 { (heading) } }))
    }
}

fn in_full(
    task: &Task,
    failed: &[FailedAttempt],
    body: &[u8],
    root: &str,
    heading: impl Fn(&str) -> Markup,
) -> Markup {
    let listed = &task.listed;
    let times = [
        ("Next attempt", listed.run_at),
        ("Running since", listed.started_at),
        ("Ended", listed.ended_at),
    ];
    let text = Excerpt { bytes: &body[..body.len().min(MAX_TEXT)], total_bytes: body.len() };
    html! {
        dl.facts {
            div { dt { "State" } dd { (state(task)) } }
            div { dt { "Endpoint" } dd { code { (listed.endpoint) } } }
            @for (name, text) in [("Event", &listed.event), ("Repo", &listed.repo)] {
                @if let Some(text) = text { div { dt { (name) } dd { bdi { (text) } } } }
            }
            div { dt { "Delivery" } dd { code { (listed.id) } } }
            div { dt { "Webhook-Id" } dd { @match &listed.webhook_id {
                Some(id) => bdi { code { (id) } },
                None => "none",
            } } }
            div { dt { "Attempts" } dd { (attempts(task).as_deref().unwrap_or("none yet")) } }
            div { dt { "Received" } dd { (date_and_time(listed.received_at)) } }
            @for (name, at) in times {
                @if let Some(at) = at { div { dt { (name) } dd { (date_and_time(at)) } } }
            }
        }
        @if listed.state == State::Dead {
            form.again method="post" action={ (root) "deliveries/" (listed.id) "/retry" } {
                button { "Run again" }
            }
        }
        @if !failed.is_empty() {
            (heading("Failed attempts"))
            ol.failures {
                @for attempt in failed { li { (failed_attempt(listed, attempt)) } }
            }
        }
        (heading("Payload"))
        (excerpt(&format!("The payload of {}", listed.id), text))
    }
}

fn failed_attempt(listed: &DeliverySummary, failed: &FailedAttempt) -> Markup {
    let took = failed.ended_at.duration_since(failed.started_at).unwrap_or_default();
    html! {
        p {
            "Attempt " (failed.attempt) ", begun " (date_and_time(failed.started_at))
            ", failed after " (duration(took))
        }
        (block(&format!("The error of attempt {} of {}", failed.attempt, listed.id), &failed.error))
    }
}

fn state(task: &Task) -> Markup {
    let listed = &task.listed;
    html! { strong.status.(listed.state.name()) { (listed.state_label(task.timeout)) } }
}

/// How many attempts have begun, of how many; `None` before the first.
fn attempts(task: &Task) -> Option<String> {
    let begun = task.listed.attempts;
    let text = match task.attempts {
        Some(most) => format!("{begun} of {most}"),
        None => begun.to_string(),
    };
    (begun > 0).then_some(text)
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn listed(state: State) -> DeliverySummary {
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
        }
    }

    #[test]
    fn one_that_is_dead_again_has_another_row() {
        let dead_after = |seconds: u64| {
            let ended_at = Some(UNIX_EPOCH + Duration::from_secs(seconds));
            let listed = DeliverySummary { ended_at, ..listed(State::Dead) };
            row(&Task { listed, attempts: Some(1), timeout: None }).into_string()
        };
        assert_eq!(dead_after(1), dead_after(1));
        assert_ne!(dead_after(1), dead_after(2));
    }

    #[test]
    fn one_that_is_past_its_timeout_is_marked_and_has_another_row() {
        let running = |since, timeout| {
            let listed = DeliverySummary { started_at: Some(since), ..listed(State::Running) };
            Task { listed, attempts: Some(1), timeout }
        };
        let minute = Some(Duration::from_secs(60));
        let late = row(&running(UNIX_EPOCH, minute)).into_string();
        assert!(late.contains("timed out, still running"), "{late}");
        for task in [running(SystemTime::now(), minute), running(UNIX_EPOCH, None)] {
            assert!(!row(&task).into_string().contains("timed out"));
        }
        let task = running(UNIX_EPOCH, None);
        assert_ne!(changed(&task), changed(&Task { timeout: minute, ..task.clone() }));
    }
}
