//! The few words of a payload that name what happened, read without the rest.

use std::borrow::Cow;

use serde::Deserialize;

/// Which event, of which repo. It is there for a body of another shape as well, as long as it names
/// these.
#[derive(Debug, Deserialize)]
pub(crate) struct Summary<'a> {
    #[serde(borrow)]
    event: Event<'a>,
    #[serde(borrow)]
    repo: Repo<'a>,
}

#[derive(Debug, Deserialize)]
struct Event<'a> {
    #[serde(borrow)]
    action: Cow<'a, str>,
    #[serde(borrow)]
    scope: Cow<'a, str>,
}

#[derive(Debug, Deserialize)]
struct Repo<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
}

/// How much of a text from outside is shown in one line, in characters.
const LONGEST: usize = 200;

impl<'a> Summary<'a> {
    /// What a body says; `None` when it doesn't name an event and a repo.
    pub(crate) fn read(body: &'a [u8]) -> Option<Self> {
        serde_json::from_slice(body).ok()
    }

    /// The action and the scope, `update repo.content`.
    pub(crate) fn event(&self) -> String {
        let event = format!("{} {}", self.event.action, self.event.scope);
        cut(&event).to_owned()
    }

    /// The repo's name.
    pub(crate) fn repo(&self) -> &str {
        cut(&self.repo.name)
    }
}

/// As much of a text from outside as has room in one line.
pub(crate) fn cut(text: &str) -> &str {
    text.char_indices().nth(LONGEST).map_or(text, |(end, _)| &text[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_summed_up_in_words_of_bounded_length() {
        let body =
            br#"{"event":{"action":"update","scope":"repo.content"},"repo":{"name":"me/data"}}"#;
        let summary = Summary::read(body).unwrap();
        assert_eq!((summary.event().as_str(), summary.repo()), ("update repo.content", "me/data"));
        assert!(Summary::read(b"{}").is_none() && Summary::read(b"\xff").is_none());
        assert_eq!(cut(&"비".repeat(1000)).chars().count(), LONGEST);
    }
}
