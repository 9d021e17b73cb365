//! How Spaces build and start, as a test orders it.

use std::collections::{BTreeMap, VecDeque};

use serde_json::json;

use super::TestHub;
use super::repo::RepoKey;

/// How the Spaces of a Hub build.
#[derive(Debug, Default)]
pub(super) struct SpaceBuilds {
    /// The stages of a Space after a commit. Without any, a Space stays as it is.
    pub(super) stages: Vec<String>,
    /// The lines of a log by its name: `build`, `run`.
    logs: BTreeMap<String, Vec<String>>,
    /// The URLs at which programs of Spaces run.
    hosts: BTreeMap<RepoKey, String>,
}

/// What a Space does after a commit.
#[derive(Clone, Debug, Default)]
pub(super) struct SpaceWalk {
    stages: VecDeque<String>,
    commit: String,
}

impl SpaceBuilds {
    /// Returns what a Space does after a commit.
    pub(super) fn walk(&self, commit: &str) -> SpaceWalk {
        SpaceWalk { stages: self.stages.iter().cloned().collect(), commit: commit.to_owned() }
    }

    /// Returns a log as a stream of events: each line is one, and one without data keeps the connection open.
    pub(super) fn log(&self, name: &str) -> String {
        let lines = self.logs.get(name).into_iter().flatten();
        let event = |line: &String| {
            let event = json!({ "data": format!("{line}\n"), "timestamp": super::state::START });
            format!("data: {event}\n\n")
        };
        lines.map(event).chain(["data:\n\n".to_owned()]).collect()
    }

    /// Returns the public URL of a Space.
    pub(super) fn host(&self, space: &RepoKey) -> String {
        let name = space.name.replace(['/', '.', '_'], "-");
        self.hosts.get(space).cloned().unwrap_or_else(|| format!("https://{name}.hf.space"))
    }
}

impl SpaceWalk {
    /// Returns the next stage and the commit that it is about.
    pub(super) fn next(&mut self) -> Option<(String, String)> {
        Some((self.stages.pop_front()?, self.commit.clone()))
    }
}

impl TestHub {
    /// Sets the stages that every Space goes through after a commit. It changes with each request for its runtime, whose
    /// response has the stage before.
    pub fn set_build(&self, stages: &[&str]) {
        let stages = stages.iter().map(|stage| (*stage).to_owned()).collect();
        self.shared.with(|state| state.builds.stages = stages);
    }

    /// Sets the lines of every Space's log: `build` or `run`.
    pub fn set_log(&self, name: &str, lines: &[&str]) {
        let lines = lines.iter().map(|line| (*line).to_owned()).collect();
        self.shared.with(|state| state.builds.logs.insert(name.to_owned(), lines));
    }

    /// Sets the URL at which the program of a Space runs, which may not exist yet.
    pub fn set_host(&self, space: &str, url: &str) {
        let key = super::arrange::key(space);
        self.shared.with(|state| state.builds.hosts.insert(key, url.to_owned()));
    }
}
