//! Reads the secrets and variables that the command line names.
//!
//! No error contains a value, because it may be a secret.

use std::collections::BTreeMap;

use crate::config::environment::Environment;
use crate::deploy::has_token;
use crate::hub::{HubError, login_token};

/// The variable with the program's token.
pub(super) const HF_TOKEN: &str = "HF_TOKEN";

/// Why a value cannot be set on the Space.
#[derive(Debug, thiserror::Error)]
pub(super) enum ValueError {
    #[error(
        "--secret takes the name of an environment variable, without its value: a value would stay in the history of \
         the shell"
    )]
    NotAName,
    #[error("--variable takes a name and a value: --variable NAME=VALUE")]
    NotAPair,
    #[error("everyone can read variables: use --secret {name}")]
    Public { name: String },
    #[error(
        "These variables are not set, so that --secret has no values: {}. Set them in the environment.",
        .names.join(", ")
    )]
    NotSet { names: Vec<String> },
    #[error("--secret {name} and --variable {name} exclude each other")]
    Both { name: String },
    #[error(transparent)]
    Token(#[from] HubError),
}

/// Parses the values of `--variable`. A secret is refused, because everyone can read variables.
pub(super) fn variables(pairs: &[String]) -> Result<BTreeMap<String, String>, ValueError> {
    let variable = |text: &String| {
        let (name, value) = text.split_once('=').ok_or(ValueError::NotAPair)?;
        if !is_name(name) {
            return Err(ValueError::NotAPair);
        }
        if name == HF_TOKEN || name.starts_with("WEBHOOK_SECRET") || has_token(value) {
            return Err(ValueError::Public { name: name.to_owned() });
        }
        Ok((name.to_owned(), value.to_owned()))
    };
    pairs.iter().map(variable).collect()
}

/// Returns the values of secrets, which are in the environment. The token can also be that of the login.
pub(super) fn secrets(
    names: &[String],
    environment: &Environment,
) -> Result<BTreeMap<String, String>, ValueError> {
    if !names.iter().all(|name| is_name(name)) {
        return Err(ValueError::NotAName);
    }
    let mut values = BTreeMap::new();
    let mut missing = Vec::new();
    for name in names {
        let value = match environment.filled(name).ok().flatten() {
            None if name == HF_TOKEN => Some(login_token(environment)?),
            value => value,
        };
        match value {
            Some(value) => drop(values.insert(name.clone(), value)),
            None => missing.push(name.clone()),
        }
    }
    if missing.is_empty() { Ok(values) } else { Err(ValueError::NotSet { names: missing }) }
}

/// Checks that no name is both a secret and a variable.
pub(super) fn check_names(
    secrets: &BTreeMap<String, String>,
    variables: &BTreeMap<String, String>,
) -> Result<(), ValueError> {
    let both = secrets.keys().find(|name| variables.contains_key(*name));
    both.map_or(Ok(()), |name| Err(ValueError::Both { name: name.clone() }))
}

fn is_name(text: &str) -> bool {
    let is_allowed = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    let starts_with_digit = text.starts_with(|letter: char| letter.is_ascii_digit());
    !text.is_empty() && !starts_with_digit && text.chars().all(is_allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owned(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn a_variable_has_a_name_and_a_value_that_everyone_may_read() {
        let read = variables(&owned(&["LEVEL=a=b", "EMPTY="])).unwrap();
        assert_eq!((&*read["LEVEL"], &*read["EMPTY"]), ("a=b", ""));
        let token = format!("LEVEL=hf_{}", "x".repeat(34));
        for text in ["hush", "=hush", "A B=hush", "HF_TOKEN=hush", "WEBHOOK_SECRET=hush", &token] {
            let error = variables(&owned(&[text])).unwrap_err().to_string();
            assert!(!error.contains("hush") && !error.contains("xxx"), "{error}");
        }
    }

    #[test]
    fn secrets_come_from_the_environment() {
        let environment = Environment::from_iter([("A", "hush"), ("EMPTY", "")]);
        let read = |names: &[&str]| secrets(&owned(names), &environment);
        assert_eq!(read(&["A"]).unwrap()["A"], "hush");
        let error = read(&["A", "EMPTY", "B"]).unwrap_err().to_string();
        assert!(error.contains("EMPTY, B"), "{error}");
        for name in ["", "A=hush", "1A", "A-B", "A B"] {
            let error = read(&[name]).unwrap_err();
            assert!(matches!(error, ValueError::NotAName), "{error}");
        }
    }

    #[test]
    fn a_name_is_a_secret_or_a_variable() {
        let map = |name: &str| BTreeMap::from([(name.to_owned(), "hush".to_owned())]);
        assert!(check_names(&map("A"), &map("B")).is_ok());
        assert!(check_names(&map("A"), &map("A")).is_err());
    }
}
