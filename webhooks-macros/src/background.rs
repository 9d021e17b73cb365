//! Parses the options of background deliveries: `background`, or `background(attempts = 5, …)`.

use std::time::Duration;

use proc_macro2::{Span, TokenStream};
use syn::ext::IdentExt;
use syn::parse::ParseStream;
use syn::{Ident, LitInt, Token, token};

use crate::errors::Errors;
use crate::parse::{Located, parse_equals, parse_parts, parse_text, set_once, similar};
use crate::queue::{self, KeyOption, LatestOption, Wait};

const ATTEMPTS: &str = "attempts";
const TIMEOUT: &str = "timeout";
const CONCURRENCY: &str = "concurrency";
const BACKOFF: &str = "backoff";
const DEDUP_WINDOW: &str = "dedup_window";
const KEY: &str = "key";
const LATEST: &str = "latest";
const DEBOUNCE: &str = "debounce";
const KEYS: [&str; 8] =
    [ATTEMPTS, TIMEOUT, CONCURRENCY, BACKOFF, DEDUP_WINDOW, KEY, LATEST, DEBOUNCE];
/// The keys as error messages list them.
const KEY_LIST: &str =
    "`attempts`, `timeout`, `concurrency`, `backoff`, `dedup_window`, `key`, `latest`, `debounce`";

/// The options of `background`. `None` stands for the default.
pub(crate) struct Background {
    /// The location of the word `background`.
    pub(crate) span: Span,
    pub(crate) attempts: Option<Located<u64>>,
    pub(crate) timeout: Option<Located<Duration>>,
    pub(crate) concurrency: Option<Located<u64>>,
    /// The shortest and the longest delay before a retry.
    pub(crate) backoff: Option<Located<(Duration, Duration)>>,
    pub(crate) dedup_window: Option<Located<Duration>>,
    pub(crate) key: Option<KeyOption>,
    pub(crate) latest: Option<LatestOption>,
    pub(crate) debounce: Option<Located<Wait>>,
}

impl Background {
    /// Parses the tokens after the word `background`: none, or `(key = value, …)`.
    pub(crate) fn parse(
        span: Span,
        input: ParseStream<'_>,
        errors: &mut Errors,
    ) -> syn::Result<Self> {
        let mut background = Self {
            span,
            attempts: None,
            timeout: None,
            concurrency: None,
            backoff: None,
            dedup_window: None,
            key: None,
            latest: None,
            debounce: None,
        };
        if input.peek(token::Paren) {
            let content;
            syn::parenthesized!(content in input);
            let tokens: TokenStream = content.parse()?;
            parse_parts(tokens, errors, |input, _| background.parse_part(input));
        } else if input.peek(Token![=]) || input.peek(token::Bracket) || input.peek(token::Brace) {
            let error = input.error(
                "`background` takes no value; its options go in parentheses: `background(attempts = 5)`",
            );
            input.parse::<TokenStream>()?;
            return Err(error);
        }
        Ok(background)
    }

    fn parse_part(&mut self, input: ParseStream<'_>) -> syn::Result<()> {
        let key = input.call(Ident::parse_any).map_err(|error| {
            syn::Error::new(
                error.span(),
                format!("expected `key = value` with one of the keys {KEY_LIST}"),
            )
        })?;
        let name = key.unraw().to_string();
        let Some(example) = Self::example(&name) else {
            input.parse::<TokenStream>()?;
            let message = match suggestion(&name) {
                Some(key) => format!("unknown key `{name}` of `background`: did you mean `{key}`?"),
                None => format!("unknown key `{name}` of `background`: its keys are {KEY_LIST}"),
            };
            return Err(syn::Error::new(key.span(), message));
        };
        if name == LATEST {
            return set_once(&mut self.latest, queue::latest(&key, input)?, LATEST, key.span());
        }
        parse_equals(&key, input, example)?;
        match name.as_str() {
            ATTEMPTS => {
                set_once(&mut self.attempts, number(&key, input, example)?, ATTEMPTS, key.span())
            }
            TIMEOUT => {
                set_once(&mut self.timeout, duration(&key, input, example)?, TIMEOUT, key.span())
            }
            CONCURRENCY => set_once(
                &mut self.concurrency,
                number(&key, input, example)?,
                CONCURRENCY,
                key.span(),
            ),
            BACKOFF => {
                set_once(&mut self.backoff, backoff(&key, input, example)?, BACKOFF, key.span())
            }
            KEY => set_once(&mut self.key, queue::key(&key, input)?, KEY, key.span()),
            DEBOUNCE => {
                let wait = queue::debounce(&key, input, example)?;
                set_once(&mut self.debounce, wait, DEBOUNCE, key.span())
            }
            _ => {
                let window = duration(&key, input, example)?;
                set_once(&mut self.dedup_window, window, DEDUP_WINDOW, key.span())
            }
        }
    }

