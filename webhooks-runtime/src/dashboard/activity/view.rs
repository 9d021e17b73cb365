//! Renders the recent deliveries: a row for each, which opens.

use std::sync::Arc;

use maud::{Markup, html};

use super::super::background::{BackgroundDeliveries, background};
use super::super::endpoints::EndpointSummary;
use super::super::pieces::{date_and_time, duration, excerpt, name, status, time};
use crate::activity::{Cursor, Entry, ResponseClass};

/// The number of rows in the page as it is loaded. A script or a link loads the others.
const INITIAL_ROWS: usize = 20;

/// The deliveries that an authorized viewer sees.
#[derive(Debug)]
pub(in crate::dashboard) struct RecentDeliveries {
    /// The newest first.
    pub(in crate::dashboard) entries: Vec<Arc<Entry>>,
    /// The cursor after them.
    pub(in crate::dashboard) cursor: Cursor,
    pub(in crate::dashboard) filter: ActivityFilter,
    /// The background deliveries, if the program has a background endpoint.
    pub(in crate::dashboard) background: Option<BackgroundDeliveries>,
}

/// Which deliveries to show.
#[derive(Clone, Debug, Default)]
pub(in crate::dashboard) struct ActivityFilter {
    /// The path of the endpoint; `None` for all endpoints.
    pub(in crate::dashboard) endpoint: Option<String>,
    pub(in crate::dashboard) outcome: OutcomeFilter,
    /// Whether to show every delivery, not only the newest.
    pub(in crate::dashboard) all: bool,
}

/// The outcomes to show.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::dashboard) enum OutcomeFilter {
    #[default]
    All,
    /// All but skipped deliveries.
    NotSkipped,
    Only(ResponseClass),
}

/// The value of [`OutcomeFilter::NotSkipped`] in the form.
const NOT_SKIPPED: &str = "not-skipped";

impl OutcomeFilter {
    /// Parses a value of the form. An unknown one shows all outcomes.
    pub(in crate::dashboard) fn parse(value: &str) -> Self {
        let class = ResponseClass::ALL.into_iter().find(|class| class.name() == value);
        match class {
            Some(class) => Self::Only(class),
            None if value == NOT_SKIPPED => Self::NotSkipped,
            None => Self::All,
        }
    }

    fn matches(self, class: ResponseClass) -> bool {
        match self {
            Self::All => true,
            Self::NotSkipped => class != ResponseClass::Skipped,
            Self::Only(only) => class == only,
        }
    }
}

impl ActivityFilter {
    /// Returns whether the filter is the default one.
    fn is_default(&self) -> bool {
        self.endpoint.is_none() && self.outcome == OutcomeFilter::All && !self.all
    }

    fn matches(&self, entry: &Entry) -> bool {
        self.endpoint.as_deref().is_none_or(|endpoint| *entry.endpoint == *endpoint)
            && self.outcome.matches(entry.response_class())
    }
}

