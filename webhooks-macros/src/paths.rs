//! Every path of the runtime in the generated code. All of them are absolute, so that no name in the user's crate
//! can shadow them.

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::{quote, quote_spanned};
use syn::Path;

/// The path of the runtime: `::webhooks_runtime`, or the one in `crate = …`.
pub(crate) struct Paths {
    private: TokenStream,
}

impl Paths {
    pub(crate) fn new(krate: Option<&Path>) -> Self {
        let krate = match krate {
            None => quote!(::webhooks_runtime),
            // A single name is a dependency. `::` finds it under `#![no_implicit_prelude]`, too.
            Some(path) => match path.get_ident() {
                Some(name) if name != "crate" && name != "self" && name != "super" => {
                    quote!(::#name)
                }
                _ => quote!(#path),
            },
        };
        Self { private: quote!(#krate::__private) }
    }

    /// The module for functions that run in the background. It may be missing: then the error is at `span`.
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
    body_kind => BodyKind,
    boxed => Box,
    call => Call,
    call_future => CallFuture,
    defer => defer,
    endpoint => Endpoint,
    filter_keys => FilterKeys,
    handler => Handler,
    json_body_kind => JsonBodyKind,
    launch => launch,
    launch_error => LaunchError,
    location => Location,
    option => Option,
    other_arg => OtherArg,
    other_body_kind => OtherBodyKind,
    other_data => OtherData,
    other_hub => OtherHub,
    other_reply => OtherReply,
    reply => Reply,
    request => request,
    required_data => required_data,
    required_data_type => RequiredData,
    result => Result,
    run_blocking => run_blocking,
    submit => submit,
    vec => Vec,
}
