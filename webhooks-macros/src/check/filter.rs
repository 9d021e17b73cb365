//! Checks the values of the keys that select deliveries.
//!
//! The rules are those of `endpoint/filter/` in the runtime, which checks filters that are built at run time. A test
//! compares the two.

use syn::LitStr;

use crate::errors::Errors;
use crate::filter::{FilterArgs, ON};
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

const ACTIONS: [&str; 4] = ["create", "delete", "move", "update"];

/// The types of the Hub's webhooks.
const TYPES: [&str; 6] = ["model", "dataset", "space", "bucket", "org", "user"];

/// Applies every rule.
pub(super) fn filter(args: &FilterArgs, errors: &mut Errors) {
    for (values, check) in [
        (&args.on, event as fn(&str) -> Result<(), String>),
        (&args.watch, repo),
        (&args.branch, branch),
        (&args.refs, git_ref),
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
        for (key, values) in [("branch", &args.branch), ("refs", &args.refs)] {
            if let Some(value) = values.iter().flatten().next() {
                let message = format!(
                    "branches and tags change only in `{CONTENT}`, which `{ON}` excludes: add it to `{ON}`, or \
                     remove `{key}`"
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
        [action] if ACTIONS.contains(&action) => {
            return Err(format!(
                "`{action}` is an action: add its scope, such as \"{action} {}\"",
                if action == "move" { "repo" } else { "discussion" }
            ));
        }
        [scope] => (None, scope),
        [action, scope] => (Some(action), scope),
        _ => {
            return Err("expected a scope, or an action and a scope: write \"create \
                        discussion.comment\", for example"
                .to_owned());
        }
    };
    if let Some(action) = action.filter(|action| !ACTIONS.contains(action)) {
        return Err(unknown("action", action, &ACTIONS));
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
    if let Some((owner, _)) = name.split_once('/').filter(|_| is_owner) {
        return Err(format!(
            "`{kind}` watches all repos of an owner: write \"{kind}:{owner}\", or the type of the repo, \
             \"model:{name}\""
        ));
    }
    let segments: Vec<_> = name.split('/').collect();
    let is_word = |word: &&str| !word.is_empty() && !word.contains(char::is_whitespace);
    if segments.len() > 2 || !segments.iter().all(is_word) {
        return Err(format!("`{name}` is not a name on the Hub: write \"{kind}:owner/name\""));
    }
    Ok(())
}

fn branch(text: &str) -> Result<(), String> {
    if let Some(name) = text.strip_prefix("refs/heads/") {
        return Err(format!("`branch` takes only the name of the branch: write \"{name}\""));
    }
    if text.starts_with("refs/") {
        return Err(format!("this is not a branch: write `refs = \"{text}\"`"));
    }
    glob(text)
}

fn git_ref(text: &str) -> Result<(), String> {
    if !text.is_empty() && !text.starts_with("refs/") {
        return Err(
            "the name of a ref begins with `refs/`: write \"refs/tags/*\" or \"refs/pr/*\", \
                    for example, or `branch` for a branch"
                .to_owned(),
        );
    }
    glob(text)
}

fn glob(text: &str) -> Result<(), String> {
    if text.is_empty() {
        return Err("the name is empty: write \"main\", for example".to_owned());
    }
    if text.starts_with('!') {
        return Err("this glob cannot be negated: list the names that match".to_owned());
    }
    fast_glob::validate(text).map_err(|error| format!("this is not a valid glob: {error}"))
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

#[cfg(test)]
mod tests {
    use webhooks_runtime::Filter;
    use webhooks_runtime::testing::dataset_commit;

    use super::*;

    /// Values on which the attribute and the runtime must agree.
    const VALUES: &[&str] = &[
        "",
        " ",
        "repo",
        "repo.content",
        "update repo.content",
        " update  repo.content ",
        "create repo.content",
        "create",
        "move",
        "move repo",
        "move discussion",
        "delete discussion",
        "delete discussion.comment",
        "discussions",
        "update repo content",
        "archive repo",
        "dataset:me/data",
        "dataset:",
        "dataset:/data",
        "dataset:me/",
        "dataset:a/b/c",
        "dataset:me/my data",
        "datasets:me/data",
        "model:gpt2",
        "org:acme",
        "org:acme/data",
        "user:",
        ":me",
        "main",
        "release/*",
        "**",
        "v[0-9]",
        "v[0-9",
        "{a,b",
        "!main",
        "refs/heads/main",
        "refs/tags/*",
        "refs/",
        "tags/*",
    ];

    #[test]
    fn the_runtime_has_the_same_rules() {
        assert_eq!(SCOPES, webhooks_runtime::__private::SCOPES);
        assert_eq!(TYPES, webhooks_runtime::__private::TYPES);
        let payload = dataset_commit().into();
        for value in VALUES {
            let is_valid = |filter: Filter| filter.skip_reason(&payload).is_ok();
            assert_eq!(event(value).is_ok(), is_valid(Filter::new().on(value)), "on {value:?}");
            assert_eq!(repo(value).is_ok(), is_valid(Filter::new().watch(value)), "{value:?}");
            assert_eq!(branch(value).is_ok(), is_valid(Filter::new().branch(value)), "{value:?}");
            assert_eq!(git_ref(value).is_ok(), is_valid(Filter::new().refs(value)), "{value:?}");
        }
    }

    #[test]
    fn an_unknown_value_is_named_with_all_known_ones_and_the_nearest() {
        assert_eq!(
            event("craete repo").unwrap_err(),
            "unknown action `craete`: did you mean `create`? The actions are `create`, `delete`, `move`, `update`"
        );
        assert!(event("discusion").unwrap_err().contains("did you mean `discussion`?"));
        assert!(repo("datasets:me/data").unwrap_err().contains("did you mean `dataset`?"));
        assert_eq!(
            repo("kernel:me/data").unwrap_err(),
            "unknown type `kernel`: the types are `model`, `dataset`, `space`, `bucket`, `org`, `user`"
        );
    }
}
