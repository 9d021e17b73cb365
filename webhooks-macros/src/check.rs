//! Every rule, in one list.

use std::ops::RangeInclusive;
use std::time::Duration;

use proc_macro2::{Ident, Span};
use syn::{FnArg, LitStr, Safety, Type};

use crate::args::Args;
use crate::background::{Background, Written};
use crate::errors::Errors;
use crate::item::Function;
use crate::source::{self, Obstacle};

/// How many arguments a function may take.
const MOST_ARGUMENTS: usize = 12;

/// The path under which all endpoints stand.
const PREFIX: &str = "/webhooks/";

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Applies every rule. The path is a working one even when it breaks a rule.
pub(crate) fn check(function: &Function, args: &Args, errors: &mut Errors) -> String {
    qualifiers(function, errors);
    generics(function, errors);
    arguments(function, errors);
    surroundings(function, errors);
    secret_env(args, errors);
    if let Some(written) = &args.background {
        background(written, errors);
    }
    path(function, args, errors)
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
    if let Some(argument) = inputs.iter().nth(MOST_ARGUMENTS) {
        let message = format!("a webhook endpoint takes at most {MOST_ARGUMENTS} arguments");
        errors.at(argument, message);
    }
}

/// What is around the function, as far as it can be seen.
fn surroundings(function: &Function, errors: &mut Errors) {
    let name = &function.signature.ident;
    if function.is_expanded() {
        errors.at(name, "this function has `#[webhook_endpoint]` twice: remove one of them");
        return;
    }
    let takes_self = matches!(function.signature.inputs.first(), Some(FnArg::Receiver(_)));
    match source::obstacle(name) {
        Some(Obstacle::Associated) if !takes_self => errors.at(
            name,
            "a webhook endpoint is a free function: move it out of the `impl` or `trait`",
        ),
        Some(Obstacle::Namesake(kind)) => errors.at(
            name,
            format!(
                "`{kind} {name}` has the name of this function, and `#[webhook_endpoint]` defines a type of \
                 that name, too: rename the function or the `{kind}`"
            ),
        ),
        Some(Obstacle::Associated) | None => {}
    }
}

