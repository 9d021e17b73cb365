//! Parses the keys that select deliveries: `on`, `watch`, `watch_env`, `branch`, `refs` and `paths`. Each is optional,
//! and its value is a string or a list of strings.

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
pub(crate) const PATHS: &str = "paths";

/// A key that selects deliveries.
#[derive(Clone, Copy, Debug)]
pub(crate) enum FilterKey {
    On,
    Watch,
    WatchEnv,
    Branch,
    Refs,
    Paths,
}

impl FilterKey {
    /// Returns the key with this name; `None` for a key that does not select deliveries.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        let keys = [Self::On, Self::Watch, Self::WatchEnv, Self::Branch, Self::Refs, Self::Paths];
        keys.into_iter().find(|key| key.name() == name)
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::On => ON,
            Self::Watch => WATCH,
            Self::WatchEnv => WATCH_ENV,
            Self::Branch => BRANCH,
            Self::Refs => REFS,
            Self::Paths => PATHS,
        }
    }

    /// Returns an example of a value.
    pub(crate) const fn example(self) -> &'static str {
        match self {
            Self::On => "\"create discussion.comment\"",
            Self::Watch => "\"dataset:me/data\"",
            Self::WatchEnv => "\"BOT_WATCH\"",
            Self::Branch => "\"main\"",
            Self::Refs => "\"refs/tags/*\"",
            Self::Paths => "\"data/**\"",
        }
    }
}

/// The keys that select deliveries. `None` stands for no condition.
#[derive(Default)]
pub(crate) struct FilterArgs {
    pub(crate) on: Option<Vec<LitStr>>,
    pub(crate) watch: Option<Vec<LitStr>>,
    pub(crate) watch_env: Option<LitStr>,
    pub(crate) branch: Option<Vec<LitStr>>,
    pub(crate) refs: Option<Vec<LitStr>>,
    pub(crate) paths: Option<Vec<LitStr>>,
}

impl FilterArgs {
    /// Parses the tokens after a key.
    pub(crate) fn parse(
        &mut self,
        key: FilterKey,
        written: &Ident,
        input: ParseStream<'_>,
        errors: &mut Errors,
    ) -> syn::Result<()> {
        let example = key.example();
        parse_equals(written, input, example)?;
        let slot = match key {
            FilterKey::On => &mut self.on,
            FilterKey::Watch => &mut self.watch,
            FilterKey::Branch => &mut self.branch,
            FilterKey::Refs => &mut self.refs,
            FilterKey::Paths => &mut self.paths,
            FilterKey::WatchEnv => {
                let variable = parse_text(written, input, example)?;
                return set_once(&mut self.watch_env, variable, key.name(), written.span());
            }
        };
        let texts = parse_texts(written, input, example, errors)?;
        set_once(slot, texts, key.name(), written.span())
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
