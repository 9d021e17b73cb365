//! Reads the event and the repo's name of a body, for log lines and lists.

use std::borrow::Cow;

use serde::Deserialize;

/// The event and the repo's name. The rest of the body may be any JSON.
#[derive(Debug, Deserialize)]
pub(crate) struct Summary<'a> {
    #[serde(borrow)]
    event: SummaryEvent<'a>,
    #[serde(borrow)]
    repo: SummaryRepo<'a>,
}

#[derive(Debug, Deserialize)]
struct SummaryEvent<'a> {
    #[serde(borrow)]
    action: Cow<'a, str>,
    #[serde(borrow)]
    scope: Cow<'a, str>,
}

#[derive(Debug, Deserialize)]
struct SummaryRepo<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
}

/// The largest number of characters of a text from outside in a line.
const MAX_LENGTH: usize = 200;

impl<'a> Summary<'a> {
    /// Reads a body; `None` if it has no event or repo.
    pub(crate) fn read(body: &'a [u8]) -> Option<Self> {
        serde_json::from_slice(body).ok()
    }

    /// Returns the action and the scope, such as `update repo.content`.
    pub(crate) fn event(&self) -> String {
        let event = format!("{} {}", self.event.action, self.event.scope);
        cut(&event).to_owned()
    }

    /// Returns the repo's name.
    pub(crate) fn repo(&self) -> &str {
        cut(&self.repo.name)
    }
}

/// Shortens a text from outside to a length that fits in a line.
pub(crate) fn cut(text: &str) -> &str {
    text.char_indices().nth(MAX_LENGTH).map_or(text, |(end, _)| &text[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_of_a_body_has_a_bounded_length() {
        let body =
            br#"{"event":{"action":"update","scope":"repo.content"},"repo":{"name":"me/data"}}"#;
        let summary = Summary::read(body).unwrap();
        assert_eq!((summary.event().as_str(), summary.repo()), ("update repo.content", "me/data"));
        assert!(Summary::read(b"{}").is_none() && Summary::read(b"\xff").is_none());
        assert_eq!(cut(&"비".repeat(1000)).chars().count(), MAX_LENGTH);
    }
}