/// Renders the block.
pub(in crate::dashboard) fn activity(
    deliveries: &RecentDeliveries,
    endpoints: &[EndpointSummary],
) -> Markup {
    let RecentDeliveries { entries, cursor, filter, background: in_background } = deliveries;
    let matching: Vec<_> = entries.iter().filter(|entry| filter.matches(entry)).cloned().collect();
    let shown = if filter.is_default() { matching.len().min(INITIAL_ROWS) } else { matching.len() };
    let is_complete = shown == entries.len();
    html! {
        section id="activity" aria-labelledby="activity-heading" data-live
            data-cursor=[is_complete.then(|| cursor.to_string())] {
            h2 id="activity-heading" {
                "Activity "
                span.live id="live" role="status" {}
            }
            @if let Some(deliveries) = in_background {
                (background(deliveries))
                h3 { "All deliveries" }
            }
            form.filter method="get" action="./#activity" {
                label {
                    span { "Endpoint" }
                    select name="endpoint" {
                        option value="" { "All" }
                        @for each in endpoints {
                            option value=(each.info.path)
                                selected[filter.endpoint.as_deref() == Some(&each.info.path)] {
                                (each.name())
                            }
                        }
                    }
                }
                label {
                    span { "Outcome" }
                    select name="outcome" {
                        option value="" { "All" }
                        option value=(NOT_SKIPPED) selected[filter.outcome == OutcomeFilter::NotSkipped] {
                            "all but skipped"
                        }
                        @for outcome in ResponseClass::ALL {
                            option selected[filter.outcome == OutcomeFilter::Only(outcome)] {
                                (outcome.name())
                            }
                        }
                    }
                }
                button.scriptless { "Filter" }
            }
            p.quiet id="none-yet" hidden[!entries.is_empty()] {
                "No deliveries yet. Send one with the form above, or change something in a repo that your webhook watches."
            }
            p.quiet id="no-match" hidden[entries.is_empty() || !matching.is_empty()] {
                "No delivery matches the filter."
            }
            ol.deliveries id="deliveries" { (rows(&matching[..shown])) }
            @if shown < matching.len() {
                p.scriptless { a href="./?all=true#activity" { "Show all " (matching.len()) } }
            }
            p.hidden id="announcement" role="status" {}
        }
    }
}

/// Renders a row for each delivery.
pub(in crate::dashboard) fn rows(entries: &[Arc<Entry>]) -> Markup {
    html! { @for entry in entries { (row(entry)) } }
}

fn row(entry: &Entry) -> Markup {
    let subject = entry.subject();
    html! {
        li data-number=(entry.number) data-endpoint=(entry.endpoint) data-outcome=(entry.response_class().name()) {
            details {
                summary {
                    span.status.(entry.response_class().name()) { (entry.status) }
                    (time(entry.received))
                    span.name { (name(&entry.endpoint)) }
                    bdi.event { @if let Some(subject) = &subject { (subject.event) } }
                    bdi.repo { @if let Some(subject) = &subject { (subject.repo) } }
                    span.took { (duration(entry.duration)) }
                    bdi.id { @if let Some(id) = entry.webhook_id() { (id) } }
                }
                div.detail { a href={ "activity/" (entry.number) } { "Open the delivery" } }
            }
        }
    }
}

/// Renders a delivery in full, inside its row.
pub(in crate::dashboard) fn detail(entry: &Entry) -> Markup {
    in_full(entry, "", |heading| html! { h3 { (heading) } })
}

/// Renders a delivery in full, on its own page.
pub(in crate::dashboard) fn delivery(entry: &Entry) -> Markup {
    html! {
        h1 { "Delivery " (entry.number) }
        (in_full(entry, "../", |heading| html! { h2 { (heading) } }))
    }
}

fn in_full(entry: &Entry, root: &str, heading: impl Fn(&str) -> Markup) -> Markup {
    html! {
        dl.facts {
            div { dt { "Received" } dd { (date_and_time(entry.received)) } }
            div { dt { "Endpoint" } dd { code { (entry.endpoint) } } }
            div { dt { "Webhook-Id" } dd { @match entry.webhook_id() {
                Some(id) => bdi { code { (id) } },
                None => "none",
            } } }
            div { dt { "Response" } dd { (status(entry.status)) " in " (duration(entry.duration)) } }
        }
        (heading("Payload"))
        @match entry.body() {
            None => p.quiet { "It was rejected before its payload was read." },
            Some(body) => (excerpt("The payload", body)),
        }
        (heading("Response"))
        @match entry.response() {
            None => p.quiet { "The response is a stream, which is not recorded." },
            Some(response) => (excerpt("The response", response)),
        }
        @match entry.body() {
            Some(_) if entry.is_complete() => {
                form.act.again method="post" action={ (root) "activity/" (entry.number) "/again" } {
                    button { "Send again" }
                }
            },
            Some(_) => p.quiet { "It cannot be sent again, because only a part of it was recorded." },
            None => {},
        }
    }
}
