//! What is written in the function's place: the function, and beside it what registers it.

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{GenericArgument, Ident, PathArguments, Type};

use crate::args::Args;
use crate::check::check;
use crate::errors::Errors;
use crate::item::{Function, with_attributes};
use crate::paths::Paths;

/// `#[webhook_endpoint(args)] item`
pub(crate) fn webhook_endpoint(args: TokenStream, item: TokenStream) -> TokenStream {
    let mut errors = Errors::new();
    let args = Args::parse(args, &mut errors);
    let function = match syn::parse2::<Function>(item.clone()) {
        Ok(function) => function,
        Err(error) => {
            errors.push(if has_ident(item.clone(), "fn") {
                // A function, with a mistake that the compiler would find as well.
                error
            } else {
                syn::Error::new(
                    error.span(),
                    "`#[webhook_endpoint]` stands on a function: \
                     `async fn my_hook(payload: WebhookPayload) { … }`",
                )
            });
            return errors.finish().into_iter().chain([item]).collect();
        }
    };
    let path = check(&function, &args, &mut errors);
    match errors.finish() {
        // The function itself, so that what names it is no error too, and editors keep working.
        Some(errors) => quote!(#errors #item),
        None => {
            let function_item = with_attributes(&function, &shape_lints());
            let beside = beside(&function, &args, &path);
            quote!(#function_item #beside)
        }
    }
}

/// Lints about the shape of a function, which the attribute asks for: an `async fn` may have nothing
/// to wait for, arguments come by value, and a `Result` says what may fail one day.
fn shape_lints() -> TokenStream {
    quote! {
        #[allow(
            clippy::unused_async,
            clippy::needless_pass_by_value,
            clippy::unnecessary_wraps,
            clippy::too_many_arguments,
            reason = "the attribute asks for functions of this shape"
        )]
    }
}

/// The type of the function's name, with the endpoint that it stands for.
fn beside(function: &Function, args: &Args, path: &str) -> TokenStream {
    let paths = Paths::new(args.krate.as_ref());
    let (endpoint, location, submit) = (paths.endpoint(), paths.location(), paths.submit());
    let (option, result) = (paths.option(), paths.result());
    let (launch, launch_error) = (paths.launch(), paths.launch_error());

    let ident = &function.signature.ident;
    let visibility = &function.visibility;
    let name = function.name();
    let description = function.description();
    let secret_env = match &args.secret_env {
        Some(variable) => quote!(#option::Some(#variable)),
        None => quote!(#option::None),
    };
    let cfgs: Vec<_> = function.cfgs().collect();
    let (takes, call) = (takes(function, &paths), call(function, &paths));
    // With the place of the name, not of the attribute.
    let line = quote_spanned!(ident.span()=> ::core::line!());
    let about_type = format!("The webhook endpoint of the function of this name, at `{path}`.");

    quote! {
        #(#cfgs)*
        #[doc = #about_type]
        #[allow(
            non_camel_case_types,
            dead_code,
            missing_debug_implementations,
            missing_copy_implementations,
            reason = "it is a name and has no values"
        )]
        #visibility struct #ident {}

        #(#cfgs)*
        #[allow(
            deprecated,
            dead_code,
            unreachable_pub,
            clippy::all,
            clippy::pedantic,
            reason = "made by an attribute"
        )]
        const _: () = {
            impl #ident {
                /// The path that the endpoint is served at.
                pub const PATH: &'static str = #path;

                /// The endpoint, to hand to a server.
                #[must_use]
                pub const fn endpoint() -> #endpoint {
                    #endpoint::__new(
                        #path,
                        #name,
                        #description,
                        #secret_env,
                        #location::__new(::core::module_path!(), ::core::file!(), #line),
                        __webhooks_takes,
                        __webhooks_call,
                    )
                }

                /// Starts a server with every endpoint of the program and blocks until a signal
                /// stops it.
                ///
                /// # Errors
                ///
                /// When the server cannot start.
                pub fn launch() -> #result<(), #launch_error> {
                    #launch()
                }
            }

            #takes

            #call

            #submit! { #ident::endpoint() }
        };
    }
}

/// The function that tells what the arguments take.
fn takes(function: &Function, paths: &Paths) -> TokenStream {
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

/// The function that takes the arguments from a call and makes an answer of what is returned.
///
/// Each type is named once, in the turbofish of the trait that it must fulfil, so that the compiler's
/// error stands under it and is said once.
fn call(function: &Function, paths: &Paths) -> TokenStream {
    let (boxed, unread, reply) = (paths.boxed(), paths.unread(), paths.reply());
    let (other_arg, other_reply, request) =
        (paths.other_arg(), paths.other_reply(), paths.request());
    let (call_type, call_future) = (paths.call(), paths.call_future());

    let types: Vec<_> = function.argument_types().collect();
    // Hygienic names: a function or constant of the user's may have the same ones.
    let names: Vec<_> =
        (0..types.len()).map(|n| format_ident!("arg{n}", span = Span::mixed_site())).collect();
    let takes = names.iter().zip(&types).map(|(name, ty)| take(function, paths, name, ty));
    let returned = returned(function);
    let (result, reply_method) =
        (result(function, paths, &names), reply_method(function, &returned));

    quote_spanned! {Span::mixed_site()=>
        fn __webhooks_call(call: #call_type) -> #call_future<'static> {
            #[allow(unused_imports, reason = "not every function needs both")]
            use {#other_arg as _, #other_reply as _};
            #boxed::pin(async move {
                let body = #unread;
                #(#takes)*
                let _ = body;
                let value = #result;
                #reply::of(&value).kind().#reply_method(value, #request(&call))
            })
        }
    }
}

/// Takes one argument from the call.
fn take(function: &Function, paths: &Paths, name: &Ident, ty: &Type) -> TokenStream {
    let arg = paths.arg();
    let method = match inner_types(ty, "Json").as_deref() {
        Some([inner]) => quote!(json_arg::<#ty, #inner, _>),
        _ => quote!(arg::<#ty, _>),
    };
    let defer = (!function.is_async()).then(|| {
        let defer = paths.defer();
        quote!(let #name = #defer::<#ty>(#name);)
    });
    quote_spanned! {Span::mixed_site()=>
        let (#name, body) = #arg::<#ty>::NEW.kind().#method(body);
        let #name = #name(&call).await?;
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

/// The types in the brackets of a type of this name: `Order` in `web::Json<Order>`.
fn inner_types<'a>(ty: &'a Type, name: &str) -> Option<Vec<&'a Type>> {
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
fn returned(function: &Function) -> TokenStream {
    match function.returned() {
        None => quote!(()),
        Some(returned) if has_impl(quote!(#returned)) => {
            quote_spanned!(returned.span()=> _)
        }
        Some(returned) => quote!(#returned),
    }
}

fn has_impl(tokens: TokenStream) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Group(group) => has_impl(group.stream()),
        token => is_ident(&token, "impl"),
    })
}

/// Whether a word stands in the tokens, outside of brackets.
fn has_ident(tokens: TokenStream, word: &str) -> bool {
    tokens.into_iter().any(|token| is_ident(&token, word))
}

fn is_ident(token: &TokenTree, word: &str) -> bool {
    matches!(token, TokenTree::Ident(ident) if ident == word)
}
