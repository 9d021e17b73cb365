//! Checks the values of the keys that select deliveries.
//!
//! The rules are those of `endpoint/filter/` in the runtime, which checks filters that are built at run time. A test
//! compares the two. Only here, a value that is in a list twice is an error: code may add one value several times.

#[cfg(test)]
mod tests;

use syn::LitStr;

use super::glob::{branch, changed_path, git_ref};
use crate::errors::Errors;
use crate::filter::FilterArgs;
use crate::parse::similar;

/// The scopes of events, each with the actions that occur in it.
const SCOPES: [(&str, &[&str]); 5] = [
    ("repo", &["create", "delete", "move", "update"]),
    (CONTENT, &["update"]),
    ("repo.config", &["update"]),
    ("discussion", &["create", "delete", "update"]),
    ("discussion.comment", &["create", "update"]),
];

const CONTENT: &str = "repo.content";

/// All actions. Every one of them occurs in the scope `repo`.
const ACTIONS: &[&str] = SCOPES[0].1;

/// The types of the Hub's webhooks.
const TYPES: [&str; 6] = ["model", "dataset", "space", "bucket", "org", "user"];

/// Applies every rule.
pub(super) fn filter(args: &FilterArgs, errors: &mut Errors) {
    for (values, check) in [
        (&args.on, event as fn(&str) -> Result<(), String>),
        (&args.watch, repo),
        (&args.branch, branch),
        (&args.refs, git_ref),
        (&args.paths, changed_path),
    ] {
        each(values.iter().flatten(), check, errors);
    }
    if let Some(variable) = &args.watch_env {
        super::variable(variable, "BOT_WATCH", errors);
    }
    let has_content = |on: &Vec<LitStr>| on.iter().any(|event| scope(&event.value()) == CONTENT);
    // An invalid event may have been meant as that scope.
    let is_known = |event: &LitStr| self::event(&event.value()).is_ok();
    if args.on.as_ref().is_some_and(|on| !has_content(on) && on.iter().all(is_known)) {
        for (key, what, values) in [
            ("branch", "branches and tags", &args.branch),
            ("refs", "branches and tags", &args.refs),
            ("paths", "files", &args.paths),
        ] {
            if let Some(value) = values.iter().flatten().next() {
                let message = format!(
                    "{what} change only in `{CONTENT}`, which `on` excludes: add it to `on`, or remove `{key}`"
                );
                errors.at(value, message);
            }
        }
    }
}

/// Checks each value, and that none is there twice.
fn each<'a>(
    values: impl Iterator<Item = &'a LitStr>,
    check: impl Fn(&str) -> Result<(), String>,
    errors: &mut Errors,
) {
    let mut seen: Vec<String> = Vec::new();
    for literal in values {
        let value = literal.value();
        let words = value.split_whitespace().collect::<Vec<_>>().join(" ");
        if let Err(message) = check(&value) {
            errors.at(literal, message);
        } else if seen.contains(&words) {
            errors.at(literal, format!("\"{words}\" is there twice: remove one"));
        }
        seen.push(words);
    }
}

/// Returns the scope of an event: its last word.
fn scope(event: &str) -> &str {
    event.split_whitespace().next_back().unwrap_or_default()
}

fn event(text: &str) -> Result<(), String> {
    let words: Vec<_> = text.split_whitespace().collect();
    let (action, scope) = match words[..] {
        [word] => match SCOPES.iter().find(|(_, occurring)| occurring.contains(&word)) {
            Some((scope, _)) => {
                return Err(format!(
                    "`{word}` is an action: add its scope, such as \"{word} {scope}\""
                ));
            }
            None => (None, word),
        },
        [action, scope] => (Some(action), scope),
        _ => {
            return Err("expected a scope, or an action and a scope: write \"create \
                        discussion.comment\", for example"
                .to_owned());
        }
    };
    if let Some(action) = action.filter(|action| !ACTIONS.contains(action)) {
        return Err(unknown("action", action, ACTIONS));
    }
    let Some((_, occurring)) = SCOPES.iter().find(|(known, _)| *known == scope) else {
        return Err(unknown("scope", scope, &SCOPES.map(|(known, _)| known)));
    };
    if action.is_some_and(|action| !occurring.contains(&action)) {
        return Err(match occurring {
            [only] => format!("events of `{scope}` are always `{only}`: write \"{scope}\""),
            several => format!("events of `{scope}` are {}", listed(several)),
        });
    }
    Ok(())
}

fn repo(text: &str) -> Result<(), String> {
    let Some((kind, name)) = text.split_once(':') else {
        return Err("expected a type and a name: write \"dataset:me/data\" or \"org:acme\", for \
                    example"
            .to_owned());
    };
    if !TYPES.contains(&kind) {
        return Err(unknown("type", kind, &TYPES));
    }
    let is_owner = matches!(kind, "org" | "user");
    if name.is_empty() {
        let example = if is_owner { "acme" } else { "me/data" };
        return Err(format!("the name is missing: write \"{kind}:{example}\", for example"));
    }
    let segments: Vec<_> = name.split('/').collect();
    if name.contains('*') {
        let owner = segments.first().filter(|segment| is_segment(segment)).unwrap_or(&"me");
        return Err(format!(
            "a name has no `*`: write \"user:{owner}\" or \"org:{owner}\" for all repos of an owner"
        ));
    }
    if segments.len() > 2 || !segments.iter().all(|segment| is_segment(segment)) {
        let example = if is_owner { "acme" } else { "owner/name" };
        return Err(format!(
            "`{name}` is not a name on the Hub: write \"{kind}:{example}\", with letters, digits, `-`, `_` and `.`"
        ));
    }
    if let Some((owner, _)) = name.split_once('/').filter(|_| is_owner) {
        return Err(format!(
            "`{kind}` watches all repos of an owner: write \"{kind}:{owner}\", or the type of the repo, \
             \"model:{name}\""
        ));
    }
    Ok(())
}

/// Returns whether this can be the name of an owner, or of a repo without its owner.
fn is_segment(text: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    !text.is_empty() && text.bytes().all(is_allowed)
}

/// Returns the message for an unknown value, with the value that was probably meant.
fn unknown(what: &str, wrong: &str, known: &[&str]) -> String {
    let meant = similar(wrong, known);
    let meant = meant.map_or_else(String::new, |meant| format!(": did you mean `{meant}`?"));
    let all = listed(known);
    match meant.as_str() {
        "" => format!("unknown {what} `{wrong}`: the {what}s are {all}"),
        meant => format!("unknown {what} `{wrong}`{meant} The {what}s are {all}"),
    }
}

fn listed(values: &[&str]) -> String {
    values.iter().map(|value| format!("`{value}`")).collect::<Vec<_>>().join(", ")
}
