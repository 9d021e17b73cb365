//! Names the files that are never uploaded, whatever `.gitignore` says: secrets, stores, and what cargo and git make.

use std::collections::BTreeSet;
use std::path::Path;

use fast_glob::glob_match;

use super::marker::MARKER_FILE;
use super::project::{CargoProject, relative};
use crate::state::state_folder;

/// What is never uploaded of a project.
pub(super) struct Exclusions {
    /// Folders below the root that cargo compiles in, or in which programs keep their secrets.
    folders: Vec<String>,
    /// Folders that have a `Cargo.toml`. Empty for the root.
    packages: BTreeSet<String>,
}

/// Why a file is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Exclusion {
    /// It is compiled, or of git: nobody wonders where it is.
    Generated,
    /// It may contain a secret, or is a store.
    Private,
}

impl Exclusions {
    /// `files` are all files of the project.
    pub(super) fn new(project: &CargoProject, files: &[String]) -> Self {
        let folder = |path: &Path| relative(&project.root, path).filter(|path| !path.is_empty());
        let state = state_folder().and_then(|path| folder(&path.canonicalize().unwrap_or(path)));
        let packages = files.iter().filter_map(|path| path.strip_suffix("Cargo.toml"));
        Self {
            folders: folder(&project.target).into_iter().chain(state).collect(),
            packages: packages.map(|folder| folder.trim_end_matches('/').to_owned()).collect(),
        }
    }

    /// Returns why a file is never uploaded, if it is not.
    pub(super) fn of(&self, path: &str) -> Option<Exclusion> {
        let name = path.rsplit('/').next().unwrap_or(path);
        let is_below = |folder: &String| {
            path.strip_prefix(folder.as_str()).is_some_and(|rest| rest.starts_with('/'))
        };
        let is_generated = path == MARKER_FILE
            || path.split('/').any(|part| part == ".git")
            || self.is_in_target(path)
            || self.folders.iter().any(is_below);
        let is_private = glob_match(".env*", name)
            || glob_match("*.db*", name)
            || glob_match("**/.cargo/credentials*", path);
        match (is_generated, is_private) {
            (true, _) => Some(Exclusion::Generated),
            (false, true) => Some(Exclusion::Private),
            (false, false) => None,
        }
    }

    /// Returns whether a file is in a folder `target` of a package. A module may have that name, too.
    fn is_in_target(&self, path: &str) -> bool {
        let parts: Vec<_> = path.split('/').collect();
        let folders = parts.iter().enumerate().take(parts.len() - 1);
        let mut targets = folders.filter(|(_, part)| **part == "target");
        targets.any(|(at, _)| self.packages.contains(&parts[..at].join("/")))
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    #[test]
    fn secrets_stores_and_generated_files_are_never_uploaded() {
        use Exclusion::{Generated, Private};
        let project = CargoProject {
            root: PathBuf::from("/project"),
            package: "my-bot".to_owned(),
            folder: String::new(),
            binary: None,
            is_complex: false,
            vendored: BTreeSet::new(),
            target: PathBuf::from("/project/out/cargo"),
        };
        let files = ["Cargo.toml", "webhooks/Cargo.toml"].map(str::to_owned);
        let exclusions = Exclusions::new(&project, &files);
        for (path, expected) in [
            (".git/config", Some(Generated)),
            ("webhooks/.git", Some(Generated)),
            ("target/debug/bot", Some(Generated)),
            ("webhooks/target/.rustc_info.json", Some(Generated)),
            ("out/cargo/debug/bot", Some(Generated)),
            (".webhooks-deploy.json", Some(Generated)),
            (".env", Some(Private)),
            (".env.local", Some(Private)),
            ("config/.env", Some(Private)),
            ("webhooks.db", Some(Private)),
            ("data/webhooks.db-wal", Some(Private)),
            (".cargo/credentials", Some(Private)),
            ("webhooks/.cargo/credentials.toml", Some(Private)),
            (".cargo/config.toml", None),
            ("src/target/mod.rs", None),
            ("src/target.rs", None),
            ("target", None),
            (".gitignore", None),
            ("src/env.rs", None),
            ("src/db.rs", None),
            ("out/cargo2/x", None),
        ] {
            assert_eq!(exclusions.of(path), expected, "{path}");
        }
    }
}
