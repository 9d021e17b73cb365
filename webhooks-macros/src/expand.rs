//! What is written in the function's place: the function, and beside it what registers it.

use std::time::Duration;

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{GenericArgument, Ident, PathArguments, Type};

use crate::args::Args;
use crate::background::{Background, Written};
use crate::check::check;
use crate::conditions;
use crate::errors::Errors;
use crate::item::{Function, SHAPE, with_attributes};
use crate::paths::Paths;

/// `#[webhook_endpoint(args)] item`
pub(crate) fn webhook_endpoint(args: TokenStream, item: TokenStream) -> TokenStream {
    match syn::parse2::<Function>(item.clone()) {
        Ok(function) => expand(&args, &function),
        Err(error) => {
            let mut errors = Errors::new();
            Args::parse(args, &mut errors);
            errors.push(if has_ident(item.clone(), "fn") {
                // A function, with a mistake that the compiler would find as well.
                error
            } else {
                syn::Error::new(
                    error.span(),
                    "`#[webhook_endpoint]` goes on a function: \
                     `async fn my_hook(payload: WebhookPayload) { … }`",
                )
            });
            errors.finish(&[]).into_iter().chain([item]).collect()
        }
    }
}

fn expand(args: &TokenStream, function: &Function) -> TokenStream {
    if let Some(forms) = conditions::split(function) {
        return forms.iter().map(|function| expand(args, function)).collect();
    }
    let mut errors = Errors::new();
    let args = Args::parse(args.clone(), &mut errors);
    let path = check(function, &args, &mut errors);
    let cfgs: Vec<_> = function.cfgs().collect();
    if let Some(errors) = errors.finish(&cfgs) {
        // The function itself, so that what names it is no error too, and editors keep working.
        let function = with_attributes(function, &TokenStream::new());
        return quote!(#errors #function);
    }
    let function_item = with_attributes(function, &shape_lints());
    let beside = beside(function, &args, &path);
    quote!(#function_item #beside)
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
            reason = #SHAPE
        )]
    }
}

/// The type of the function's name, with the endpoint that it stands for.
fn beside(function: &Function, args: &Args, path: &str) -> TokenStream {
    let paths = Paths::new(args.krate.as_ref());
    let (endpoint, submit) = (paths.endpoint(), paths.submit());
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
    let location = location(function, &paths);
    let takes = takes(function, &paths);
    let runs = match &args.background {
        None => answering(function, &paths),
        Some(background) => in_background(function, background, &paths),
    };
    let Runs { make, how, items } = runs;
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
                    #make(
                        #path,
                        #name,
                        #description,
                        #secret_env,
                        #location,
                        __webhooks_takes,
                        #how,
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

            #items

            #submit! { #ident::endpoint() }
        };
    }
}

/// How the function is run: what makes its endpoint, with which last argument, and the items that this
/// names.
struct Runs {
    make: TokenStream,
    how: TokenStream,
    items: TokenStream,
}

