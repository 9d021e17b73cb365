//! Generates the handler of a function that runs before its response.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::{Ident, Type};

use super::handler::HandlerCode;
use super::signature::{has_impl, inner_types, names, returned};
use crate::item::Function;
use crate::paths::Paths;

/// Generates the handler: the response is what the function returns.
pub(super) fn inline(function: &Function, paths: &Paths) -> HandlerCode {
    let handler = paths.handler();
    HandlerCode {
        handler: quote!(#handler::Inline(__webhooks_call, __webhooks_data)),
        items: [call(function, paths), data(function, paths)].into_iter().collect(),
    }
}

/// Generates the function that lists the data that the arguments require.
fn data(function: &Function, paths: &Paths) -> TokenStream {
    let (arg, required_data) = (paths.arg(), paths.required_data());
    let (vec, required_data_type) = (paths.vec(), paths.required_data_type());
    let other_data = paths.other_data();
    let types = function.argument_types();
    quote_spanned! {Span::mixed_site()=>
        fn __webhooks_data() -> #vec<#required_data_type> {
            #[allow(unused_imports, reason = "not every function needs it")]
            use #other_data as _;
            #required_data([#(#arg::<#types>::NEW.data()),*])
        }
    }
}

/// Generates the function that extracts the arguments of a call, calls the user's function, and makes a response of
/// the returned value.
///
/// Each type is in the turbofish of the rule that it must fulfill, and nothing else is required of it. So the
/// compiler's error is below the type, and is reported once. `endpoint/extract/kind.rs` in `webhooks-runtime`
/// explains `kind()`.
fn call(function: &Function, paths: &Paths) -> TokenStream {
    let (boxed, reply) = (paths.boxed(), paths.reply());
    let (other_arg, other_reply, request) =
        (paths.other_arg(), paths.other_reply(), paths.request());
    let (call_type, call_future) = (paths.call(), paths.call_future());

    let types: Vec<_> = function.argument_types().collect();
    let names = names(function);
    let extracts = names.iter().zip(&types).map(|(name, ty)| extract(function, paths, name, ty));
    let returned = returned(function);
    let (result, reply_method) =
        (result(function, paths, &names), reply_method(function, &returned));
    let kind = reply_kind(function, &reply);

    quote_spanned! {Span::mixed_site()=>
        fn __webhooks_call(call: #call_type) -> #call_future<'static> {
            #[allow(unused_imports, reason = "not every function needs both")]
            use {#other_arg as _, #other_reply as _};
            #boxed::pin(async move {
                #(#extracts)*
                let value = #result;
                #kind.#reply_method(value, #request(&call))
            })
        }
    }
}

/// Generates the statements that extract one argument of the call.
fn extract(function: &Function, paths: &Paths, name: &Ident, ty: &Type) -> TokenStream {
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

/// Generates the call of the user's function.
fn result(function: &Function, paths: &Paths, names: &[Ident]) -> TokenStream {
    let ident = &function.signature.ident;
    if function.is_async() {
        return quote!(#ident(#(#names),*).await);
    }
    let (run, returned) = (paths.run_blocking(), returned(function));
    quote!(#run::<#returned>(move || #ident(#(#names.take()),*)).await?)
}

/// Generates the expression for the kind of the returned value. It uses the written type, not the value: the compiler
/// does not report a type again that it could not resolve, but it does report a value of unknown type.
pub(super) fn reply_kind(function: &Function, reply: &TokenStream) -> TokenStream {
    match function.returned() {
        Some(returned) if has_impl(quote!(#returned)) => {
            quote_spanned!(Span::mixed_site()=> #reply::of(&value).kind())
        }
        Some(returned) => quote!(#reply::<#returned>::NEW.kind()),
        None => quote!(#reply::<()>::NEW.kind()),
    }
}

/// Generates the method that makes the response, with the types that must fulfill its rule.
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
