//! Announces the tunnel's state in the terminal or in the log.

use crate::config::addresses::Addresses;
use crate::endpoint::registry::EndpointInfo;
use crate::server::banner;
use crate::server::output::Stream;
use crate::share::TunnelEvent;
use crate::text::in_one_line;

/// The maximum length of an error in an announcement, in characters.
const MAX_ERROR_LENGTH: usize = 300;

/// Announces the tunnel's state, and records the public URL.
pub(super) struct Announcer {
    pub(super) addresses: Addresses,
    pub(super) endpoints: Vec<EndpointInfo>,
    /// Whether the server registers its webhooks.
    pub(super) registers: bool,
}

impl Announcer {
    /// Records the public URL, and returns the texts to print, in order.
    pub(super) fn texts(&self, event: TunnelEvent) -> Vec<(Stream, String)> {
        match event {
            TunnelEvent::Open { url, note } => {
                let before = self.addresses.set_public(url.clone());
                if before.as_ref() == Some(&url) {
                    return vec![(Stream::Err, format!("The public URL works again: {url}\n"))];
                }
                let text =
                    banner::public_url(&url, note.as_deref(), &self.endpoints, self.registers);
                let warning = banner::unprotected(&self.endpoints).map(|text| (Stream::Err, text));
                std::iter::once((Stream::Out, text)).chain(warning).collect()
            }
            TunnelEvent::Failed(error) => {
                let local = self.addresses.local();
                let warning = banner::no_public_url(&one_line(&*error), local);
                vec![
                    (Stream::Err, warning),
                    (Stream::Out, banner::waiting(local, &self.endpoints, self.registers)),
                ]
            }
            TunnelEvent::Lost(error) => {
                let error = one_line(&*error);
                let text = format!(
                    "Warning: the public URL does not work at the moment: {error}. The program keeps trying \
                     to restore it.\n"
                );
                vec![(Stream::Err, text)]
            }
            TunnelEvent::Expired => {
                let text = "The public URL has expired, as it does after some days. The program is opening it \
                            again.\n";
                vec![(Stream::Err, text.to_owned())]
            }
        }
    }

    /// Records the public URL and logs the event, for a program that controls its own output.
    pub(super) fn log(&self, event: TunnelEvent) {
        match event {
            TunnelEvent::Open { url, note } => {
                tracing::info!(%url, note, "the public URL works");
                if self.addresses.set_public(url).is_none() {
                    for open in self.endpoints.iter().filter(|endpoint| !endpoint.protected) {
                        tracing::warn!(
                            endpoint = open.path,
                            "anyone who knows the public URL can call this endpoint, because no secret is set"
                        );
                    }
                }
            }
            TunnelEvent::Failed(error) => {
                tracing::warn!(error = one_line(&*error), "there is no public URL yet");
            }
            TunnelEvent::Lost(error) => {
                tracing::warn!(
                    error = one_line(&*error),
                    "the public URL does not work at the moment"
                );
            }
            TunnelEvent::Expired => tracing::warn!("the public URL has expired"),
        }
    }
}

/// Formats a tunnel's error as one line of plain text.
fn one_line(error: &dyn std::error::Error) -> String {
    let text = error.to_string();
    let cut: String = text.chars().take(MAX_ERROR_LENGTH).collect();
    in_one_line(&cut.replace(['\n', '\t'], " ")).trim_end_matches(['.', ' ']).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_one_line_of_plain_text() {
        let error = |text: &str| one_line(&*Box::<dyn std::error::Error>::from(text));
        assert_eq!(error("it broke."), "it broke");
        assert_eq!(error("a\nWarning: b\tc\u{1b}[31m"), "a Warning: b c\\u{1b}[31m");
        assert_eq!(error(&"x".repeat(1000)).len(), MAX_ERROR_LENGTH);
    }
}
