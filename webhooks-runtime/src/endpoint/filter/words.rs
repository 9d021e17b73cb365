//! Describes a filter in words: "commits to `main` of dataset me/data".

use std::fmt::Display;

use super::conditions::Conditions;
use super::watch::WatchedRepo;

/// The largest number of values that a text lists.
const MAX_LISTED: usize = 3;

impl Conditions {
    /// Describes the deliveries that match. `variable` names further repos, whose names are not known.
    pub(crate) fn description(&self, variable: Option<&str>) -> String {
        let repos = self.watch.iter().map(WatchedRepo::description);
        let named = variable.map(|variable| format!("the repos in `{variable}`"));
        let repos: Vec<_> = repos.chain(named).collect();
        let events = self.events();
        if repos.is_empty() { events } else { format!("{events} of {}", listed(&repos, "or")) }
    }

    fn events(&self) -> String {
        let mut phrases: Vec<String> = Vec::new();
        for pattern in &self.on {
            if pattern.is_content() && self.restricts_refs() {
                phrases.extend(self.changes());
            } else {
                phrases.push(pattern.description().to_owned());
            }
        }
        if self.on.is_empty() {
            phrases = self.changes();
        }
        if phrases.is_empty() { "all events".to_owned() } else { joined(&phrases, "and") }
    }

    /// Describes the changes of refs that match.
    fn changes(&self) -> Vec<String> {
        let code = |patterns: &[_]| listed(&quoted(patterns), "or");
        let commits =
            (!self.branch.is_empty()).then(|| format!("commits to {}", code(&self.branch)));
        let changes = (!self.refs.is_empty()).then(|| format!("changes of {}", code(&self.refs)));
        commits.into_iter().chain(changes).collect()
    }
}

/// Names the values of a condition that did not match.
pub(super) fn none_of<T: Display>(values: &[T]) -> String {
    match values {
        [only] => format!("not {only}"),
        several => format!("none of {}", listed(&texts(several), "and")),
    }
}

/// Names the values of a condition of which one would have matched.
pub(super) fn any_of<T: Display>(values: &[T]) -> String {
    listed(&texts(values), "or")
}

fn texts<T: Display>(values: &[T]) -> Vec<String> {
    values.iter().map(ToString::to_string).collect()
}

fn quoted<T: Display>(values: &[T]) -> Vec<String> {
    values.iter().map(|value| format!("`{value}`")).collect()
}

/// Joins the first values, and counts the others.
fn listed(values: &[String], word: &str) -> String {
    if values.len() <= MAX_LISTED {
        return joined(values, word);
    }
    let (first, others) = values.split_at(MAX_LISTED);
    format!("{} {word} {} more", first.join(", "), others.len())
}

fn joined(values: &[String], word: &str) -> String {
    match values {
        [values @ .., last] if !values.is_empty() => format!("{} {word} {last}", values.join(", ")),
        _ => values.concat(),
    }
}
