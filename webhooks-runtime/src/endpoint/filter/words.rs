//! Describes a filter in words: "commits to `main` of dataset me/data".

use super::conditions::Conditions;
use super::lists::{joined, listed, quoted};
use super::watch::WatchedRepo;

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
