//! The attribute `#[webhook_endpoint(…)]` returns code or errors for any input, and never panics. Each error has a place
//! in the input. The attribute accepts a path or a filter if and only if the runtime does.

#![no_main]
#![allow(dead_code, reason = "the rest of the modules is for their tests")]

extern crate proc_macro;

#[path = "../../../webhooks-macros/src/args.rs"]
mod args;
#[path = "../../../webhooks-macros/src/background.rs"]
mod background;
#[path = "../../../webhooks-macros/src/check/mod.rs"]
mod check;
#[path = "../../../webhooks-macros/src/conditions.rs"]
mod conditions;
#[path = "../../../webhooks-macros/src/errors.rs"]
mod errors;
#[path = "../../../webhooks-macros/src/expand/mod.rs"]
mod expand;
#[path = "../../../webhooks-macros/src/filter.rs"]
mod filter;
#[path = "../../../webhooks-macros/src/item.rs"]
mod item;
#[path = "../../../webhooks-macros/src/parse.rs"]
mod parse;
#[path = "../../../webhooks-macros/src/paths.rs"]
mod paths;
#[path = "../../../webhooks-macros/src/queue.rs"]
mod queue;
#[path = "../../../webhooks-macros/src/source.rs"]
mod source;

use std::sync::LazyLock;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use proc_macro2::{Span, TokenStream, TokenTree};
use webhooks_runtime::testing::dataset_commit;
use webhooks_runtime::{__private::normalize, Filter, WebhookPayload};

/// What the attribute's options are made of.
const WORDS: [&str; 52] = [
    "path",
    "on",
    "watch",
    "watch_env",
    "branch",
    "refs",
    "paths",
    "own",
    "secret_env",
    "background",
    "crate",
    "attempts",
    "timeout",
    "concurrency",
    "backoff",
    "dedup_window",
    "key",
    "latest",
    "debounce",
    "=",
    "=",
    "=",
    ",",
    ",",
    "::",
    "!",
    "-",
    "true",
    "false",
    "r#on",
    "'a",
    "'",
    "\"/say_hello\"",
    "\"repo\"",
    "\"cancel\"",
    "\"update repo.content\"",
    "\"dataset:me/data\"",
    "\"org:acme\"",
    "\"main\"",
    "\"release/*\"",
    "\"refs/tags/*\"",
    "\"data/**\"",
    "\"!README.md\"",
    "\"10s..30m\"",
    "\"2h\"",
    "\"BOT_WATCH\"",
    "b\"x\"",
    "r#\"x\"#",
    "1.5",
    "0x1f",
    "5",
    "my_name::a",
];

/// Items that the attribute is before.
const ITEMS: [&str; 12] = [
    "async fn f() {}",
    "fn f(a: web::Json<Value>) -> Result<(), E> { body }",
    "/// A doc comment.\npub(crate) async fn f(payload: WebhookPayload, hub: Hub) -> impl Responder {}",
    "#[doc = include_str!(\"a.md\")] async fn f(#[cfg(unix)] a: A, #[cfg_attr(x, cfg(y))] b: B) {}",
    "#[cfg_attr(unix, doc = \"a\", cfg(z))] #[cfg(test)] fn r#f() {}",
    "const unsafe extern \"C\" fn f<T: A>(self, a: impl B, ...) where T: C {}",
    "async fn f(a: A, b: B, c: C, d: D, e: E, f: F, g: G, h: H, i: I, j: J, k: K, l: L, m: M) {}",
    "fn 함수() { half typed",
    "async fn f(a: u8",
    "struct S;",
    "impl S { async fn f(&self) {} }",
    "",
];

#[derive(Arbitrary, Debug)]
enum AttributePart {
    Word(u8),
    /// A text in quotes.
    Text(String),
    Number(u64),
    Raw(String),
    /// Parts in parentheses, brackets or braces.
    Group(u8, Vec<AttributePart>),
}

impl AttributePart {
    fn write(&self, depth: usize, to: &mut String) {
        match self {
            Self::Word(number) => *to += WORDS[usize::from(*number) % WORDS.len()],
            Self::Text(text) => *to += &format!("{text:?}"),
            Self::Number(number) => *to += &number.to_string(),
            Self::Raw(text) => *to += text,
            // The compiler bounds the depth, too.
            Self::Group(..) if depth > 20 => {}
            Self::Group(kind, parts) => {
                let (open, close) = [('(', ')'), ('[', ']'), ('{', '}')][usize::from(*kind) % 3];
                to.push(open);
                parts.iter().for_each(|part| part.write(depth + 1, to));
                to.push(close);
            }
        }
        to.push(' ');
    }
}

/// The longest text. Deep nesting, which the compiler bounds, would need more.
const LONGEST: usize = 3000;

