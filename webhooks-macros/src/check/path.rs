//! Determines the path of an endpoint, and checks a path that the attribute sets.
//!
//! The rules are those of `endpoint/path.rs` in the runtime, which checks paths that are set at run time. A
//! test compares the two.

use proc_macro2::{Ident, Span};
use syn::LitStr;

use crate::args::Args;
use crate::errors::Errors;
use crate::item::Function;

/// The prefix of every endpoint's path.
const PREFIX: &str = "/webhooks/";

/// Returns the path to serve the function at: the one that the attribute sets, or else the function's name.
pub(super) fn endpoint_path(function: &Function, args: &Args, errors: &mut Errors) -> String {
    let (written, normalized) = match &args.path {
        Some(path) => (path.span(), normalize(&path.value())),
        None => (function.signature.ident.span(), normalize(&function.name())),
    };
    normalized.unwrap_or_else(|fault| {
        errors.push(fault.error(written, args.path.as_ref(), &function.signature.ident));
        PREFIX.to_owned()
    })
}

/// The rule that a path breaks.
#[derive(Debug, PartialEq, Eq)]
enum PathFault {
    Empty,
    DoubledPrefix,
    Segment,
    Character(char),
}

impl PathFault {
    /// Returns the error to report at `span`. `path` is the written path; `None` for the function's name.
    fn error(self, span: Span, path: Option<&LitStr>, function: &Ident) -> syn::Error {
        let message = match (self, path.map(LitStr::value)) {
            (Self::Character(_), None) => "the path defaults to the function's name, which is not ASCII: set \
                 another path, `#[webhook_endpoint(\"/say_hello\")]`"
                .to_owned(),
            (_, None) => format!(
                "the path defaults to the function's name, and `/webhooks/{function}` looks like a mistake: \
                 set another path, `#[webhook_endpoint(\"/say_hello\")]`"
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
                    "this path contains `/webhooks` twice: write \"{rest}\"; the prefix is added automatically"
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
                format!("a path uses `/`, not `\\`: write \"{path}\"")
            }
            (Self::Character(character), Some(_)) => match character {
                '?' | '#' => {
                    format!(
                        "a path cannot contain `{character}`: remove it and everything after it"
                    )
                }
                '{' | '}' => {
                    "an endpoint has one fixed path: remove `{…}`, and read variable parts from the payload"
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

/// Returns a path to suggest in place of an invalid one: its valid beginning, or else an example.
fn suggested(path: &str) -> String {
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let normalized = normalize(path).unwrap_or_else(|_| format!("{PREFIX}say_hello"));
    normalized.replacen("/webhooks", "", 1)
}

/// Converts `/webhooks/x`, `/x`, `x` and `x/` to `/webhooks/x`.
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

    /// Paths on which the attribute and the runtime must agree.
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
