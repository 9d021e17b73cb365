//! Composes the variables that the program finds on the Space, to check its settings before anything is uploaded.

use std::collections::BTreeMap;

use super::values::HF_TOKEN;
use super::webhook_secret::WEBHOOK_SECRET;
use crate::config::environment::Environment;
use crate::config::table::SETTINGS;
use crate::deploy::snapshot::SpaceSnapshot;

/// The host of the Space, until the Hub says it.
const HOST: &str = "space.invalid";

/// How a value begins that only the Space knows.
const UNKNOWN: &str = "a secret of the Space: ";

/// The public URL of a program that has no other than that of its Space.
pub(super) fn url_of_space() -> String {
    format!("https://{HOST}")
}

/// Returns whether the value is that of a secret that only the Space knows.
pub(super) fn is_unknown(value: &str) -> bool {
    value.starts_with(UNKNOWN)
}

/// Returns the variables on a Space that has these secrets and variables beside its own. `webhook_secret` is the value of
/// `WEBHOOK_SECRET`, if it is known.
pub(super) fn on_space(
    space: &str,
    snapshot: Option<&SpaceSnapshot>,
    secrets: &BTreeMap<String, String>,
    variables: &BTreeMap<String, String>,
    webhook_secret: Option<&str>,
) -> Environment {
    let mut all = BTreeMap::from([("SPACE_ID", space.to_owned()), ("SPACE_HOST", HOST.to_owned())]);
    let text = |(name, value): (&'_ String, &String)| (name.clone(), value.clone());
    let mut of_space: BTreeMap<String, String> = BTreeMap::new();
    if let Some(snapshot) = snapshot {
        // A setting whose value is not known here is as valid as when it was set.
        let names = snapshot.secrets.keys().filter(|name| !is_setting(name));
        of_space.extend(names.map(|name| (name.clone(), format!("{UNKNOWN}{name}"))));
        of_space.extend(snapshot.variables.iter().map(text));
    }
    of_space.extend(variables.iter().chain(secrets).map(text));
    if let Some(secret) = webhook_secret {
        of_space.insert(WEBHOOK_SECRET.to_owned(), secret.to_owned());
    }
    for (name, value) in &of_space {
        all.insert(name, value.clone());
    }
    all.iter().map(|(name, value)| (*name, value.as_str())).collect()
}

fn is_setting(name: &str) -> bool {
    let names = SETTINGS.iter().flat_map(|setting| setting.variables);
    name == HF_TOKEN || (name != WEBHOOK_SECRET && names.into_iter().any(|(it, _)| *it == name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hub::SpaceSecretInfo;

    fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn the_program_finds_what_the_space_has_and_gets() {
        let info = SpaceSecretInfo { updated_at: String::new() };
        let names = ["WEBHOOK_SECRET", "OTHER_SECRET", "WEBHOOKS_STORE", "HF_TOKEN"];
        let snapshot = SpaceSnapshot {
            secrets: names.map(|name| (name.to_owned(), info.clone())).into(),
            variables: map(&[("LEVEL", "info"), ("TEAM", "org:acme")]),
            ..SpaceSnapshot::default()
        };
        let found = |secret: Option<&str>| {
            let (secrets, variables) = (map(&[("KEY", "hush")]), map(&[("LEVEL", "debug")]));
            on_space("me/bot", Some(&snapshot), &secrets, &variables, secret)
        };
        let get = |environment: &Environment, name| environment.get(name).unwrap();
        let environment = found(None);
        for (name, value) in [
            ("SPACE_ID", Some("me/bot")),
            ("LEVEL", Some("debug")),
            ("TEAM", Some("org:acme")),
            ("KEY", Some("hush")),
            ("WEBHOOKS_STORE", None),
            ("HF_TOKEN", None),
        ] {
            assert_eq!(get(&environment, name).as_deref(), value, "{name}");
        }
        for name in ["WEBHOOK_SECRET", "OTHER_SECRET"] {
            assert!(is_unknown(&get(&environment, name).unwrap()), "{name}");
        }
        assert_eq!(get(&found(Some("known")), "WEBHOOK_SECRET").as_deref(), Some("known"));
    }
}
