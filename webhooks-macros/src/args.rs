//! What stands in the attribute's brackets.

use proc_macro2::{TokenStream, TokenTree};
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};
use syn::{Ident, LitStr, Path, Token};

use crate::background::Background;
use crate::errors::Errors;

const PATH: &str = "path";
const SECRET_ENV: &str = "secret_env";
const BACKGROUND: &str = "background";
const CRATE: &str = "crate";
/// Every key, as error messages list them.
const KEYS: &str = "`path`, `secret_env`, `background`, `crate`";

/// The values of all keys.
#[derive(Default)]
pub(crate) struct Args {
    pub(crate) path: Option<LitStr>,
    pub(crate) secret_env: Option<LitStr>,
    pub(crate) background: Option<Background>,
    pub(crate) krate: Option<Path>,
}

impl Args {
    /// Reads `"/path"`, `key = value`, or several of these. What cannot be read goes to `errors`, and
    /// the rest is read all the same.
    pub(crate) fn parse(tokens: TokenStream, errors: &mut Errors) -> Self {
        let mut args = Self::default();
        parts(tokens, errors, |input, errors| args.parse_part(input, errors));
        args
    }

    fn parse_part(&mut self, input: ParseStream<'_>, errors: &mut Errors) -> syn::Result<()> {
        if input.peek(LitStr) {
            let path: LitStr = input.parse()?;
            return put(&mut self.path, path.clone(), PATH, path.span());
        }
        let key = input.call(Ident::parse_any).map_err(|error| {
            syn::Error::new(
                error.span(),
                format!(
                    "expected a path like \"/say_hello\", or `key = value` with one of the keys {KEYS}"
                ),
            )
        })?;
        let name = key.unraw().to_string();
        match name.as_str() {
            BACKGROUND => {
                let background = Background::parse(key.span(), input, errors)?;
                put(&mut self.background, background, BACKGROUND, key.span())
            }
            PATH => put(&mut self.path, text(&key, input)?, PATH, key.span()),
            SECRET_ENV => put(&mut self.secret_env, text(&key, input)?, SECRET_ENV, key.span()),
            CRATE => {
                equals(&key, input, "my_name")?;
                let path = input.call(Path::parse_mod_style).map_err(|error| {
                    let _ = input.parse::<TokenStream>();
                    let text = "expected the crate's name, without quotes: `crate = my_name`";
                    syn::Error::new(error.span(), text)
                })?;
                put(&mut self.krate, path, CRATE, key.span())
            }
            unknown => {
                // The rest of this part belongs to a key that we know nothing about.
                input.parse::<TokenStream>()?;
                let message = match Background::example(unknown) {
                    Some(example) => format!(
                        "`{unknown}` stands in the brackets of `{BACKGROUND}`: \
                         `{BACKGROUND}({unknown} = {example})`"
                    ),
                    None => format!("unknown key `{unknown}`; the keys are {KEYS}"),
                };
                Err(syn::Error::new(key.span(), message))
            }
        }
    }
}

/// Reads what stands between commas, each by itself, so that a mistake in one leaves the others be.
pub(crate) fn parts(
    tokens: TokenStream,
    errors: &mut Errors,
    mut parse_part: impl FnMut(ParseStream<'_>, &mut Errors) -> syn::Result<()>,
) {
    for part in split_at_commas(tokens) {
        let parse = |input: ParseStream<'_>| {
            parse_part(input, errors)?;
            if input.is_empty() {
                return Ok(());
            }
            let error = input.error("a comma is missing in front of this");
            input.parse::<TokenStream>()?;
            Err(error)
        };
        if let Err(error) = parse.parse2(part) {
            errors.push(error);
        }
    }
}

/// Sets a value that hasn't been set yet.
pub(crate) fn put<T>(
    slot: &mut Option<T>,
    value: T,
    key: &str,
    span: proc_macro2::Span,
) -> syn::Result<()> {
    if slot.is_some() {
        return Err(syn::Error::new(span, format!("`{key}` is given twice; leave one out")));
    }
    *slot = Some(value);
    Ok(())
}

/// Reads the `=` between a key and its value.
pub(crate) fn equals(key: &Ident, input: ParseStream<'_>, example: &str) -> syn::Result<()> {
    if input.peek(Token![=]) {
        input.parse::<Token![=]>()?;
        if !input.is_empty() {
            return Ok(());
        }
    }
    input.parse::<TokenStream>()?;
    Err(syn::Error::new(key.span(), format!("`{key}` needs a value: `{key} = {example}`")))
}

/// The text after `key =`.
fn text(key: &Ident, input: ParseStream<'_>) -> syn::Result<LitStr> {
    let example = if key == PATH { "\"/say_hello\"" } else { "\"MY_SECRET\"" };
    equals(key, input, example)?;
    input.parse().map_err(|error| {
        // Read to the end, or the parser would complain about the rest instead.
        let _ = input.parse::<TokenStream>();
        syn::Error::new(error.span(), format!("expected text in quotes: `{key} = {example}`"))
    })
}

/// Splits where commas stand outside of brackets.
fn split_at_commas(tokens: TokenStream) -> Vec<TokenStream> {
    let tokens: Vec<_> = tokens.into_iter().collect();
    tokens
        .split(|token| matches!(token, TokenTree::Punct(punct) if punct.as_char() == ','))
        .filter(|part| !part.is_empty())
        .map(|part| part.iter().cloned().collect())
        .collect()
}
