//! Says at a start without registration that the webhooks of the share link are still disabled since the last stop.

use std::sync::Arc;

use super::console::{Messages, Printer};
use super::remembered::{PauseMark, RememberedWebhook, RememberedWebhooks, UrlKind};
use crate::http::part::{Console, Part};
use crate::state::SharedState;
use crate::task;

/// The part of a server with a tunnel that does not register its webhooks.
///
/// It does not ask the Hub, for which such a server needs no token.
pub(crate) struct PausedNotice {
    pub(crate) state: Arc<dyn SharedState>,
    pub(crate) printer: Printer,
}

impl Part for PausedNotice {
    fn started(&self, console: Console) {
        let messages = Messages { console, printer: self.printer };
        let state = Arc::clone(&self.state);
        task::spawn(async move {
            match RememberedWebhooks::load(&*state).await {
                Ok(remembered) => {
                    if let Some(text) = notice(&remembered) {
                        messages.warn(&text);
                    }
                }
                Err(error) => tracing::debug!(%error, "the registered webhooks are not known"),
            }
        });
    }
}

/// Returns what to say, in a sentence without its full stop.
fn notice(remembered: &RememberedWebhooks) -> Option<String> {
    let is_paused = |it: &&RememberedWebhook| {
        it.url_kind == UrlKind::Tunnel && it.pause() == PauseMark::Confirmed
    };
    let webhooks = remembered.iter().map(|(_, webhook)| webhook).filter(is_paused);
    let paths: Vec<_> = webhooks.map(|webhook| webhook.path.as_str()).collect();
    (!paths.is_empty()).then(|| {
        format!(
            "the last stop of the server has disabled the webhooks of its share link on the Hub ({}), and this start \
             does not enable them: start it with --register, or enable them with `webhooks enable`",
            paths.join(", ")
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_webhooks_of_the_link_that_the_last_stop_has_disabled_are_named() {
        let mut all = RememberedWebhooks::default();
        for (id, kind, mark) in [
            ("1", UrlKind::Tunnel, PauseMark::Confirmed),
            ("2", UrlKind::Tunnel, PauseMark::Asked),
            ("3", UrlKind::Tunnel, PauseMark::None),
            ("4", UrlKind::Fixed, PauseMark::Confirmed),
        ] {
            let path = format!("/webhooks/{id}");
            all.insert(id, RememberedWebhook::new(id, &path, kind, None));
            all.set_pause(id, mark);
        }
        let text = notice(&all).unwrap();
        assert!(text.contains("share link on the Hub (/webhooks/1), and"), "{text}");
        assert!(text.contains("--register") && text.contains("`webhooks enable`"), "{text}");
        all.set_pause("1", PauseMark::None);
        assert_eq!(notice(&all), None);
    }
}
