//! Collects errors, so that one doesn't hide the next.

use proc_macro2::TokenStream;
use quote::quote;
use syn::Attribute;
use syn::spanned::Spanned;

/// The errors found so far. Dropping it unread is a mistake in the macro, and panics.
#[derive(Debug)]
pub(crate) struct Errors {
    found: Option<Vec<syn::Error>>,
}

impl Errors {
    pub(crate) fn new() -> Self {
        Self { found: Some(Vec::new()) }
    }

    /// Adds an error under `place`.
    pub(crate) fn at(&mut self, place: &impl Spanned, message: impl std::fmt::Display) {
        self.push(syn::Error::new(place.span(), message));
    }

    pub(crate) fn push(&mut self, error: syn::Error) {
        self.found.get_or_insert_default().push(error);
    }

    /// Ends the collecting: `compile_error!` for each error under these `#[cfg(…)]`s, `None` when there
    /// are none.
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
