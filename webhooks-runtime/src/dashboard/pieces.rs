//! What several blocks are made of.

use std::time::{Duration, SystemTime};

use actix_web::http::StatusCode;
use maud::{Markup, html};

use crate::activity::ResponseClass;

/// Lines of text that scroll, by keys as well.
pub(super) fn block(label: &str, text: &str) -> Markup {
    html! {
        pre tabindex="0" role="region" aria-label=(label) { code { (text) } }
    }
}

/// A button that copies what stands in the element of this id. It is hidden in the markup, so that
/// nobody sees one that does nothing.
pub(super) fn copy(id: &str, label: &str) -> Markup {
    html! { button type="button" data-copy=(id) hidden aria-label=(label) { "Copy" } }
}

/// A status with its words, in its colour.
pub(super) fn status(status: u16) -> Markup {
    let words = StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
    let class = ResponseClass::of(status).name();
    html! { strong.status.(class) { (status) @if let Some(words) = words { " " (words) } } }
}

/// A time as people say it.
pub(super) fn duration(duration: Duration) -> String {
    match duration.as_secs_f64() {
        seconds if seconds < 1.0 => format!("{:.1} ms", seconds * 1e3),
        seconds => format!("{seconds:.1} s"),
    }
}

/// The time of a day. A script makes it the reader's own.
pub(super) fn time(time: SystemTime) -> Markup {
    let time = humantime::format_rfc3339_millis(time).to_string();
    // `2026-01-31T12:34:56.789Z`: the seconds of the day.
    let shown = time.get(11..19).unwrap_or(&time);
    html! { time datetime=(time) { (shown) " UTC" } }
}

/// A script makes it the reader's own time, too.
pub(super) fn date_and_time(time: SystemTime) -> Markup {
    let time = humantime::format_rfc3339_millis(time).to_string();
    html! { time datetime=(time) data-whole { (time) } }
}

/// The function's name, or what stands for it: the last part of the path.
pub(super) fn name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or_default()
}