    /// Returns an example of this key, as it is written; `None` for an unknown key.
    pub(crate) fn written(key: &str) -> Option<String> {
        let example = Self::example(key)?;
        Some(match key {
            // They need a key.
            LATEST => format!("{KEY} = \"repo\", {LATEST}"),
            DEBOUNCE => format!("{KEY} = \"repo\", {DEBOUNCE} = {example}"),
            _ => format!("{key} = {example}"),
        })
    }

    /// Returns an example of a value for this key; `None` for an unknown key.
    fn example(key: &str) -> Option<&'static str> {
        match key {
            ATTEMPTS => Some("5"),
            TIMEOUT => Some("\"2h\""),
            CONCURRENCY => Some("1"),
            BACKOFF => Some("\"10s..30m\""),
            DEDUP_WINDOW => Some("\"2m\""),
            KEY => Some("\"repo\""),
            LATEST => Some("\"cancel\""),
            DEBOUNCE => Some("\"5m..30m\""),
            _ => None,
        }
    }
}

fn number(key: &Ident, input: ParseStream<'_>, example: &str) -> syn::Result<Located<u64>> {
    let number: syn::Result<LitInt> = input.parse();
    let read = number.map(|number| {
        // A number that exceeds `u64` is out of range for every key.
        let value = number.base10_digits().parse().unwrap_or(u64::MAX);
        Located { value, span: number.span() }
    });
    read.map_err(|error| {
        let _ = input.parse::<TokenStream>();
        let message = format!("expected a whole number: `{key} = {example}`");
        syn::Error::new(error.span(), message)
    })
}

fn duration(key: &Ident, input: ParseStream<'_>, example: &str) -> syn::Result<Located<Duration>> {
    let text = parse_text(key, input, example)?;
    match humantime::parse_duration(&text.value()) {
        Ok(value) => Ok(Located { value, span: text.span() }),
        Err(_) => Err(syn::Error::new(
            text.span(),
            "this is not a duration: write \"90s\", \"2h\" or \"1h 30m\", for example",
        )),
    }
}

/// Parses `"shortest..longest"`, or one duration that is both.
fn backoff(
    key: &Ident,
    input: ParseStream<'_>,
    example: &str,
) -> syn::Result<Located<(Duration, Duration)>> {
    let text = parse_text(key, input, example)?;
    let written = text.value();
    let (shortest, longest) = written.split_once("..").unwrap_or((&written, &written));
    let read = |text: &str| humantime::parse_duration(text.trim());
    match (read(shortest), read(longest)) {
        (Ok(shortest), Ok(longest)) => {
            Ok(Located { value: (shortest, longest), span: text.span() })
        }
        _ => Err(syn::Error::new(
            text.span(),
            "this is not a backoff: write \"10s..30m\" to wait 10 seconds after the first failure and at \
             most 30 minutes, or \"10s\" to wait the same time after each failure",
        )),
    }
}

/// Returns the key that the author of an unknown one probably meant, by its meaning or its spelling.
pub(crate) fn suggestion(wrong: &str) -> Option<&'static str> {
    match wrong {
        "retries" | "retry" | "max_retries" | "max_attempts" | "tries" => Some(ATTEMPTS),
        "limit" | "max_concurrency" | "parallel" | "workers" => Some(CONCURRENCY),
        "delay" | "retry_delay" | "interval" => Some(BACKOFF),
        "deadline" | "max_duration" => Some(TIMEOUT),
        "dedup" | "deduplicate" => Some(DEDUP_WINDOW),
        "group" | "group_by" | "by" | "concurrency_key" => Some(KEY),
        "newest" | "last" | "supersede" | "replace" => Some(LATEST),
        "quiet" | "throttle" | "wait" => Some(DEBOUNCE),
        _ => similar(wrong, &KEYS),
    }
}
