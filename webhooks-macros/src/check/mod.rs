//! Checks the function and the options of its attribute against every rule of the attribute.
//!
//! Each rule adds its own error, so that one compilation reports everything that is wrong. `path` has the
//! rules for paths, `filter` those for the keys that select deliveries, `glob` those for globs, and `queue` those for
//! deliveries that belong together.

mod filter;
mod glob;
mod path;
mod queue;

use std::ops::RangeInclusive;
use std::time::Duration;

use syn::{FnArg, LitStr, Safety, Type};

use crate::args::Args;
use crate::background::Background;
use crate::errors::Errors;
use crate::item::Function;
use crate::parse::Located;
use crate::source::{self, PlaceObstacle};

/// The largest number of arguments. The runtime implements its traits for functions of up to this many.
const MAX_ARGUMENTS: usize = 12;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Applies every rule, and returns the path of the endpoint. The returned path is valid even when the written
/// one is not, so that the expansion can go on.
pub(crate) fn check(function: &Function, args: &Args, errors: &mut Errors) -> String {
    qualifiers(function, errors);
    generics(function, errors);
    arguments(function, errors);
    surroundings(function, errors);
    filter::filter(&args.filter, errors);
    if let Some(written) = &args.secret_env {
        variable(written, "TRAINING_SECRET", errors);
    }
    match (&args.background, args.filter.paths.iter().flatten().next()) {
        (Some(written), _) => {
            background(written, errors);
            queue::queue(written, function.is_async(), errors);
        }
        (None, Some(path)) => errors.at(
            path,
            "`paths` needs `background`, because the changed files come from the Hub, which takes time: add \
             `background`",
        ),
        (None, None) => {}
    }
    path::endpoint_path(function, args, errors)
}

fn qualifiers(function: &Function, errors: &mut Errors) {
    let signature = &function.signature;
    if let Some(token) = &signature.constness {
        errors.at(
            token,
            "a webhook endpoint cannot be `const`, because it runs for each delivery: remove `const`",
        );
    }
    if let Safety::Unsafe(token) = &signature.safety {
        errors.at(
            token,
            "a webhook endpoint cannot be `unsafe`, because the server calls it: remove `unsafe`",
        );
    }
    if let Some(abi) = &signature.abi {
        errors.at(
            &abi.extern_token,
            "a webhook endpoint cannot be `extern`, because the server calls it from Rust: remove `extern`",
        );
    }
    if let Some(variadic) = &signature.variadic {
        errors.at(&variadic.dots, "a webhook endpoint cannot be variadic: name each argument");
    }
}

fn generics(function: &Function, errors: &mut Errors) {
    let generics = &function.signature.generics;
    if let Some(parameter) = generics.params.first() {
        errors.at(
            parameter,
            "a webhook endpoint cannot be generic, because the server cannot choose the types: write \
             concrete types",
        );
    } else if let Some(clause) = &generics.where_clause {
        errors
            .at(&clause.where_token, "a webhook endpoint cannot have a `where` clause: remove it");
    }
    for argument in function.argument_types() {
        if let Type::ImplTrait(generic) = argument {
            errors.at(
                &generic.impl_token,
                "a webhook endpoint cannot be generic: replace `impl` with a concrete type",
            );
        }
    }
}

fn arguments(function: &Function, errors: &mut Errors) {
    let inputs = &function.signature.inputs;
    if let Some(FnArg::Receiver(receiver)) = inputs.first() {
        errors.at(
            &receiver.self_token,
            "a webhook endpoint is a free function, not a method: move it out of the `impl`, and share \
             values with it as `web::Data<T>`",
        );
    }
    if let Some(argument) = inputs.iter().nth(MAX_ARGUMENTS) {
        let message = format!("a webhook endpoint takes at most {MAX_ARGUMENTS} arguments");
        errors.at(argument, message);
    }
}

/// Checks the item that contains the function, and the function's neighbors, as far as the source file shows
/// them.
fn surroundings(function: &Function, errors: &mut Errors) {
    let name = &function.signature.ident;
    if function.is_expanded() {
        errors.at(name, "this function has `#[webhook_endpoint]` twice: remove one of them");
        return;
    }
    let takes_self = matches!(function.signature.inputs.first(), Some(FnArg::Receiver(_)));
    match source::obstacle(name) {
        Some(PlaceObstacle::Associated) if !takes_self => errors.at(
            name,
            "a webhook endpoint is a free function: move it out of the `impl` or `trait`",
        ),
        Some(PlaceObstacle::Namesake(kind)) => errors.at(
            name,
            format!(
                "`{kind} {name}` conflicts with the type `{name}` that `#[webhook_endpoint]` defines for this \
                 function: rename the function or the `{kind}`"
            ),
        ),
        Some(PlaceObstacle::Associated) | None => {}
    }
}

/// Checks the name of an environment variable.
fn variable(written: &LitStr, example: &str, errors: &mut Errors) {
    let name = written.value();
    if name.is_empty() || name.contains(['=', '\0']) || name.trim() != name {
        let message = format!(
            "this is not the name of an environment variable: write \"{example}\", for example"
        );
        errors.at(written, message);
    }
}

fn background(background: &Background, errors: &mut Errors) {
    number(
        background.attempts.as_ref(),
        1..=1000,
        "`attempts` must be 1 to 1000: write `attempts = 5`, for example",
        errors,
    );
    number(
        background.concurrency.as_ref(),
        1..=10_000,
        "`concurrency` must be 1 to 10000: write `concurrency = 1`, for example",
        errors,
    );
    // The runtime counts in milliseconds.
    if let Some(Located { value, span }) = background.timeout
        && (value.as_millis() == 0 || value > 365 * DAY)
    {
        let message = "`timeout` must be 1 millisecond to 365 days: write `timeout = \"2h\"`, for \
                       example";
        errors.push(syn::Error::new(span, message));
    }
    if let Some(Located { value: (shortest, longest), span }) = background.backoff {
        if shortest > longest {
            let (first, second) =
                (humantime::format_duration(longest), humantime::format_duration(shortest));
            let message = format!("the shorter delay comes first: write \"{first}..{second}\"");
            errors.push(syn::Error::new(span, message));
        } else if longest > 30 * DAY {
            errors.push(syn::Error::new(span, "`backoff` must be at most 30 days"));
        }
    }
    if let Some(Located { value, span }) = background.dedup_window
        && value > 7 * DAY
    {
        let message =
            "`dedup_window` must be at most 7 days: write `dedup_window = \"2m\"`, for example";
        errors.push(syn::Error::new(span, message));
    }
}

/// Reports a number outside of its range.
fn number(
    written: Option<&Located<u64>>,
    allowed: RangeInclusive<u64>,
    message: &str,
    errors: &mut Errors,
) {
    if let Some(written) = written.filter(|written| !allowed.contains(&written.value)) {
        errors.push(syn::Error::new(written.span, message));
    }
}
