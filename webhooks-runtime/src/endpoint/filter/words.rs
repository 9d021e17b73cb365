//! Describes a filter in words: "commits to `main` of dataset me/data".

use super::conditions::Conditions;
use super::lists::{joined, listed, quoted};
use super::paths::PathPattern;
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
            if pattern.is_content() && (self.restricts_refs() || self.restricts_paths()) {
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

    /// Describes the changes of refs and files that match.
    fn changes(&self) -> Vec<String> {
        let code = |patterns: &[_]| listed(&quoted(patterns), "or");
        let commits =
            (!self.branch.is_empty()).then(|| format!("commits to {}", code(&self.branch)));
        let changes = (!self.refs.is_empty()).then(|| format!("changes of {}", code(&self.refs)));
        let any = (!self.restricts_refs() && self.restricts_paths())
            .then(|| "content changes".to_owned());
        let touching = |phrase| match self.files() {
            Some(files) => format!("{phrase} that touch {files}"),
            None => phrase,
        };
        commits.into_iter().chain(changes).chain(any).map(touching).collect()
    }

    /// Describes the files that match: those of the first globs without those of the negated ones after them. Globs in
    /// another order are listed.
    fn files(&self) -> Option<String> {
        let first_negated = self.paths.iter().position(|path| path.is_negated);
        let (selected, others) = self.paths.split_at(first_negated.unwrap_or(self.paths.len()));
        let code = |paths: &[PathPattern]| {
            let quoted: Vec<_> = paths.iter().map(PathPattern::quoted).collect();
            listed(&quoted, "or")
        };
        let is_simple = others.iter().all(|path| path.is_negated);
        Some(match (selected, others) {
            ([], []) => return None,
            (selected, []) => code(selected),
            _ if !is_simple => listed(&quoted(&self.paths), "and"),
            ([], others) => format!("a file other than {}", code(others)),
            (selected, others) => format!("{} but not {}", code(selected), code(others)),
        })
    }
}
