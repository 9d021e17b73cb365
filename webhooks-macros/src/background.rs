//! The options of `background(…)`.

use std::time::Duration;

use proc_macro2::{Span, TokenStream};
use syn::ext::IdentExt;
use syn::parse::ParseStream;
use syn::{Ident, LitInt, Token, token};

use crate::errors::Errors;
use crate::parse::{equals, parts, put, similar, text};

const ATTEMPTS: &str = "attempts";
const TIMEOUT: &str = "timeout";
const CONCURRENCY: &str = "concurrency";
const BACKOFF: &str = "backoff";
const DEDUP_WINDOW: &str = "dedup_window";
const KEYS: [&str; 5] = [ATTEMPTS, TIMEOUT, CONCURRENCY, BACKOFF, DEDUP_WINDOW];
/// The same, as error messages list them.
const LISTED: &str = "`attempts`, `timeout`, `concurrency`, `backoff`, `dedup_window`";

/// A value, with its place.
pub(crate) struct Written<T> {
    pub(crate) value: T,
    pub(crate) span: Span,
}

/// The values of all keys.
pub(crate) struct Background {
    /// The place of the word `background`.
    pub(crate) span: Span,
    pub(crate) attempts: Option<Written<u64>>,
    pub(crate) timeout: Option<Written<Duration>>,
    pub(crate) concurrency: Option<Written<u64>>,
    /// The shortest and the longest.
    pub(crate) backoff: Option<Written<(Duration, Duration)>>,
    pub(crate) dedup_window: Option<Written<Duration>>,
}

impl Background {
    /// Reads what stands behind the word `background`: nothing, or `(key = value, …)`.
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
        };
        if input.peek(token::Paren) {
            let content;
            syn::parenthesized!(content in input);
            let tokens: TokenStream = content.parse()?;
            parts(tokens, errors, |input, _| background.parse_part(input));
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
                format!("expected `key = value` with one of the keys {LISTED}"),
            )
        })?;
        let name = key.unraw().to_string();
        let Some(example) = Self::example(&name) else {
            input.parse::<TokenStream>()?;
            let message = match meant(&name) {
                Some(key) => format!("unknown key `{name}` of `background`: did you mean `{key}`?"),
                None => format!("unknown key `{name}` of `background`: its keys are {LISTED}"),
            };
            return Err(syn::Error::new(key.span(), message));
        };
        equals(&key, input, example)?;
        match name.as_str() {
            ATTEMPTS => {
                put(&mut self.attempts, number(&key, input, example)?, ATTEMPTS, key.span())
            }
            TIMEOUT => put(&mut self.timeout, duration(&key, input, example)?, TIMEOUT, key.span()),
            CONCURRENCY => {
                put(&mut self.concurrency, number(&key, input, example)?, CONCURRENCY, key.span())
            }
            BACKOFF => put(&mut self.backoff, backoff(&key, input, example)?, BACKOFF, key.span()),
            _ => {
                let window = duration(&key, input, example)?;
                put(&mut self.dedup_window, window, DEDUP_WINDOW, key.span())
            }
        }
    }

    /// A value that this key may have; none for an unknown key.
    pub(crate) fn example(key: &str) -> Option<&'static str> {
        match key {
            ATTEMPTS => Some("5"),
            TIMEOUT => Some("\"2h\""),
            CONCURRENCY => Some("1"),
            BACKOFF => Some("\"10s..30m\""),
            DEDUP_WINDOW => Some("\"2m\""),
            _ => None,
        }
    }
}

fn number(key: &Ident, input: ParseStream<'_>, example: &str) -> syn::Result<Written<u64>> {
    let number: syn::Result<LitInt> = input.parse();
    let read = number.map(|number| {
        // What no `u64` holds is too large for each of the keys.
        let value = number.base10_digits().parse().unwrap_or(u64::MAX);
        Written { value, span: number.span() }
    });
    read.map_err(|error| {
        let _ = input.parse::<TokenStream>();
        let message = format!("expected a whole number: `{key} = {example}`");
        syn::Error::new(error.span(), message)
    })
}

fn duration(key: &Ident, input: ParseStream<'_>, example: &str) -> syn::Result<Written<Duration>> {
    let text = text(key, input, example)?;
    match humantime::parse_duration(&text.value()) {
        Ok(value) => Ok(Written { value, span: text.span() }),
        Err(_) => Err(syn::Error::new(
            text.span(),
            "this is not a duration: write \"90s\", \"2h\" or \"1h 30m\", for example",
        )),
    }
}

/// Two durations with `..` in between, or one that is both.
fn backoff(
    key: &Ident,
    input: ParseStream<'_>,
    example: &str,
) -> syn::Result<Written<(Duration, Duration)>> {
    let text = text(key, input, example)?;
    let written = text.value();
    let (shortest, longest) = written.split_once("..").unwrap_or((&written, &written));
    let read = |text: &str| humantime::parse_duration(text.trim());
    match (read(shortest), read(longest)) {
        (Ok(shortest), Ok(longest)) => {
            Ok(Written { value: (shortest, longest), span: text.span() })
        }
        _ => Err(syn::Error::new(
            text.span(),
            "this is not a backoff: write \"10s..30m\" to wait 10 seconds after the first failure and at \
             most 30 minutes, or \"10s\" to wait the same time after each failure",
        )),
    }
}

/// The key that a wrong one was probably meant to be, by its meaning or its spelling.
pub(crate) fn meant(wrong: &str) -> Option<&'static str> {
    match wrong {
        "retries" | "retry" | "max_retries" | "max_attempts" | "tries" => Some(ATTEMPTS),
        "limit" | "max_concurrency" | "parallel" | "workers" => Some(CONCURRENCY),
        "delay" | "retry_delay" | "interval" => Some(BACKOFF),
        "deadline" | "max_duration" => Some(TIMEOUT),
        "dedup" | "deduplicate" => Some(DEDUP_WINDOW),
        _ => similar(wrong, &KEYS),
    }
}
