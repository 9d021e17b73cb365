//! The page "When it doesn't work" has every message that this code can print, and no other.
//!
//! Whatever prints a message, it is a text in the source: so all texts of both crates are read there, and
//! each must be on the page, unless a rule below says why it is none. A new message is on the page or this
//! test names it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on")]

mod exceptions;
mod texts;

use std::sync::LazyLock;

use pulldown_cmark::{Event, Parser, Tag, TagEnd};
use tests::repository::{files, read, root, sources, without_tests};

use exceptions::{OF_RUST, OTHER_PLACES, OTHER_TEXTS, STORES};
use texts::collect;

const ENGLISH: &str = "docs/en/troubleshooting.md";
const KOREAN: &str = "docs/ko/troubleshooting.md";

const CRATES: [&str; 2] = ["webhooks-macros/src", "webhooks-runtime/src"];

/// A text of the source.
#[derive(Debug)]
struct Text {
    file: String,
    value: String,
    /// Whether it is certainly a message: one of an error, or one for the log.
    is_message: bool,
}

impl Text {
    /// What is printed as it is, piece by piece, of its first line. One that is no format string has no
    /// braces, or none that matter.
    fn pieces(&self) -> Vec<String> {
        pieces(self.value.trim_start().lines().next().unwrap_or_default())
    }

    /// Whether people may see it when something is wrong.
    fn is_told(&self) -> bool {
        if OTHER_PLACES.iter().any(|(place, _)| self.file.starts_with(place))
            || OTHER_TEXTS.iter().any(|(text, _)| begins(&self.value, text))
        {
            return false;
        }
        let pieces = self.pieces();
        let words = words(&pieces);
        if self.is_message {
            return !words.is_empty();
        }
        let in_store = STORES.iter().any(|store| self.file.starts_with(store));
        let shouted = |word: &&str| word.len() > 1 && word.chars().all(|c| c.is_ascii_uppercase());
        if in_store && (words.iter().any(shouted) || self.value.contains('=')) {
            return false;
        }
        let sentence =
            self.value.starts_with(char::is_uppercase) && self.value.trim_end().ends_with('.');
        words.len() >= 3 || (sentence && words.len() >= 2)
    }
}

fn begins(text: &str, beginning: &str) -> bool {
    text.starts_with(beginning) || text.trim_start().starts_with(beginning)
}

/// A text without its placeholders, `{…}`, and the letterless rest that stands between two of them.
fn pieces(text: &str) -> Vec<String> {
    let text = text.replace("{{", "\u{1}").replace("}}", "\u{2}");
    let outside = text.split('{').enumerate();
    let outside = outside.map(|(index, part)| match part.split_once('}') {
        Some((_, rest)) if index > 0 => rest,
        _ => part,
    });
    let outside: Vec<_> = outside.flat_map(|part| part.split('…')).collect();
    let pieces =
        outside.into_iter().map(in_one_line).filter(|part| part.contains(char::is_alphabetic));
    pieces.map(|part| part.replace('\u{1}', "{").replace('\u{2}', "}")).collect()
}

fn in_one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn words(pieces: &[String]) -> Vec<&str> {
    let words = pieces.iter().flat_map(|piece| piece.split(' '));
    words.filter(|word| word.contains(char::is_alphabetic)).collect()
}

/// Whether the pieces stand in the text, in this order.
fn holds(text: &str, pieces: &[String]) -> bool {
    let mut rest = text;
    pieces.iter().all(|piece| match rest.split_once(piece.as_str()) {
        Some((_, behind)) => {
            rest = behind;
            true
        }
        None => false,
    })
}

/// All texts of the two crates.
static TEXTS: LazyLock<Vec<Text>> = LazyLock::new(|| {
    let mut texts = Vec::new();
    for (path, source) in CRATES.iter().flat_map(|folder| sources(folder)) {
        let file = path.strip_prefix(root()).unwrap().to_str().unwrap();
        collect(without_tests(source.parse().unwrap()), file, false, &mut texts);
    }
    texts
});

/// The messages that a page explains: paragraphs of nothing but code, in lists.
fn quoted(page: &str) -> Vec<String> {
    let text = read(page);
    let (mut messages, mut codes, mut other) = (Vec::new(), Vec::new(), false);
    let mut depth = 0;
    for event in Parser::new(&text) {
        match event {
            Event::Start(Tag::Item) => depth += 1,
            Event::End(TagEnd::Item) => depth -= 1,
            Event::Start(Tag::Paragraph) => (codes, other) = (Vec::new(), depth == 0),
            Event::Code(code) => codes.push(in_one_line(&code)),
            Event::SoftBreak | Event::HardBreak => {}
            Event::End(TagEnd::Paragraph) if !other => messages.append(&mut codes),
            _ => other = true,
        }
    }
    messages
}

#[test]
fn every_message_is_on_the_page() {
    let quoted = quoted(ENGLISH);
    let told: Vec<_> = TEXTS.iter().filter(|text| text.is_told()).collect();
    assert!(told.len() > 200, "the source wasn't understood: {} messages", told.len());
    let missing: Vec<_> = told
        .iter()
        .filter(|text| !quoted.iter().any(|quote| holds(quote, &text.pieces())))
        .map(|text| format!("{}: {:?}", text.file, text.value))
        .collect();
    assert!(missing.is_empty(), "not on {ENGLISH}:\n{}", missing.join("\n"));
}

#[test]
fn every_message_on_the_page_can_be_printed() {
    // What the page says is written in markup and scripts.
    let page = ["rs", "js"].map(|end| files("webhooks-runtime/src/dashboard", end));
    let page: String = page.into_iter().flatten().map(|(_, source)| source).collect();
    let mut known: Vec<_> = TEXTS.iter().flat_map(Text::pieces).collect();
    known.retain(|piece| piece.contains(' '));
    known.sort_by_key(|piece| std::cmp::Reverse(piece.len()));
    let is_printed = |quote: &str| {
        let parts = pieces(quote);
        // A message may be made of several texts, with a name or two in between.
        let names = known.iter().fold(quote.to_owned(), |rest, piece| rest.replace(piece, " "));
        words(&[names]).len() <= 2
            || TEXTS.iter().any(|text| holds(&in_one_line(&text.value), &parts))
            || holds(&page, &parts)
            || OF_RUST.contains(&quote)
    };
    let gone: Vec<_> = quoted(ENGLISH).into_iter().filter(|quote| !is_printed(quote)).collect();
    assert!(gone.is_empty(), "on {ENGLISH}, and printed by nothing:\n{}", gone.join("\n"));
}

#[test]
fn the_messages_are_the_same_in_both_languages() {
    if root().join(KOREAN).exists() {
        assert_eq!(quoted(ENGLISH), quoted(KOREAN));
    }
}

#[test]
fn every_exception_is_needed() {
    for (place, _) in OTHER_PLACES {
        assert!(TEXTS.iter().any(|text| text.file.starts_with(place)), "{place}");
    }
    for (beginning, _) in OTHER_TEXTS {
        assert!(TEXTS.iter().any(|text| begins(&text.value, beginning)), "{beginning}");
    }
    let quoted = quoted(ENGLISH);
    for message in OF_RUST {
        assert!(quoted.iter().any(|quote| quote == message), "{message}");
    }
}
