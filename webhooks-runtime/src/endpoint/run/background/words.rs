//! Describes in words how deliveries of one key are run.

use humantime::format_duration;

use super::key::KeySource;
use super::policy::{Debounce, Latest, Policy};

/// Returns the description of `key`, `latest` and `debounce`.
pub(super) fn words(key: KeySource, policy: &Policy) -> String {
    let group = match key {
        KeySource::Repo => "repo",
        KeySource::Discussion => "discussion",
        KeySource::Ref => "ref",
        KeySource::Function(_) => "key",
    };
    let latest = match policy.latest {
        Latest::Cancel => ", only the newest, which stops a running one",
        Latest::Supersede => ", only the newest",
        Latest::No if policy.debounce.is_some() => ", only the newest",
        Latest::No => "",
    };
    let debounce = policy.debounce.map_or_else(String::new, |Debounce { quiet, at_most }| {
        let (quiet, at_most) = (format_duration(quiet), format_duration(at_most));
        format!(", after {quiet} without another one, at most {at_most}")
    });
    format!("one delivery per {group} at a time{latest}{debounce}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_options_of_a_key_are_described() {
        for (key, policy, expected) in [
            (KeySource::Discussion, Policy::DEFAULT, "one delivery per discussion at a time"),
            (
                KeySource::Ref,
                Policy::DEFAULT.latest(Latest::Supersede),
                "one delivery per ref at a time, only the newest",
            ),
            (
                KeySource::Function(|_| String::new()),
                Policy::DEFAULT.latest(Latest::Cancel),
                "one delivery per key at a time, only the newest, which stops a running one",
            ),
            (
                KeySource::Repo,
                Policy::DEFAULT.debounce(300_000, 1_800_000),
                "one delivery per repo at a time, only the newest, after 5m without another one, at most 30m",
            ),
        ] {
            assert_eq!(words(key, &policy), expected);
        }
    }
}