fn secret_env(args: &Args, errors: &mut Errors) {
    if let Some(variable) = &args.secret_env {
        let name = variable.value();
        if name.is_empty() || name.contains(['=', '\0']) || name.trim() != name {
            errors.at(
                variable,
                "this is not the name of an environment variable: write \"TRAINING_SECRET\", for example",
            );
        }
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
    // A policy counts in milliseconds.
    if let Some(Written { value, span }) = background.timeout
        && (value.as_millis() == 0 || value > 365 * DAY)
    {
        let message = "`timeout` must be 1 millisecond to 365 days: write `timeout = \"2h\"`, for \
                       example";
        errors.push(syn::Error::new(span, message));
    }
    if let Some(Written { value: (shortest, longest), span }) = background.backoff {
        if shortest > longest {
            let (first, second) =
                (humantime::format_duration(longest), humantime::format_duration(shortest));
            let message = format!("the shortest wait comes first: write \"{first}..{second}\"");
            errors.push(syn::Error::new(span, message));
        } else if longest > 30 * DAY {
            errors.push(syn::Error::new(span, "`backoff` must be at most 30 days"));
        }
    }
    if let Some(Written { value, span }) = background.dedup_window
        && value > 7 * DAY
    {
        let message =
            "`dedup_window` must be at most 7 days: write `dedup_window = \"2m\"`, for example";
        errors.push(syn::Error::new(span, message));
    }
}

fn number(
    written: Option<&Written<u64>>,
    allowed: RangeInclusive<u64>,
    message: &str,
    errors: &mut Errors,
) {
    if let Some(written) = written.filter(|written| !allowed.contains(&written.value)) {
        errors.push(syn::Error::new(written.span, message));
    }
}

/// The path to serve the function at.
fn path(function: &Function, args: &Args, errors: &mut Errors) -> String {
    let (written, normalized) = match &args.path {
        Some(path) => (path.span(), normalize(&path.value())),
        None => (function.signature.ident.span(), normalize(&function.name())),
    };
    normalized.unwrap_or_else(|fault| {
        errors.push(fault.error(written, args.path.as_ref(), &function.signature.ident));
        PREFIX.to_owned()
    })
}

/// What is wrong with a path. The same rules as `endpoint/path.rs` of the runtime, for paths that come
/// at run time.
#[derive(Debug, PartialEq, Eq)]
enum PathFault {
    Empty,
    DoubledPrefix,
    Segment,
    Character(char),
}

impl PathFault {
    fn error(self, span: Span, path: Option<&LitStr>, function: &Ident) -> syn::Error {
        let message = match (self, path.map(LitStr::value)) {
            (Self::Character(_), None) => {
                "the path defaults to the function's name, and a path is ASCII: \
                                           set another one, `#[webhook_endpoint(\"/say_hello\")]`"
                    .to_owned()
            }
            (_, None) => format!(
                "the path defaults to the function's name, and `/webhooks/{function}` looks like a mistake: \
                 set another one, `#[webhook_endpoint(\"/say_hello\")]`"
            ),
            (Self::Empty, Some(_)) => {
                "the path is empty: write \"/say_hello\", for example, or leave it out \
                                       to use the function's name"
                    .to_owned()
            }
            (Self::DoubledPrefix, Some(path)) => {
                let rest = path.rsplit("webhooks").next().unwrap_or_default();
                let rest = suggested(rest);
                format!(
                    "`/webhooks` is in this path twice: write \"{rest}\", the prefix is added automatically"
                )
            }
            (Self::Segment, Some(_)) => "a path cannot contain empty segments, `.` or `..`: write \
                                         \"/say/hello\", for example"
                .to_owned(),
            (Self::Character(_), Some(path)) if path.contains("://") => {
                let rest = path.split_once("://").map_or("", |(_, rest)| rest);
                let rest = suggested(rest.split_once('/').map_or("", |(_, path)| path));
                format!("this is a URL: write only its path, \"{rest}\"")
            }
            (Self::Character(_), Some(path)) if path.contains('\\') => {
                let path = path.split_once(':').map_or(&*path, |(_, path)| path).replace('\\', "/");
                let path = suggested(&path);
                format!("this is not the path of a URL, which has `/`, not `\\`: write \"{path}\"")
            }
            (Self::Character(character), Some(_)) => match character {
                '?' | '#' => {
                    format!(
                        "a path cannot contain `{character}`: remove it and everything after it"
                    )
                }
                '{' | '}' => {
                    "an endpoint has one fixed path: remove `{…}`, and read what varies from the \
                              payload"
                        .to_owned()
                }
                ' ' => "a path cannot contain spaces: use `_` or `-` instead".to_owned(),
                other => format!(
                    "a path cannot contain {other:?}: use ASCII letters, digits, `-`, `_`, `.`, `~` and `/`"
                ),
            },
        };
        syn::Error::new(span, message)
    }
}

/// A path to suggest in place of a wrong one: itself when it is right, or else an example.
fn suggested(path: &str) -> String {
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let normalized = normalize(path).unwrap_or_else(|_| format!("{PREFIX}say_hello"));
    normalized.replacen("/webhooks", "", 1)
}

/// Brings `/webhooks/x`, `/x`, `x` and `x/` to `/webhooks/x`.
fn normalize(path: &str) -> Result<String, PathFault> {
    let is_allowed =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '~' | '/');
    if let Some(character) = path.chars().find(|c| !is_allowed(*c)) {
        return Err(PathFault::Character(character));
    }
    let path = path.strip_prefix('/').unwrap_or(path);
    let path = path.strip_suffix('/').unwrap_or(path);
    let name = match path.strip_prefix("webhooks") {
        Some("") => "",
        Some(rest) => rest.strip_prefix('/').unwrap_or(path),
        None => path,
    };
    if name.is_empty() {
        return Err(PathFault::Empty);
    }
    if name == "webhooks" || name.starts_with("webhooks/") {
        return Err(PathFault::DoubledPrefix);
    }
    if name.split('/').any(|segment| matches!(segment, "" | "." | "..")) {
        return Err(PathFault::Segment);
    }
    Ok(format!("{PREFIX}{name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the attribute and the runtime must agree on.
    const PATHS: &[&str] = &[
        "",
        "/",
        "//",
        "x",
        "/x",
        "x/",
        "/x/",
        "//x",
        "x//",
        "/webhooks",
        "/webhooks/",
        "/webhooks/x",
        "webhooks",
        "webhooks/x",
        "/webhooks/webhooks",
        "/webhooks/webhooks/x",
        "webhooks/webhooks/",
        "/webhooks_of_mine",
        "webhooksx/y",
        "/a/b/c",
        "/a//b",
        "/a/./b",
        "/a/../b",
        ".",
        "..",
        "...",
        "a.b",
        "a-b_c~d",
        "a b",
        "a?b",
        "a#b",
        "{a}",
        "a%20b",
        "a\\b",
        "a:b",
        "학습",
        "a\nb",
        "A/9",
    ];

    #[test]
    fn the_runtime_has_the_same_rules() {
        for path in PATHS {
            let here = normalize(path);
            let there = webhooks_runtime::__private::normalize(path);
            assert_eq!(here.as_ref().ok(), there.as_ref().ok(), "{path:?}");
            let fault = here.err().map(|fault| format!("{fault:?}"));
            assert_eq!(fault, there.err().map(|fault| format!("{fault:?}")), "{path:?}");
        }
    }
}
