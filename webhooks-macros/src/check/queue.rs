//! Checks the options of `background(…)` for deliveries that belong together: `key`, `latest` and `debounce`.

use proc_macro2::Span;

use super::DAY;
use crate::background::Background;
use crate::errors::Errors;
use crate::parse::Located;
use crate::queue::{KeyOption, KeyWord, LatestOption, Wait};

/// Applies every rule.
pub(super) fn queue(background: &Background, is_async: bool, errors: &mut Errors) {
    let mut error = |span: Span, message: String| errors.push(syn::Error::new(span, message));
    let Background { key, latest, debounce, .. } = background;
    let options = [
        ("latest", "latest", latest.as_ref().map(|latest| latest.span)),
        ("debounce", "debounce = \"5m..30m\"", debounce.as_ref().map(|wait| wait.span)),
    ];
    let mut options =
        options.into_iter().filter_map(|(name, as_written, span)| Some((name, as_written, span?)));
    match key {
        None => options.for_each(|(name, as_written, span)| {
            let text = format!(
                "`{name}` needs `key`, which says what deliveries belong together: write `key = \"repo\", \
                 {as_written}`"
            );
            error(span, text);
        }),
        Some(KeyOption::Word(Located { value: KeyWord::Discussion, span })) => {
            if let Some((name, ..)) = options.next() {
                let text = format!(
                    "events of discussions are never merged, so `{name}` has no effect on them: write `key = \
                     \"repo\"`, or remove `{name}`"
                );
                error(*span, text);
            }
        }
        Some(KeyOption::Word(_) | KeyOption::Function(_)) => {}
    }
    if let Some(LatestOption { cancel: Some(cancel), .. }) = latest
        && !is_async
    {
        error(
            *cancel,
            "a `fn` cannot be stopped while it runs, only an `async fn` at its next `.await`: write `async fn`, or \
             `latest` alone"
                .to_owned(),
        );
    }
    if let Some(Located { value: Wait { quiet, at_most }, span }) = debounce {
        if quiet > at_most {
            let (first, second) =
                (humantime::format_duration(*at_most), humantime::format_duration(*quiet));
            error(*span, format!("the shorter time comes first: write \"{first}..{second}\""));
        } else if quiet.as_millis() == 0 || *at_most > 30 * DAY {
            error(
                *span,
                "`debounce` must be 1 millisecond to 30 days, and a time alone is waited for up to six times: write \
                 `debounce = \"5m..30m\"`, for example"
                    .to_owned(),
            );
        }
    }
}
