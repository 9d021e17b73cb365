//! The page "When it doesn't work" has every message that this code can print, and no other.
//!
//! Whatever prints a message, it is a text in the source: so all texts of both crates are read there, and
//! each must be on the page, unless a rule below says why it is none. A new message is on the page or this
//! test names it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on")]

mod texts;

use std::sync::LazyLock;

use pulldown_cmark::{Event, Parser, Tag, TagEnd};
use tests::repository::{files, read, root, sources, without_tests};

use texts::collect;

const ENGLISH: &str = "docs/en/troubleshooting.md";
const KOREAN: &str = "docs/ko/troubleshooting.md";

const CRATES: [&str; 2] = ["webhooks-macros/src", "webhooks-runtime/src"];

/// Parts of the source whose texts are no messages, and what they are.
const OTHER_PLACES: [(&str, &str); 4] = [
    ("webhooks-runtime/src/config/table.rs", "the docs and the help of settings"),
    ("webhooks-runtime/src/openapi/", "what the OpenAPI document says of the endpoints"),
    ("webhooks-runtime/src/dashboard/", "the page's headings, headers and samples"),
    ("webhooks-runtime/src/samples/", "what is in the samples, and what they are called"),
];

/// What is written to SQLite and PostgreSQL, besides messages.
const STORES: [&str; 2] =
    ["webhooks-runtime/src/jobs/postgres/", "webhooks-runtime/src/jobs/sqlite/"];

/// How texts begin that are no messages, and what they are.
const OTHER_TEXTS: [(&str, &str); 79] = [
    ("Examples:", "the end of a command's help"),
    (", through the proxy", "a line of each `trigger`"),
    ("succeeded in {millis", "a line of each `deliver`"),
    ("failed after {millis", "a line of each `deliver`"),
    ("{signal} stopped", "what a person or the platform did"),
    ("attempt {number}, started {started}", "a line of `deliveries show`"),
    ("The version of the payload.", "what the OpenAPI document says of it"),
    ("{}, which this one replaced", "a line of `deliveries show`"),
    ("after `deliveries resume", "a line of `deliveries show`"),
    ("1 delivery is being stopped", "a line of each `deliveries cancel`"),
    ("{count} deliveries are being stopped", "a line of each `deliveries cancel`"),
    ("{path} is paused: its deliveries", "a line of each `deliveries pause`"),
    ("is resumed: its queued deliveries", "a line of each `deliveries resume`"),
    ("was not paused", "a line of each `deliveries resume`"),
    (
        "The webhook endpoint of the function of this name",
        "a doc comment that the attribute writes",
    ),
    ("the attribute requires functions of this shape", "why lints are allowed"),
    (" at line {} column {}", "serde's words, which are looked for"),
    ("missing field `", "serde's words, which are looked for"),
    ("duplicate field `", "serde's words, which are looked for"),
    ("unknown variant `", "serde's words, which are looked for"),
    ("unknown field `", "serde's words, which are looked for"),
    (", there are no ", "serde's words, which are looked for"),
    ("already in use", "share servers' words, which are looked for"),
    ("in statement pooling mode", "PgBouncer's words, which are looked for"),
    ("unsupported startup parameter", "PgBouncer's words, which are looked for"),
    (
        "a state is queued, running, done, dead, superseded or cancelled",
        "clap refuses all others before",
    ),
    ("the address and token of a stand-in", "what is always true"),
    ("the system can create a runtime", "what is always true"),
    ("notes and values", "the name of a migration"),
    ("failed to lookup address information", "a text of the standard library, which is replaced"),
    ("GRADIO_SHARE_SERVER_ADDRESS", "a variable"),
    ("organization", "a key of JSON"),
    ("'; DROP TABLE", "a value that tests store"),
    ("the secret of a test", "a secret"),
    ("public, max-age=", "a header"),
    ("default-src 'none'", "a header"),
    ("HTTP/1.1 503 Service Unavailable", "the head of a response"),
    ("an empty object", "the name of a sample"),
    ("new, moved, updated and deleted repos", "a filter in words"),
    ("any repo of {kind}", "a filter in words"),
    ("a file other than {}", "a filter in words"),
    ("skips the events of its own account", "a line of each `endpoints`"),
    ("one delivery per {group} at a time", "a line of each `endpoints`"),
    (", only the newest", "a line of each `endpoints`"),
    (", after {quiet} without another one", "a line of each `endpoints`"),
    ("the repos in `", "a filter in words"),
    ("for this endpoint", "a sample that is always there"),
    ("Webhook secret is correctly defined.", "a line of each start"),
    ("* Running on local URL:", "a line of each start"),
    ("* Running on public URL:", "a line of each start"),
    ("Page with deliveries:", "a line of each start"),
    ("sees the payloads", "a line of each start"),
    ("Anyone who opens this URL", "a line of each start"),
    ("The token is the value of", "a line of each start"),
    ("To open it, set", "a line of each start"),
    ("* Account on the Hub:", "a line of each start"),
    ("* Background deliveries:", "a line of each start"),
    ("Webhooks are correctly set up and ready to use:", "a line of each start"),
    ("Go to https://huggingface.co/settings/webhooks", "a line of each start"),
    ("It stays the same at every start.", "a line of each start"),
    ("Webhooks on the Hub", "a line of each start with --register"),
    ("- {path}: none, because", "a line of each start with --register"),
    ("updated ({}) and enabled", "a line of each start with --register"),
    ("taken over unchanged", "a line of each start with --register"),
    ("The webhooks{of_account} for", "a line of each `webhooks sync`"),
    ("it has no `watch`, so it gets", "a line of each `webhooks sync`"),
    ("it calls this endpoint already", "a line of each `webhooks sync`"),
    ("it stays disabled until the", "a line of each `webhooks sync`"),
    ("the Hub had suspended it", "a line of each `webhooks sync`"),
    ("it was disabled while the server", "a line of each `webhooks sync`"),
    ("sent again, because it is not known", "a line of each `webhooks sync`"),
    ("The endpoints get a new secret", "a line of each `webhooks sync` that makes one"),
    ("Change this on the Hub?", "a question"),
    ("Delete on the Hub?", "a question"),
    ("The Hub sent the delivery again.", "a line of each `webhooks replay`"),
    ("Then the webhooks are registered", "goes with `The Hub cannot reach these endpoints yet`"),
    ("Start with --share to create one", "goes with `The Hub cannot reach these endpoints yet`"),
    ("Pass the URL of your own proxy", "goes with `The Hub cannot reach these endpoints yet`"),
    ("Then go to https://huggingface.co", "goes with `The Hub cannot reach these endpoints yet`"),
    ("The public URL is printed as soon", "goes with `The Hub cannot reach these endpoints yet`"),
];

/// What the page explains though the compiler or the standard library prints it.
const OF_RUST: [&str; 7] = [
    "failed printing to stdout: …",
    "future cannot be sent between threads safely",
    "the trait bound `…: serde::Deserialize<'de>` is not satisfied",
    "the trait bound `…: serde::Serialize` is not satisfied",
    "expected expression, found keyword `fn`",
    "`main` function not found in crate `my_bot`",
    "the name `train` is defined multiple times",
];

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