/// Its request waits for it, and is answered with what it returns.
fn answering(function: &Function, paths: &Paths) -> Runs {
    let endpoint = paths.endpoint();
    Runs {
        make: quote!(#endpoint::__new),
        how: quote!((__webhooks_call, __webhooks_needs)),
        items: [call(function, paths), needs(function, paths)].into_iter().collect(),
    }
}

/// Its request is answered before it runs.
fn in_background(function: &Function, background: &Background, paths: &Paths) -> Runs {
    // At the word, as the module may be missing.
    let span = background.span.resolved_at(Span::call_site());
    let module = paths.background(span);
    let module = quote_spanned!(span=> use #module as __webhooks_background;);
    let (check, missing) = (check_body(function, paths), missing(function));
    let run = run(function, paths);
    let policy = policy(background);
    Runs {
        make: quote!(__webhooks_background::endpoint),
        how: quote! {
            __webhooks_background::Background::__new(
                #policy,
                __webhooks_check,
                __webhooks_missing,
                __webhooks_run,
            )
        },
        items: quote! {
            // All goes by this name, so that the compiler says just once that the feature is off.
            #module

            #check

            #missing

            #run
        },
    }
}

/// What is written in the brackets of `background(…)`, over what holds without it.
fn policy(background: &Background) -> TokenStream {
    let Background { span: _, attempts, timeout, concurrency, backoff, dedup_window } = background;
    // The rules keep all of them small.
    let count = |written: &Written<u64>| u32::try_from(written.value).unwrap_or(u32::MAX);
    let (attempts, concurrency) = (attempts.as_ref().map(count), concurrency.as_ref().map(count));
    let milliseconds = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    let timeout = timeout.as_ref().map(|written| milliseconds(written.value));
    let window = dedup_window.as_ref().map(|written| milliseconds(written.value));
    let backoff = backoff.as_ref().map(|written| {
        let (shortest, longest) = (milliseconds(written.value.0), milliseconds(written.value.1));
        quote!(.backoff(#shortest, #longest))
    });
    let attempts = attempts.map(|count| quote!(.attempts(#count)));
    let timeout = timeout.map(|time| quote!(.timeout(#time)));
    let concurrency = concurrency.map(|count| quote!(.concurrency(#count)));
    let window = window.map(|time| quote!(.dedup_window(#time)));
    quote!(__webhooks_background::Policy::DEFAULT #attempts #timeout #concurrency #backoff #window)
}

/// Where the function stands.
fn location(function: &Function, paths: &Paths) -> TokenStream {
    let location = paths.location();
    // With the place of the name, not of the attribute.
    let line = quote_spanned!(function.signature.ident.span()=> ::core::line!());
    quote!(#location::__new(::core::module_path!(), ::core::file!(), #line))
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

/// Names of the arguments. Hygienic ones: a function or constant of the user's may have the same.
fn names(function: &Function) -> Vec<Ident> {
    let name = |(n, _)| format_ident!("arg{n}", span = Span::mixed_site());
    function.argument_types().enumerate().map(name).collect()
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
fn reply_kind(function: &Function, reply: &TokenStream) -> TokenStream {
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

/// The function that says whether a body is what the arguments are read from.
///
/// Here and in [`missing`] nothing is required of the types, so that the compiler finds fault with one
/// only in [`run`].
fn check_body(function: &Function, paths: &Paths) -> TokenStream {
    let result = paths.result();
    let types = function.argument_types();
    quote_spanned! {Span::mixed_site()=>
        fn __webhooks_check(
            body: &[u8],
        ) -> #result<(), __webhooks_background::BodyFaults> {
            #[allow(unused_imports, reason = "not every function needs it")]
            use __webhooks_background::OtherBackgroundArg as _;
            let _ = body;
            #(__webhooks_background::Arg::<#types>::NEW.check(body)?;)*
            #result::Ok(())
        }
    }
}

/// The function that tells what the server wasn't given.
fn missing(function: &Function) -> TokenStream {
    let types = function.argument_types();
    quote_spanned! {Span::mixed_site()=>
        fn __webhooks_missing(
            shared: &__webhooks_background::Shared,
        ) -> __webhooks_background::Missing {
            #[allow(unused_imports, reason = "not every function needs it")]
            use __webhooks_background::OtherBackgroundArg as _;
            let _ = shared;
            __webhooks_background::missing([
                #(__webhooks_background::Arg::<#types>::NEW.missing(shared)),*
            ])
        }
    }
}

/// The function that takes the arguments from a task and runs the user's with them. As in [`call`] each
/// type is named once, where something is required of it.
fn run(function: &Function, paths: &Paths) -> TokenStream {
    let boxed = paths.boxed();
    let ident = &function.signature.ident;
    let names = names(function);
    let take = if function.is_async() { quote!(take) } else { quote!(defer) };
    let takes = names.iter().zip(function.argument_types()).map(|(name, ty)| {
        let method = match inner_types(ty, "Json").as_deref() {
            Some([inner]) => quote!(json_background::<#ty, #inner>),
            _ => quote!(background::<#ty>),
        };
        quote_spanned! {Span::mixed_site()=>
            let #name = __webhooks_background::Arg::<#ty>::NEW.kind().#method().#take(&task)?;
        }
    });
    let end = end_method(function);
    let kind = reply_kind(function, &quote!(__webhooks_background::Reply));
    let run = if function.is_async() {
        let types = function.argument_types();
        // Where the function's name stands: what is wrong with its future is wrong there.
        let future = quote_spanned! {ident.span().resolved_at(Span::mixed_site())=>
            __webhooks_background::Args::<(#(#types,)*)>::NEW.future(#ident(#(#names),*))
        };
        quote_spanned! {Span::mixed_site()=>
            #[allow(unused_imports, reason = "a function that is right doesn't need it")]
            use __webhooks_background::OtherArgs as _;
            ::core::mem::drop(task);
            let future = #future;
            let value = future.await;
            #kind.#end(value)
        }
    } else {
        quote_spanned! {Span::mixed_site()=>
            __webhooks_background::blocking(task, move || {
                let value = #ident(#(#names.take()),*);
                #kind.#end(value)
            })
            .await
        }
    };
    quote_spanned! {Span::mixed_site()=>
        fn __webhooks_run(
            task: __webhooks_background::Task,
        ) -> __webhooks_background::TaskFuture {
            #[allow(unused_imports, reason = "not every function needs both")]
            use __webhooks_background::{OtherArg as _, OtherReply as _};
            #boxed::pin(async move {
                #(#takes)*
                #run
            })
        }
    }
}

/// The method that makes of what is returned how the task ended.
fn end_method(function: &Function) -> TokenStream {
    let returned_type = returned(function);
    let named = |ty: &&Type| !has_impl(quote!(#ty));
    match function.returned().and_then(|returned| inner_types(returned, "Result")).as_deref() {
        Some([value, error]) if named(value) && named(error) => {
            quote!(result_end::<#value, #error, _, _>)
        }
        _ => quote!(end::<#returned_type, _>),
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

#[cfg(test)]
mod tests {
    use super::*;

    /// The policy that is written for `args`, without spaces.
    fn policy_of(args: TokenStream) -> String {
        let mut errors = Errors::new();
        let args = Args::parse(args, &mut errors);
        assert!(errors.finish(&[]).is_none());
        policy(&args.background.unwrap()).to_string().replace(' ', "")
    }

    #[test]
    fn what_is_not_written_is_the_default() {
        for args in [quote!(background), quote!(background()), quote!(background, "/x")] {
            assert_eq!(policy_of(args), "__webhooks_background::Policy::DEFAULT");
        }
    }

    #[test]
    fn durations_are_written_in_milliseconds() {
        let policy = policy_of(quote! {
            background(
                dedup_window = "0s",
                backoff = "10s .. 30m",
                concurrency = 10_000,
                timeout = "1h 30m",
                attempts = 5,
            )
        });
        assert_eq!(
            policy.trim_start_matches("__webhooks_background::Policy::DEFAULT"),
            ".attempts(5u32).timeout(5400000u64).concurrency(10000u32).backoff(10000u64,1800000u64)\
             .dedup_window(0u64)"
        );
        assert!(policy_of(quote!(background(backoff = "10s"))).ends_with("(10000u64,10000u64)"));
    }
}
