//! Every rule, in one list.

use std::ops::RangeInclusive;
use std::time::Duration;

use proc_macro2::{Ident, Span};
use syn::{FnArg, LitStr, Safety, Type};

use crate::args::Args;
use crate::background::{Background, Written};
use crate::errors::Errors;
use crate::item::Function;

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
            "a webhook endpoint cannot be `const`, it runs for each delivery: remove `const`",
        );
    }
    if let Safety::Unsafe(token) = &signature.safety {
        errors.at(
            token,
            "a webhook endpoint cannot be `unsafe`, the server calls it: remove `unsafe`",
        );
    }
    if let Some(abi) = &signature.abi {
        errors.at(
            &abi.extern_token,
            "a webhook endpoint cannot be `extern`, the server calls it from Rust: remove `extern`",
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
            "a webhook endpoint cannot be generic, nothing says for which types the server should call it: \
             write the types out",
        );
    } else if let Some(clause) = &generics.where_clause {
        errors
            .at(&clause.where_token, "a webhook endpoint cannot have a `where` clause: remove it");
    }
    for argument in function.argument_types() {
        if let Type::ImplTrait(generic) = argument {
            errors.at(
                &generic.impl_token,
                "a webhook endpoint cannot be generic: write a type in place of `impl`",
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

fn secret_env(args: &Args, errors: &mut Errors) {
    if let Some(variable) = &args.secret_env {
        let name = variable.value();
        if name.is_empty() || name.contains(['=', '\0']) || name.trim() != name {
            errors.at(
                variable,
                "this is not the name of a variable; write \"TRAINING_SECRET\" for instance",
            );
        }
    }
}

fn background(background: &Background, errors: &mut Errors) {
    number(
        background.attempts.as_ref(),
        1..=1000,
        "a delivery is tried 1 to 1000 times; write `attempts = 5` for instance",
        errors,
    );
    number(
        background.concurrency.as_ref(),
        1..=10_000,
        "1 to 10000 deliveries run at the same time; write `concurrency = 1` for instance",
        errors,
    );
    // A policy counts in milliseconds.
    if let Some(Written { value, span }) = background.timeout
        && (value.as_millis() == 0 || value > 365 * DAY)
    {
        let message = "an attempt may take from 1 millisecond to 365 days; write `timeout = \"2h\"` \
                       for instance";
        errors.push(syn::Error::new(span, message));
    }
    if let Some(Written { value: (shortest, longest), span }) = background.backoff {
        if shortest > longest {
            let (first, second) =
                (humantime::format_duration(longest), humantime::format_duration(shortest));
            let message = format!("the shortest wait stands first: write \"{first}..{second}\"");
            errors.push(syn::Error::new(span, message));
        } else if longest > 30 * DAY {
            errors
                .push(syn::Error::new(span, "a wait between two attempts is 30 days at the most"));
        }
    }
    if let Some(Written { value, span }) = background.dedup_window
        && value > 7 * DAY
    {
        let message =
            "the window is 7 days at the most; write `dedup_window = \"2m\"` for instance";
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
        let message = match (self, path) {
            (Self::Character(_), None) => "the function's name is its path, and a path is ASCII: name \
                                           one, `#[webhook_endpoint(\"/say_hello\")]`"
                .to_owned(),
            (_, None) => format!(
                "the function's name is its path, and `/webhooks/{function}` reads like a mistake: name \
                 one, `#[webhook_endpoint(\"/say_hello\")]`"
            ),
            (Self::Empty, Some(_)) => {
                "the path is empty; write \"/say_hello\" for instance, or nothing for the function's name"
                    .to_owned()
            }
            (Self::DoubledPrefix, Some(path)) => {
                let rest = path.value();
                let rest = rest.rsplit("webhooks").next().unwrap_or_default().trim_matches('/');
                let rest = if rest.is_empty() { "say_hello" } else { rest };
                format!("`/webhooks` stands twice in this path; write \"/{rest}\", the rest is added")
            }
            (Self::Segment, Some(_)) => {
                "a path has no empty parts and no `.` or `..`; write \"/say/hello\" for instance".to_owned()
            }
            (Self::Character(character), Some(_)) => match character {
                '?' | '#' => format!("a path ends before `{character}`: leave it out, with all behind it"),
                '{' | '}' => {
                    "an endpoint has one fixed path, without `{…}`: take what changes from the payload".to_owned()
                }
                ' ' => "a path has no spaces; write `_` or `-` instead".to_owned(),
                other => format!(
                    "a path is made of ASCII letters, digits, `-`, `_`, `.`, `~` and `/`; {other:?} is none of these"
                ),
            },
        };
        syn::Error::new(span, message)
    }
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
