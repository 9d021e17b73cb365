//! Generates the expansion of the attribute: the function itself, and beside it a type of the same name and the code
//! that registers the endpoint.
//!
//! - `signature` reads the function's signature
//! - `filter` writes the keys that select deliveries
//! - `inline` and `background` generate the endpoint's `handler`, which calls the function, and `enqueue` what else a
//!   background function has

mod background;
mod enqueue;
mod filter;
mod handler;
mod inline;
mod signature;

use proc_macro2::{TokenStream, TokenTree};
use quote::quote;

use crate::args::Args;
use crate::check::check;
use crate::conditions;
use crate::errors::Errors;
use crate::item::{Function, SHAPE, with_attributes};
use crate::paths::Paths;
use background::in_background;
use filter::filter;
use handler::HandlerCode;
use inline::inline;
use signature::{body_kind, location, takes_hub};

/// Expands `#[webhook_endpoint(args)] item`.
pub(crate) fn webhook_endpoint(args: TokenStream, item: TokenStream) -> TokenStream {
    match syn::parse2::<Function>(item.clone()) {
        Ok(function) => expand(&args, &function, MAX_CONDITIONS),
        Err(error) => {
            let mut errors = Errors::new();
            Args::parse(args, &mut errors);
            errors.push(if has_ident(item.clone(), "fn") {
                // A function with a syntax error, which the compiler would report, too.
                error
            } else {
                syn::Error::new(
                    error.span(),
                    "`#[webhook_endpoint]` annotates a function: \
                     `async fn my_hook(payload: WebhookPayload) { … }`",
                )
            });
            errors.finish(&[]).into_iter().chain([item]).collect()
        }
    }
}

/// How many conditions of a function are expanded. Each doubles the generated code.
const MAX_CONDITIONS: usize = 8;

/// Expands a function, and at most this many of its conditions.
fn expand(args: &TokenStream, function: &Function, conditions: usize) -> TokenStream {
    let forms = conditions::split(function);
    if let (Some(forms), Some(conditions)) = (&forms, conditions.checked_sub(1)) {
        return forms.iter().map(|function| expand(args, function, conditions)).collect();
    }
    let mut errors = Errors::new();
    if forms.is_some() {
        errors.at(
            &function.signature.ident,
            format!(
                "a webhook endpoint can have up to {MAX_CONDITIONS} conditions, `#[cfg(…)]` before arguments and \
                 `#[cfg_attr(…, doc = …)]`: write functions with fewer, each under its own `#[cfg(…)]`"
            ),
        );
    }
    let args = Args::parse(args.clone(), &mut errors);
    let path = check(function, &args, &mut errors);
    let cfgs: Vec<_> = function.cfgs().collect();
    if let Some(errors) = errors.finish(&cfgs) {
        // With the function itself, so that its uses are no errors, too, and editors keep working.
        let function = with_attributes(function, &TokenStream::new());
        return quote!(#errors #function);
    }
    let function_item = with_attributes(function, &shape_lints());
    let registration = registration(function, &args, &path);
    quote!(#function_item #registration)
}

/// Allows the lints about the shape of a function. The attribute requires that shape: an `async fn` need not
/// await, arguments are passed by value, and a `Result` need not fail.
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

/// Generates the type with the function's name, and registers the endpoint.
fn registration(function: &Function, args: &Args, path: &str) -> TokenStream {
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
    let body_kind = body_kind(function, &paths);
    let takes_hub = takes_hub(function, &paths);
    let filter = filter(&args.filter, &paths);
    let own = args.own.as_ref().map(|own| quote!(.__own(#own)));
    let HandlerCode { handler, items } = match &args.background {
        None => inline(function, &paths),
        Some(background) => in_background(function, background, &paths),
    };
    let about_type = format!("The webhook endpoint of the function of this name, at `{path}`.");

    quote! {
        #(#cfgs)*
        #[doc = #about_type]
        #[allow(
            non_camel_case_types,
            dead_code,
            missing_debug_implementations,
            missing_copy_implementations,
            reason = "it is a namespace and has no values"
        )]
        #visibility struct #ident {}

        #(#cfgs)*
        #[allow(
            deprecated,
            dead_code,
            unreachable_pub,
            clippy::all,
            clippy::pedantic,
            reason = "generated by an attribute"
        )]
        const _: () = {
            impl #ident {
                /// The path of the endpoint.
                pub const PATH: &'static str = #path;

                /// Returns the endpoint, to add it to a server.
                #[must_use]
                pub const fn endpoint() -> #endpoint {
                    #endpoint::__new(
                        #path,
                        #name,
                        #description,
                        #secret_env,
                        #location,
                        __webhooks_body_kind,
                        #handler,
                    )
                    .__takes_hub(__webhooks_takes_hub)
                    #filter
                    #own
                }

                /// Starts a server with all endpoints of the program, and blocks until a signal
                /// stops it.
                ///
                /// # Errors
                ///
                /// When the server cannot start.
                pub fn launch() -> #result<(), #launch_error> {
                    #launch()
                }
            }

            #body_kind

            #takes_hub

            #items

            #submit! { #ident::endpoint() }
        };
    }
}

/// Returns whether the tokens contain a word outside of brackets.
fn has_ident(tokens: TokenStream, word: &str) -> bool {
    tokens.into_iter().any(|token| is_ident(&token, word))
}

fn is_ident(token: &TokenTree, word: &str) -> bool {
    matches!(token, TokenTree::Ident(ident) if ident == word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_conditions_than_can_be_expanded_are_an_error() {
        let errors = |count: usize| {
            let arguments = (0..count).map(|_| quote!(#[cfg(unix)] _: web::Data<u8>));
            let expanded = webhook_endpoint(quote!(), quote!(async fn hook(#(#arguments),*) {}));
            expanded.to_string().matches("compile_error").count()
        };
        assert_eq!(errors(MAX_CONDITIONS), 0);
        assert_ne!(errors(MAX_CONDITIONS + 1), 0);
    }
}
