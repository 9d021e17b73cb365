//! Parses the keys that select deliveries: `on`, `watch`, `watch_env`, `branch` and `refs`. Each is optional, and its
//! value is a string or a list of strings.

use proc_macro2::TokenStream;
use syn::parse::ParseStream;
use syn::{Ident, LitStr, token};

use crate::errors::Errors;
use crate::parse::{parse_equals, parse_parts, parse_text, set_once};

pub(crate) const ON: &str = "on";
pub(crate) const WATCH: &str = "watch";
pub(crate) const WATCH_ENV: &str = "watch_env";
pub(crate) const BRANCH: &str = "branch";
pub(crate) const REFS: &str = "refs";

/// The keys that select deliveries. `None` stands for no condition.
#[derive(Default)]
pub(crate) struct FilterArgs {
    pub(crate) on: Option<Vec<LitStr>>,
    pub(crate) watch: Option<Vec<LitStr>>,
    pub(crate) watch_env: Option<LitStr>,
    pub(crate) branch: Option<Vec<LitStr>>,
    pub(crate) refs: Option<Vec<LitStr>>,
}

impl FilterArgs {
    /// Returns an example of a value for this key; `None` for a key that does not select deliveries.
    pub(crate) fn example(key: &str) -> Option<&'static str> {
        match key {
            ON => Some("\"create discussion.comment\""),
            WATCH => Some("\"dataset:me/data\""),
            WATCH_ENV => Some("\"BOT_WATCH\""),
            BRANCH => Some("\"main\""),
            REFS => Some("\"refs/tags/*\""),
            _ => None,
        }
    }

    /// Parses the tokens after a key, whose example this is.
    pub(crate) fn parse(
        &mut self,
        key: &Ident,
        name: &str,
        example: &str,
        input: ParseStream<'_>,
        errors: &mut Errors,
    ) -> syn::Result<()> {
        parse_equals(key, input, example)?;
        if name == WATCH_ENV {
            let variable = parse_text(key, input, example)?;
            return set_once(&mut self.watch_env, variable, name, key.span());
        }
        let texts = parse_texts(key, input, example, errors)?;
        let slot = match name {
            ON => &mut self.on,
            WATCH => &mut self.watch,
            BRANCH => &mut self.branch,
            _ => &mut self.refs,
        };
        set_once(slot, texts, name, key.span())
    }
}

/// Parses a string literal, or a list of them: `["main", "release/*"]`.
fn parse_texts(
    key: &Ident,
    input: ParseStream<'_>,
    example: &str,
    errors: &mut Errors,
) -> syn::Result<Vec<LitStr>> {
    if !input.peek(token::Bracket) {
        return Ok(vec![parse_text(key, input, example)?]);
    }
    let content;
    let bracket = syn::bracketed!(content in input);
    let tokens: TokenStream = content.parse()?;
    if tokens.is_empty() {
        let message = format!("`{key}` has no value: write `{key} = {example}`, or remove `{key}`");
        return Err(syn::Error::new(bracket.span.join(), message));
    }
    let mut texts = Vec::new();
    parse_parts(tokens, errors, |input, _| {
        texts.push(parse_text(key, input, example)?);
        Ok(())
    });
    Ok(texts)
}
