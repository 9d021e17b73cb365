//! Every path of the runtime that the expansion names. All of them are absolute, so that nothing in
//! the user's crate can stand in the way.

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::{quote, quote_spanned};
use syn::Path;

/// Where the runtime is found: `::webhooks_runtime`, or what `crate = …` says.
pub(crate) struct Paths {
    private: TokenStream,
}

impl Paths {
    pub(crate) fn new(krate: Option<&Path>) -> Self {
        let krate = match krate {
            None => quote!(::webhooks_runtime),
            // One name is a dependency's, also where `#![no_implicit_prelude]` would hide it.
            Some(path) => match path.get_ident() {
                Some(name) if name != "crate" && name != "self" && name != "super" => {
                    quote!(::#name)
                }
                _ => quote!(#path),
            },
        };
        Self { private: quote!(#krate::__private) }
    }

    /// The module for functions that run in the background, which may be missing: the error stands at
    /// `span`.
    pub(crate) fn background(&self, span: Span) -> TokenStream {
        let at_span = |mut token: TokenTree| {
            token.set_span(span.resolved_at(token.span()));
            token
        };
        let private: TokenStream = self.private.clone().into_iter().map(at_span).collect();
        quote_spanned!(span=> #private::background)
    }
}

macro_rules! paths {
    ($($method:ident => $name:ident),+ $(,)?) => {
        impl Paths {
            $(
                pub(crate) fn $method(&self) -> TokenStream {
                    let private = &self.private;
                    quote!(#private::$name)
                }
            )+
        }
    };
}

paths! {
    arg => Arg,
    boxed => Box,
    call => Call,
    call_future => CallFuture,
    defer => defer,
    endpoint => Endpoint,
    json_takes => JsonTakes,
    launch => launch,
    launch_error => LaunchError,
    location => Location,
    needs => needs,
    needs_type => Needs,
    option => Option,
    other_arg => OtherArg,
    other_needs => OtherNeeds,
    other_reply => OtherReply,
    other_takes => OtherTakes,
    reply => Reply,
    request => request,
    result => Result,
    run_blocking => run_blocking,
    submit => submit,
    takes => Takes,
}
