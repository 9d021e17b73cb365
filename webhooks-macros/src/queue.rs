//! Parses the options of `background(…)` for deliveries that belong together: `key`, `latest` and `debounce`.

use std::time::Duration;

use proc_macro2::{Span, TokenStream};
use syn::ext::IdentExt;
use syn::parse::ParseStream;
use syn::{Ident, LitStr, Path, Token, token};

use crate::parse::{Located, parse_equals, parse_text, similar};

/// What the words of `key` mean.
const KEY_WORDS: [(&str, KeyWord); 3] =
    [("repo", KeyWord::Repo), ("discussion", KeyWord::Discussion), ("ref", KeyWord::Ref)];

const CANCEL: &str = "cancel";

/// How often the quiet time fits into the longest wait, if only the quiet time is given.
const QUIET_TIMES: u32 = 6;

/// What groups the deliveries of an endpoint.
pub(crate) enum KeyOption {
    Word(Located<KeyWord>),
    /// A function from the payload to a text.
    Function(Path),
}

/// What groups deliveries, as one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyWord {
    Repo,
    Discussion,
    Ref,
}

/// The option `latest`.
pub(crate) struct LatestOption {
    /// The location of the word `latest`.
    pub(crate) span: Span,
    /// The location of `"cancel"`, if it is the value.
    pub(crate) cancel: Option<Span>,
}

/// The shortest and the longest wait of `debounce`.
pub(crate) struct Wait {
    pub(crate) quiet: Duration,
    pub(crate) at_most: Duration,
}

/// Parses the value of `key`: a word, or a function's path.
pub(crate) fn key(key: &Ident, input: ParseStream<'_>) -> syn::Result<KeyOption> {
    if input.peek(Ident::peek_any) || input.peek(Token![::]) {
        let path = input.call(Path::parse_mod_style);
        return match path {
            Ok(path) if !input.peek(token::Paren) => Ok(KeyOption::Function(path)),
            read => {
                let span = read.map_or_else(|error| error.span(), |_| input.span());
                input.parse::<TokenStream>()?;
                let text = "expected the path of a function, without arguments: `key = path::to::function`";
                Err(syn::Error::new(span, text))
            }
        };
    }
    let word: LitStr = input.parse().map_err(|error: syn::Error| {
        let _ = input.parse::<TokenStream>();
        let text = format!(
            "expected \"repo\", \"discussion\", \"ref\" or the path of a function: `{key} = \"repo\"`"
        );
        syn::Error::new(error.span(), text)
    })?;
    let written = word.value();
    match KEY_WORDS.iter().find(|(name, _)| *name == written) {
        Some((_, value)) => Ok(KeyOption::Word(Located { value: *value, span: word.span() })),
        None => Err(syn::Error::new(word.span(), unknown_word(&written))),
    }
}

fn unknown_word(written: &str) -> String {
    let meant = match written {
        "repository" | "repo.name" | "name" | "model" | "dataset" | "space" => Some("repo"),
        "pr" | "pull_request" | "discussion.num" | "num" => Some("discussion"),
        "branch" | "tag" | "refs" => Some("ref"),
        _ => similar(written, &KEY_WORDS.map(|(name, _)| name)),
    };
    match meant {
        Some(word) => format!("unknown key \"{written}\": did you mean \"{word}\"?"),
        // The name of a function, probably.
        None if syn::parse_str::<Path>(written).is_ok() => format!(
            "unknown key \"{written}\": write \"repo\", \"discussion\" or \"ref\", or a function without \
             quotes, `key = {written}`"
        ),
        None => format!(
            "unknown key \"{written}\": write \"repo\", \"discussion\" or \"ref\", or the path of a function"
        ),
    }
}

/// Parses what follows `latest`: nothing, or `= "cancel"`.
pub(crate) fn latest(key: &Ident, input: ParseStream<'_>) -> syn::Result<LatestOption> {
    let mut latest = LatestOption { span: key.span(), cancel: None };
    if input.is_empty() {
        return Ok(latest);
    }
    let wrong =
        "expected `latest` alone, or `latest = \"cancel\"` to stop a running function as well";
    if !input.peek(Token![=]) {
        let error = input.error(wrong);
        input.parse::<TokenStream>()?;
        return Err(error);
    }
    parse_equals(key, input, "\"cancel\"")?;
    let value: syn::Result<LitStr> = input.parse();
    let value = value.map_err(|error| {
        let _ = input.parse::<TokenStream>();
        syn::Error::new(error.span(), wrong)
    })?;
    if value.value() != CANCEL {
        return Err(syn::Error::new(value.span(), wrong));
    }
    latest.cancel = Some(value.span());
    Ok(latest)
}

/// Parses `"quiet..at_most"`, or the quiet time alone.
pub(crate) fn debounce(
    key: &Ident,
    input: ParseStream<'_>,
    example: &str,
) -> syn::Result<Located<Wait>> {
    let text = parse_text(key, input, example)?;
    let written = text.value();
    let read = |text: &str| humantime::parse_duration(text.trim());
    let wait = match written.split_once("..") {
        Some((quiet, at_most)) => read(quiet).and_then(|quiet| Ok((quiet, read(at_most)?))),
        None => read(&written).map(|quiet| (quiet, quiet.saturating_mul(QUIET_TIMES))),
    };
    match wait {
        Ok((quiet, at_most)) => Ok(Located { value: Wait { quiet, at_most }, span: text.span() }),
        Err(_) => Err(syn::Error::new(
            text.span(),
            "this is not a time to wait: write \"5m..30m\" to wait until nothing has arrived for 5 minutes, but \
             at most 30 minutes, or \"5m\" for the same",
        )),
    }
}
