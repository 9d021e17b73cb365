//! Small pieces of markup that several blocks use.

use std::time::{Duration, SystemTime};

use actix_web::http::StatusCode;
use maud::{Markup, html};

use super::text::text;
use crate::activity::{Excerpt, ResponseClass};

/// Renders lines of text that scroll, also by keyboard.
pub(super) fn block(label: &str, text: &str) -> Markup {
    html! {
        pre tabindex="0" role="region" aria-label=(label) { code { (text) } }
    }
}

/// Renders a button that copies the text of the element with this id. It is hidden until the script that
/// implements it runs.
pub(super) fn copy(id: &str, label: &str) -> Markup {
    html! { button type="button" data-copy=(id) hidden aria-label=(label) { "Copy" } }
}

/// Renders the beginning of a body.
pub(super) fn excerpt(label: &str, excerpt: Excerpt<'_>) -> Markup {
    html! {
        @if excerpt.total_bytes == 0 {
            p.quiet { "Empty." }
        } @else {
            (block(label, &text(excerpt.bytes)))
        }
        @if excerpt.is_truncated() {
            p.quiet { "Truncated: the first " (excerpt.bytes.len()) " of " (excerpt.total_bytes) " bytes." }
        }
    }
}

/// Renders a button that posts to `url`, with and without scripts. `description` distinguishes it from
/// other buttons with its label.
pub(super) fn action(url: &str, class: &str, label: &str, description: &str) -> Markup {
    html! {
        form.act.(class) method="post" action=(url) {
            button aria-label=(description) { (label) }
        }
    }
}

/// Renders a status with its reason phrase, colored by its class.
pub(super) fn status(status: u16) -> Markup {
    let reason = StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
    let class = ResponseClass::of(status).name();
    html! { strong.status.(class) { (status) @if let Some(reason) = reason { " " (reason) } } }
}

/// Formats a duration for people.
pub(super) fn duration(duration: Duration) -> String {
    match duration.as_secs_f64() {
        seconds if seconds < 1.0 => format!("{:.1} ms", seconds * 1e3),
        seconds => format!("{seconds:.1} s"),
    }
}

/// Renders a time of day in UTC. A script converts it to the viewer's time zone.
pub(super) fn time(time: SystemTime) -> Markup {
    let time = humantime::format_rfc3339_seconds(time).to_string();
    // The `12:34:56` of `2026-01-31T12:34:56Z`.
    let seconds = time.get(11..19).unwrap_or(&time);
    html! { time datetime=(time) { (seconds) " UTC" } }
}

/// Renders a date and a time in UTC. A script converts it to the viewer's time zone.
pub(super) fn date_and_time(time: SystemTime) -> Markup {
    let time = humantime::format_rfc3339_millis(time).to_string();
    html! { time datetime=(time) data-whole { (time) } }
}

/// Returns a short name of an endpoint: the last segment of its path, by default the function's name.
pub(super) fn name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or_default()
}

/// Renders the parts of a text between backticks as code.
pub(super) fn with_code(text: &str) -> Markup {
    html! {
        @for (index, part) in text.split('`').enumerate() {
            @if index % 2 == 1 { code { (part) } } @else { (part) }
        }
    }
}
