//! Collects errors, so that one compilation reports all of them.

use proc_macro2::TokenStream;
use quote::quote;
use syn::Attribute;
use syn::spanned::Spanned;

/// The errors found so far. Dropping it without calling [`finish`](Self::finish) panics, because the errors
/// would be lost.
#[derive(Debug)]
pub(crate) struct Errors {
    found: Option<Vec<syn::Error>>,
}

impl Errors {
    pub(crate) fn new() -> Self {
        Self { found: Some(Vec::new()) }
    }

    /// Adds an error that points at `tokens`.
    pub(crate) fn at(&mut self, tokens: &impl Spanned, message: impl std::fmt::Display) {
        self.push(syn::Error::new(tokens.span(), message));
    }

    pub(crate) fn push(&mut self, error: syn::Error) {
        self.found.get_or_insert_default().push(error);
    }

    /// Returns a `compile_error!` for each error, under these `#[cfg(…)]`s; `None` when there are no errors.
    pub(crate) fn finish(mut self, cfgs: &[&Attribute]) -> Option<TokenStream> {
        let errors = self.found.take().unwrap_or_default().into_iter().flatten();
        let tokens: TokenStream = errors
            .map(|error| {
                let error = error.to_compile_error();
                quote!(#(#cfgs)* #error)
            })
            .collect();
        (!tokens.is_empty()).then_some(tokens)
    }
}

impl Drop for Errors {
    fn drop(&mut self) {
        assert!(
            self.found.is_none() || std::thread::panicking(),
            "errors of the macro were dropped unread"
        );
    }
}
