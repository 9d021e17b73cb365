//! Reads a function's signature: its arguments, what it returns, and where it is.

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{GenericArgument, Ident, PathArguments, Type};

use crate::item::Function;
use crate::paths::Paths;

/// Where the function stands.
pub(super) fn location(function: &Function, paths: &Paths) -> TokenStream {
    let location = paths.location();
    // With the place of the name, not of the attribute.
    let line = quote_spanned!(function.signature.ident.span()=> ::core::line!());
    quote!(#location::__new(::core::module_path!(), ::core::file!(), #line))
}

/// The function that tells what the arguments take.
pub(super) fn takes(function: &Function, paths: &Paths) -> TokenStream {
    let (arg, takes) = (paths.arg(), paths.takes());
    let (json_takes, other_takes) = (paths.json_takes(), paths.other_takes());
    let types = function.argument_types();
    quote_spanned! {Span::mixed_site()=>
        fn __webhooks_takes() -> #takes {
            #[allow(unused_imports, reason = "not every function needs both")]
            use {#json_takes as _, #other_takes as _};
            #takes::of([#(#arg::<#types>::NEW.takes()),*])
        }
    }
}

/// Names of the arguments. Hygienic ones: a function or constant of the user's may have the same.
pub(super) fn names(function: &Function) -> Vec<Ident> {
    let name = |(n, _)| format_ident!("arg{n}", span = Span::mixed_site());
    function.argument_types().enumerate().map(name).collect()
}

/// The types in the brackets of a type of this name: `Order` in `web::Json<Order>`.
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

/// The returned type, or `_` in its place when it is `impl Trait`, which has no name.
pub(super) fn returned(function: &Function) -> TokenStream {
    match function.returned() {
        None => quote!(()),
        Some(returned) if has_impl(quote!(#returned)) => {
            quote_spanned!(returned.span()=> _)
        }
        Some(returned) => quote!(#returned),
    }
}

pub(super) fn has_impl(tokens: TokenStream) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Group(group) => has_impl(group.stream()),
        token => matches!(&token, TokenTree::Ident(ident) if ident == "impl"),
    })
}
