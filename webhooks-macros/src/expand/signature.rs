//! Reads a function's signature, and generates the code that needs nothing else: the function's location, the body
//! that its arguments read, and whether one of them is a `Hub`.

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{GenericArgument, Ident, PathArguments, Type};

use crate::item::Function;
use crate::paths::Paths;

/// Generates the location of the function.
pub(super) fn location(function: &Function, paths: &Paths) -> TokenStream {
    let location = paths.location();
    // The line of the name, not of the attribute.
    let line = quote_spanned!(function.signature.ident.span()=> ::core::line!());
    quote!(#location::__new(::core::module_path!(), ::core::file!(), #line))
}

/// Generates the function that returns what the arguments read of the body.
pub(super) fn body_kind(function: &Function, paths: &Paths) -> TokenStream {
    let (arg, body_kind) = (paths.arg(), paths.body_kind());
    let (json, other) = (paths.json_body_kind(), paths.other_body_kind());
    let types = function.argument_types();
    quote_spanned! {Span::mixed_site()=>
        fn __webhooks_body_kind() -> #body_kind {
            #[allow(unused_imports, reason = "not every function needs both")]
            use {#json as _, #other as _};
            #body_kind::of([#(#arg::<#types>::NEW.body_kind()),*])
        }
    }
}

/// Generates the function that returns whether an argument is a `Hub`.
pub(super) fn takes_hub(function: &Function, paths: &Paths) -> TokenStream {
    let (arg, other) = (paths.arg(), paths.other_hub());
    let types = function.argument_types();
    quote_spanned! {Span::mixed_site()=>
        fn __webhooks_takes_hub() -> ::core::primitive::bool {
            #[allow(unused_imports, reason = "not every function needs it")]
            use #other as _;
            false #(|| #arg::<#types>::NEW.takes_hub())*
        }
    }
}

/// Returns names for the arguments. They are hygienic: an item of the user may have the same name.
pub(super) fn names(function: &Function) -> Vec<Ident> {
    let name = |(n, _)| format_ident!("arg{n}", span = Span::mixed_site());
    function.argument_types().enumerate().map(name).collect()
}

/// Returns the types in the brackets of a type of this name: `Order` in `web::Json<Order>`.
pub(super) fn inner_types<'a>(ty: &'a Type, name: &str) -> Option<Vec<&'a Type>> {
    let Type::Path(path) = ty else {
        return None;
    };
    let last = path.path.segments.last().filter(|last| last.ident == name)?;
    let PathArguments::AngleBracketed(brackets) = &last.arguments else {
        return None;
    };
    let inner = |argument: &'a GenericArgument| match argument {
        GenericArgument::Type(inner) => Some(inner),
        _ => None,
    };
    brackets.args.iter().map(inner).collect()
}

/// Returns the returned type, or `_` when it is `impl Trait`, which cannot be named.
pub(super) fn returned(function: &Function) -> TokenStream {
    match function.returned() {
        None => quote!(()),
        Some(returned) if has_impl(quote!(#returned)) => {
            quote_spanned!(returned.span()=> _)
        }
        Some(returned) => quote!(#returned),
    }
}

/// Returns whether the tokens of a type contain `impl`.
pub(super) fn has_impl(tokens: TokenStream) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Group(group) => has_impl(group.stream()),
        token => matches!(&token, TokenTree::Ident(ident) if ident == "impl"),
    })
}
