//! Generates the handler of a function that runs in the background.

use std::time::Duration;

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::Type;
use syn::spanned::Spanned;

use super::enqueue::enqueue;
use super::handler::HandlerCode;
use super::inline::reply_kind;
use super::signature::{has_impl, inner_types, names, returned};
use crate::background::Background;
use crate::item::Function;
use crate::parse::Located;
use crate::paths::Paths;
use crate::queue::{KeyOption, KeyWord, Wait};

/// Generates the handler: the response is sent before the function runs.
pub(super) fn in_background(
    function: &Function,
    background: &Background,
    paths: &Paths,
) -> HandlerCode {
    // At the word `background`: the module may be missing.
    let span = background.span.resolved_at(Span::call_site());
    let module = paths.background(span);
    let module = quote_spanned!(span=> use #module as __webhooks_background;);
    let (check, missing) = (check_body(function, paths), missing(function, paths));
    let run = run(function, paths);
    let policy = policy(background, function.is_async());
    let key = background.key.as_ref().map(key);
    let enqueue = enqueue(function);
    HandlerCode {
        handler: quote!(__webhooks_background::Handler::Background(__WEBHOOKS_WORK)),
        items: quote! {
            // All paths go through this module, so that the compiler reports once that the feature is off.
            #module

            #check

            #missing

            #run

            const __WEBHOOKS_WORK: __webhooks_background::BackgroundWork =
                __webhooks_background::BackgroundWork::__new(
                    #policy,
                    __webhooks_check,
                    __webhooks_missing,
                    __webhooks_run,
                )
                #key;

            #enqueue
        },
    }
}

/// Generates the policy: the options of `background(…)`, over the defaults.
fn policy(background: &Background, is_async: bool) -> TokenStream {
    let Background { attempts, timeout, concurrency, backoff, dedup_window, .. } = background;
    let Background { latest, debounce, .. } = background;
    // The rules in `check` bound the values.
    let count = |written: &Located<u64>| u32::try_from(written.value).unwrap_or(u32::MAX);
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
    let latest = latest.as_ref().map(|latest| match latest.cancel {
        None => quote!(.latest(__webhooks_background::Latest::Supersede)),
        Some(_) => quote!(.latest(__webhooks_background::Latest::Cancel)),
    });
    let debounce = debounce.as_ref().map(|Located { value: Wait { quiet, at_most }, .. }| {
        let (quiet, at_most) = (milliseconds(*quiet), milliseconds(*at_most));
        quote!(.debounce(#quiet, #at_most))
    });
    let on_thread = (!is_async).then(|| quote!(.on_thread()));
    quote! {
        __webhooks_background::Policy::DEFAULT
            #attempts #timeout #concurrency #backoff #window #latest #debounce #on_thread
    }
}

/// Generates the call that sets what groups deliveries.
fn key(key: &KeyOption) -> TokenStream {
    let key = match key {
        KeyOption::Word(Located { value, .. }) => match value {
            KeyWord::Repo => quote!(Repo),
            KeyWord::Discussion => quote!(Discussion),
            KeyWord::Ref => quote!(Ref),
        },
        KeyOption::Function(function) => {
            // All of it at the function's path, so that the error of another type is there.
            let span = function.span().resolved_at(Span::mixed_site());
            let function = quote_spanned! {span=> {
                const FUNCTION: __webhooks_background::KeyFunction = #function;
                FUNCTION
            }};
            quote!(Function(#function))
        }
    };
    quote!(.__key(__webhooks_background::KeySource::#key))
}

/// Generates the function that checks that the arguments can be read from a body.
///
/// This function and [`missing`] require nothing of the types, so that only [`run`] has a compile error for one.
fn check_body(function: &Function, paths: &Paths) -> TokenStream {
    let result = paths.result();
    let types = function.argument_types();
    quote_spanned! {Span::mixed_site()=>
        fn __webhooks_check(
            body: __webhooks_background::CheckedBody<'_>,
        ) -> #result<(), __webhooks_background::BodyFaults> {
            #[allow(unused_imports, reason = "not every function needs it")]
            use __webhooks_background::OtherBackgroundArg as _;
            let _ = body;
            #(__webhooks_background::Arg::<#types>::NEW.check(body)?;)*
            #result::Ok(())
        }
    }
}

/// Generates the function that lists the data that the server lacks.
fn missing(function: &Function, paths: &Paths) -> TokenStream {
    let vec = paths.vec();
    let types = function.argument_types();
    quote_spanned! {Span::mixed_site()=>
        fn __webhooks_missing(
            shared: &__webhooks_background::SharedData,
        ) -> #vec<&'static ::core::primitive::str> {
            #[allow(unused_imports, reason = "not every function needs it")]
            use __webhooks_background::OtherBackgroundArg as _;
            let _ = shared;
            __webhooks_background::missing_data([
                #(__webhooks_background::Arg::<#types>::NEW.missing(shared)),*
            ])
        }
    }
}

/// Generates the function that extracts the arguments of a task and runs the user's function with them. As in
/// `inline`, each type is named once, in the rule that it must fulfill.
fn run(function: &Function, paths: &Paths) -> TokenStream {
    let boxed = paths.boxed();
    let ident = &function.signature.ident;
    let names = names(function);
    let extract = if function.is_async() { quote!(extract) } else { quote!(defer) };
    let extracts = names.iter().zip(function.argument_types()).map(|(name, ty)| {
        let method = match inner_types(ty, "Json").as_deref() {
            Some([inner]) => quote!(json_background::<#ty, #inner>),
            _ => quote!(background::<#ty>),
        };
        quote_spanned! {Span::mixed_site()=>
            let #name = __webhooks_background::Arg::<#ty>::NEW.kind().#method().#extract(&task)?;
        }
    });
    let end = end_method(function);
    let kind = reply_kind(function, &quote!(__webhooks_background::Reply));
    let run = if function.is_async() {
        let types = function.argument_types();
        // At the function's name: an error about its future belongs there.
        let future = quote_spanned! {ident.span().resolved_at(Span::mixed_site())=>
            __webhooks_background::ArgTypes::<(#(#types,)*)>::NEW.future(#ident(#(#names),*))
        };
        quote_spanned! {Span::mixed_site()=>
            #[allow(unused_imports, reason = "only a compile error needs it")]
            use __webhooks_background::OtherArgTypes as _;
            ::core::mem::drop(task);
            let future = #future;
            let value = future.await;
            #kind.#end(value)
        }
    } else {
        quote_spanned! {Span::mixed_site()=>
            __webhooks_background::run_blocking(task, move || {
                let value = #ident(#(#names.take()),*);
                #kind.#end(value)
            })
            .await
        }
    };
    quote_spanned! {Span::mixed_site()=>
        fn __webhooks_run(
            task: __webhooks_background::BackgroundTask,
        ) -> __webhooks_background::TaskFuture {
            #[allow(unused_imports, reason = "not every function needs both")]
            use __webhooks_background::{OtherArg as _, OtherReply as _};
            #boxed::pin(async move {
                #(#extracts)*
                #run
            })
        }
    }
}

/// Generates the method that turns the returned value into the outcome of the task.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::Args;
    use crate::errors::Errors;

    /// Returns the policy that is generated for `args`, without spaces.
    fn policy_of(args: TokenStream) -> String {
        let mut errors = Errors::new();
        let args = Args::parse(args, &mut errors);
        assert!(errors.finish(&[]).is_none());
        policy(&args.background.unwrap(), true).to_string().replace(' ', "")
    }

    #[test]
    fn an_option_that_is_not_set_has_its_default() {
        for args in [quote!(background), quote!(background()), quote!(background, "/x")] {
            assert_eq!(policy_of(args), "__webhooks_background::Policy::DEFAULT");
        }
    }

    #[test]
    fn durations_are_in_milliseconds() {
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

    #[test]
    fn a_quiet_time_alone_is_waited_for_up_to_six_times() {
        for (written, milliseconds) in [
            ("5m..30m", "300000u64,1800000u64"),
            ("5m", "300000u64,1800000u64"),
            (" 10s .. 1h 30m ", "10000u64,5400000u64"),
        ] {
            let policy = policy_of(quote!(background(key = "repo", debounce = #written)));
            assert!(policy.ends_with(&format!("DEFAULT.debounce({milliseconds})")), "{policy}");
        }
    }

    #[test]
    fn the_newest_delivery_may_stop_a_running_one() {
        let latest = |args| policy_of(args).split_once(".latest").unwrap().1.to_owned();
        assert_eq!(
            latest(quote!(background(latest, key = "ref"))),
            "(__webhooks_background::Latest::Supersede)"
        );
        assert_eq!(
            latest(quote!(background(key = "ref", latest = "cancel", debounce = "1s"))),
            "(__webhooks_background::Latest::Cancel).debounce(1000u64,6000u64)"
        );
    }
}