/// Returns the options and the item of a text as the compiler passes them to the attribute; `None` if it would not. Both
/// are parsed at once, so that a place is one in this text.
fn passed(written: &str) -> Option<(TokenStream, TokenStream)> {
    if written.len() > LONGEST {
        return None;
    }
    let mut tokens = written.parse::<TokenStream>().ok()?.into_iter();
    let (Some(TokenTree::Punct(_)), Some(TokenTree::Group(attribute))) =
        (tokens.next(), tokens.next())
    else {
        return None;
    };
    let attribute: Vec<_> = attribute.stream().into_iter().collect();
    let [TokenTree::Ident(_), TokenTree::Group(options)] = &attribute[..] else { return None };
    Some((options.stream(), tokens.collect()))
}

/// An error in generated code.
struct FoundError {
    message: String,
    places: [Span; 2],
}

/// Finds the errors in generated code.
fn find_errors(tokens: TokenStream, found: &mut Vec<FoundError>) {
    let tokens: Vec<_> = tokens.into_iter().collect();
    for tokens in tokens.windows(3) {
        if let [TokenTree::Ident(name), TokenTree::Punct(_), TokenTree::Group(message)] = tokens
            && name == "compile_error"
            && let Ok(text) = syn::parse2::<syn::LitStr>(message.stream())
        {
            found.push(FoundError { message: text.value(), places: [name.span(), message.span()] });
        }
    }
    for token in tokens {
        if let TokenTree::Group(group) = token {
            find_errors(group.stream(), found);
        }
    }
}

/// Returns whether a place is in a text that was parsed. In a build for fuzzing, only its `Debug` tells it, the first byte is
/// number 1, and the place of what was not parsed is `0..0`.
fn is_in(place: Span, text: &str) -> bool {
    let debug = format!("{place:?}");
    let range = debug.strip_prefix("bytes(").and_then(|range| range.strip_suffix(')'));
    let (begin, end) = range.and_then(|range| range.split_once("..")).unwrap();
    let (begin, end): (usize, usize) = (begin.parse().unwrap(), end.parse().unwrap());
    1 <= begin && begin < end && end <= text.len() + 1
}

/// Returns whether the attribute accepts these options.
fn accepts(options: &str) -> bool {
    let item = "async fn f() {}".parse().unwrap();
    let mut errors = Vec::new();
    find_errors(expand::webhook_endpoint(options.parse().unwrap(), item), &mut errors);
    errors.is_empty()
}

/// Checks a path and the values of a filter against the runtime.
fn compare_with_runtime(text: &str) {
    static PAYLOAD: LazyLock<WebhookPayload> = LazyLock::new(|| dataset_commit().into());
    let literal = format!("{text:?}");
    assert_eq!(accepts(&literal), normalize(text).is_ok(), "{text:?}");
    for (key, more, filter) in [
        ("on", "", Filter::new().on(text)),
        ("watch", "", Filter::new().watch(text)),
        ("branch", "", Filter::new().branch(text)),
        ("refs", "", Filter::new().refs(text)),
        ("paths", ", background", Filter::new().paths(text)),
    ] {
        let is_valid = filter.skip_reason(&PAYLOAD).is_ok();
        assert_eq!(accepts(&format!("{key} = {literal}{more}")), is_valid, "{key} = {text:?}");
    }
}

/// Where a change of an item begins, how many bytes it takes away, and what it puts in their place.
type Change = (u16, u8, String);

fuzz_target!(|input: (Vec<AttributePart>, u8, Vec<Change>, String)| {
    let (parts, number, changes, text) = input;
    let mut options = String::new();
    parts.iter().for_each(|part| part.write(0, &mut options));
    let mut item = ITEMS[usize::from(number) % ITEMS.len()].to_owned();
    for (begin, length, put) in changes {
        let mut at = [usize::from(begin) % (item.len() + 1); 2];
        at[1] = item.len().min(at[0] + usize::from(length));
        if at.iter().all(|at| item.is_char_boundary(*at)) {
            item.replace_range(at[0]..at[1], &put);
        }
    }
    let written = format!("#[webhook_endpoint({options})] {item}");
    if let Some((options, item)) = passed(&written) {
        let expanded = expand::webhook_endpoint(options, item.clone());
        // The compiler passes nothing else.
        if let Ok(function) = syn::parse2::<syn::ItemFn>(item) {
            let name = function.sig.ident.to_string();
            let file: syn::File = syn::parse2(expanded.clone()).unwrap();
            let is_it =
                |item: &syn::Item| matches!(item, syn::Item::Fn(it) if it.sig.ident == name);
            assert!(file.items.iter().any(is_it), "{expanded}");
            let mut errors = Vec::new();
            find_errors(expanded, &mut errors);
            for error in errors {
                assert!(!error.message.is_empty(), "{written}");
                for place in error.places {
                    assert!(is_in(place, &written), "{written}: {place:?}: {}", error.message);
                }
            }
        }
    }
    if text.len() < LONGEST / 2 {
        compare_with_runtime(&text);
    }
});
