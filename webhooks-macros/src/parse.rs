//! Helpers that the parsers of the attribute's options share.

use proc_macro2::{Delimiter, Group, Span, TokenStream, TokenTree};
use syn::parse::{ParseStream, Parser};
use syn::{Ident, LitStr, Token, token};

use crate::errors::Errors;

/// A value with the location of its literal, for errors that are found later.
pub(crate) struct Located<T> {
    pub(crate) value: T,
    pub(crate) span: Span,
}

/// Parses tokens that are separated by commas. Each part is parsed by itself, so that an error in one does not
/// hide those in the others.
pub(crate) fn parse_parts(
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
            let error = input.error("expected a comma before this");
            input.parse::<TokenStream>()?;
            Err(error)
        };
        if let Err(error) = parse_grouped(part, parse) {
            errors.push(error);
        }
    }
}

/// Parses tokens in a group at their last token, which is the place of an error at their end. Without the group it would be
/// the whole attribute.
fn parse_grouped(
    tokens: TokenStream,
    parse: impl FnOnce(ParseStream<'_>) -> syn::Result<()>,
) -> syn::Result<()> {
    let last = tokens.clone().into_iter().last().map_or_else(Span::call_site, |last| last.span());
    let mut group = Group::new(Delimiter::Parenthesis, tokens);
    group.set_span(last);
    let parse = |input: ParseStream<'_>| {
        let content;
        syn::parenthesized!(content in input);
        parse(&content)
    };
    parse.parse2(TokenTree::from(group).into())
}

/// Sets the value of an option, or returns an error if it is set already.
pub(crate) fn set_once<T>(
    slot: &mut Option<T>,
    value: T,
    key: &str,
    span: Span,
) -> syn::Result<()> {
    if slot.is_some() {
        return Err(syn::Error::new(span, format!("`{key}` is set twice: remove one")));
    }
    *slot = Some(value);
    Ok(())
}

/// Parses the `=` between a key and its value.
pub(crate) fn parse_equals(key: &Ident, input: ParseStream<'_>, example: &str) -> syn::Result<()> {
    if input.peek(Token![=]) {
        input.parse::<Token![=]>()?;
        if !input.is_empty() {
            return Ok(());
        }
    }
    input.parse::<TokenStream>()?;
    Err(syn::Error::new(key.span(), format!("`{key}` needs a value: `{key} = {example}`")))
}

/// Parses the string literal after `key =`.
pub(crate) fn parse_text(
    key: &Ident,
    input: ParseStream<'_>,
    example: &str,
) -> syn::Result<LitStr> {
    let is_code = is_code(input);
    input.parse().map_err(|error| {
        // Consume the rest, which would be reported as another error.
        let _ = input.parse::<TokenStream>();
        let written = format!("{key} = {example}");
        let message = if is_code {
            not_evaluated(&written)
        } else {
            format!("expected a string literal: `{written}`")
        };
        syn::Error::new(error.span(), message)
    })
}

/// Returns whether an expression follows: a constant, a macro call, or parentheses.
pub(crate) fn is_code(input: ParseStream<'_>) -> bool {
    input.peek(Ident)
        || input.peek(Token![::])
        || input.peek(token::Paren)
        || input.peek(token::Brace)
}

/// Returns the message for an expression in place of a literal.
pub(crate) fn not_evaluated(written: &str) -> String {
    format!(
        "expected a string literal, because an attribute cannot evaluate constants or macros: write `{written}`"
    )
}

/// Returns the option whose spelling is nearest to an unknown one, if it is near.
pub(crate) fn similar<'a>(wrong: &str, options: &[&'a str]) -> Option<&'a str> {
    let distance = |option: &&&str| strsim::osa_distance(wrong, option);
    let nearest = options.iter().min_by_key(distance)?;
    (distance(&nearest) <= nearest.len().div_ceil(3)).then_some(nearest)
}

/// Splits tokens at the commas that are not inside brackets.
pub(crate) fn split_at_commas(tokens: TokenStream) -> Vec<TokenStream> {
    let tokens: Vec<_> = tokens.into_iter().collect();
    tokens
        .split(|token| matches!(token, TokenTree::Punct(punct) if punct.as_char() == ','))
        .filter(|part| !part.is_empty())
        .map(|part| part.iter().cloned().collect())
        .collect()
}
