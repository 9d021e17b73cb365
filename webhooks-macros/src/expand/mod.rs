//! Writes what takes the function's place: the function itself, and beside it the code that registers it.
//!
//! - `signature` reads the function's signature
//! - `inline` and `background` write the code that calls it

mod background;
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
use handler::HandlerCode;
use inline::answering;
use signature::{location, takes};

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
    let HandlerCode { make, how, items } = runs;
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

/// Whether a word stands in the tokens, outside of brackets.
fn has_ident(tokens: TokenStream, word: &str) -> bool {
    tokens.into_iter().any(|token| is_ident(&token, word))
}

fn is_ident(token: &TokenTree, word: &str) -> bool {
    matches!(token, TokenTree::Ident(ident) if ident == word)
}
