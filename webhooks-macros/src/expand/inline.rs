//! Writes the code of a function that runs before its response.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::{Ident, Type};

use super::handler::HandlerCode;
use super::signature::{has_impl, inner_types, names, returned};
use crate::item::Function;
use crate::paths::Paths;

/// Its request waits for it, and is answered with what it returns.
pub(super) fn answering(function: &Function, paths: &Paths) -> HandlerCode {
    let endpoint = paths.endpoint();
    HandlerCode {
        make: quote!(#endpoint::__new),
        how: quote!((__webhooks_call, __webhooks_needs)),
        items: [call(function, paths), needs(function, paths)].into_iter().collect(),
    }
}

/// The function that lists the data that the arguments need.
fn needs(function: &Function, paths: &Paths) -> TokenStream {
    let (arg, needs, needs_type) = (paths.arg(), paths.needs(), paths.needs_type());
    let other_needs = paths.other_needs();
    let types = function.argument_types();
    quote_spanned! {Span::mixed_site()=>
        fn __webhooks_needs() -> #needs_type {
            #[allow(unused_imports, reason = "not every function needs it")]
            use #other_needs as _;
            #needs([#(#arg::<#types>::NEW.needs()),*])
        }
    }
}

/// The function that takes the arguments from a call and makes an answer of what is returned.
///
/// Each type is named once, in the turbofish of the trait that it must fulfil, so that the compiler's
/// error stands under it and is said once.
fn call(function: &Function, paths: &Paths) -> TokenStream {
    let (boxed, reply) = (paths.boxed(), paths.reply());
    let (other_arg, other_reply, request) =
        (paths.other_arg(), paths.other_reply(), paths.request());
    let (call_type, call_future) = (paths.call(), paths.call_future());

    let types: Vec<_> = function.argument_types().collect();
    let names = names(function);
    let takes = names.iter().zip(&types).map(|(name, ty)| take(function, paths, name, ty));
    let returned = returned(function);
    let (result, reply_method) =
        (result(function, paths, &names), reply_method(function, &returned));
    let kind = reply_kind(function, &reply);

    quote_spanned! {Span::mixed_site()=>
        fn __webhooks_call(call: #call_type) -> #call_future<'static> {
            #[allow(unused_imports, reason = "not every function needs both")]
            use {#other_arg as _, #other_reply as _};
            #boxed::pin(async move {
                #(#takes)*
                let value = #result;
                #kind.#reply_method(value, #request(&call))
            })
        }
    }
}

/// Takes one argument from the call.
fn take(function: &Function, paths: &Paths, name: &Ident, ty: &Type) -> TokenStream {
    let arg = paths.arg();
    let method = match inner_types(ty, "Json").as_deref() {
        Some([inner]) => quote!(json_arg::<#ty, #inner>),
        _ => quote!(arg::<#ty>),
    };
    let defer = (!function.is_async()).then(|| {
        let defer = paths.defer();
        quote!(let #name = #defer::<#ty>(#name);)
    });
    quote_spanned! {Span::mixed_site()=>
        let #name = #arg::<#ty>::NEW.kind().#method()(&call).await?;
        #defer
    }
}

/// Calls the function.
fn result(function: &Function, paths: &Paths, names: &[Ident]) -> TokenStream {
    let ident = &function.signature.ident;
    if function.is_async() {
        return quote!(#ident(#(#names),*).await);
    }
    let (run, returned) = (paths.run_blocking(), returned(function));
    quote!(#run::<#returned>(move || #ident(#(#names.take()),*)).await?)
}

/// The rule for what is returned. It is found by the type as it is written: the compiler keeps silent about
/// one that it could not resolve, which it does not do about a value of no known type.
pub(super) fn reply_kind(function: &Function, reply: &TokenStream) -> TokenStream {
    match function.returned() {
        Some(returned) if has_impl(quote!(#returned)) => {
            quote_spanned!(Span::mixed_site()=> #reply::of(&value).kind())
        }
        Some(returned) => quote!(#reply::<#returned>::NEW.kind()),
        None => quote!(#reply::<()>::NEW.kind()),
    }
}

/// The method that makes the answer, with the types that must be fit for it.
fn reply_method(function: &Function, returned: &TokenStream) -> TokenStream {
    let inner = |name| function.returned().and_then(|returned| inner_types(returned, name));
    let named = |ty: &&Type| !has_impl(quote!(#ty));
    match (inner("Json").as_deref(), inner("Result").as_deref()) {
        (Some([inner]), _) if named(inner) => quote!(json_reply::<#inner, _>),
        (_, Some([value, error])) if named(value) && named(error) => {
            quote!(result_reply::<#value, #error, _, _>)
        }
        _ => quote!(reply::<#returned, _>),
    }
}
