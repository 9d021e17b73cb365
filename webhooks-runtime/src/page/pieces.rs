//! What several blocks are made of.

use std::time::Duration;

use actix_web::http::StatusCode;
use maud::{Markup, html};

use crate::activity::Outcome;

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
    let class = Outcome::of(status).name();
    html! { strong.status.(class) { (status) @if let Some(words) = words { " " (words) } } }
}

/// A time as people say it.
pub(super) fn duration(duration: Duration) -> String {
    match duration.as_secs_f64() {
        seconds if seconds < 1.0 => format!("{:.1} ms", seconds * 1e3),
        seconds => format!("{seconds:.1} s"),
    }
}
