//! Collects the files of a project for its Space.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use super::dockerfile::dockerfile;
use super::dockerignore::DockerIgnore;
use super::error::ProjectError;
use super::exclusions::{Exclusion, Exclusions};
use super::front_matter::readme;
use super::git;
use super::project::CargoProject;
use super::tokens::find_tokens;

/// The largest file that is uploaded, in bytes. The Hub keeps larger ones as large files (LFS).
const MAX_SIZE: u64 = 10_000_000;

const README: &str = "README.md";
const DOCKERFILE: &str = "Dockerfile";
const LOCK_FILE: &str = "Cargo.lock";

/// The files of a project for its Space.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct ProjectFiles {
    /// Their contents by their paths, with `/`.
    pub(crate) files: BTreeMap<String, Vec<u8>>,
    /// The files that the project lacks, or has without settings, and that were made for the Space.
    pub(crate) made: Vec<&'static str>,
    /// The files that are left out although git does not ignore them, and why.
    pub(crate) left_out: Vec<(String, &'static str)>,
}

impl ProjectFiles {
    /// Reads the project's files, and makes the missing ones.
    ///
    /// # Errors
    ///
    /// When a file cannot be read or uploaded, and when one has a token.
    pub(crate) fn collect(project: &CargoProject) -> Result<Self, ProjectError> {
        let listed = git::files(&project.root)?;
        let exclusions = Exclusions::new(project, &listed);
        let ignore = dockerignore(&project.root)?;
        let mut this = Self::default();
        for path in listed {
            match exclusions.of(&path) {
                Some(Exclusion::Generated) => continue,
                Some(Exclusion::Private) => {
                    this.left_out.push((path, "it may contain a secret"));
                    continue;
                }
                None if ignore.excludes(&path) => continue,
                None => {}
            }
            let file = project.root.join(&path);
            let metadata = file.symlink_metadata().map_err(|error| unreadable(&path, &error))?;
            if metadata.is_symlink() {
                // Its target may be any file of this machine.
                this.left_out.push((path, "it is a symbolic link"));
            } else if metadata.len() > MAX_SIZE {
                return Err(ProjectError::LargeFile {
                    path,
                    megabytes: metadata.len() / 1_000_000,
                });
            } else {
                let content = fs::read(&file).map_err(|error| unreadable(&path, &error))?;
                this.files.insert(path, content);
            }
        }
        this.left_out.sort();
        let places = find_tokens(&this.files);
        if !places.is_empty() {
            return Err(ProjectError::TokensInFiles { places });
        }
        this.add_missing(project)?;
        Ok(this)
    }

    fn add_missing(&mut self, project: &CargoProject) -> Result<(), ProjectError> {
        if !self.files.contains_key(DOCKERFILE) {
            if !self.files.contains_key(LOCK_FILE) {
                return Err(ProjectError::NoLockFile);
            }
            self.files.insert(DOCKERFILE.to_owned(), dockerfile(project).into_bytes());
            self.made.push(DOCKERFILE);
        }
        let own = self.files.get(README).map(Vec::as_slice);
        if let Some(readme) = readme(own, &project.package)? {
            self.files.insert(README.to_owned(), readme);
            self.made.push(README);
        }
        Ok(())
    }
}

fn dockerignore(root: &Path) -> Result<DockerIgnore, ProjectError> {
    match fs::read_to_string(root.join(".dockerignore")) {
        Ok(text) => Ok(DockerIgnore::parse(&text)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(DockerIgnore::default()),
        Err(error) => Err(unreadable(".dockerignore", &error)),
    }
}

fn unreadable(path: &str, error: &std::io::Error) -> ProjectError {
    ProjectError::Unreadable { path: path.to_owned(), reason: error.to_string() }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn project(files: &[(&str, &str)]) -> (tempfile::TempDir, CargoProject) {
        let folder = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let root = folder.path().to_owned();
        let project = CargoProject {
            target: root.join("target"),
            root,
            package: "my-bot".to_owned(),
            folder: String::new(),
            binary: None,
            is_complex: false,
            vendored: BTreeSet::new(),
        };
        (folder, project)
    }

    const BOT: [(&str, &str); 3] =
        [("Cargo.toml", "[package]"), ("Cargo.lock", ""), ("src/main.rs", "fn main() {}")];

    fn paths(collected: &ProjectFiles) -> Vec<&str> {
        collected.files.keys().map(String::as_str).collect()
    }

    #[test]
    fn what_a_space_needs_is_added_and_nothing_is_written() {
        let (folder, project) = project(&BOT);
        let collected = ProjectFiles::collect(&project).unwrap();
        let expected = ["Cargo.lock", "Cargo.toml", "Dockerfile", "README.md", "src/main.rs"];
        assert_eq!(
            (paths(&collected), &collected.made[..]),
            (expected.to_vec(), &["Dockerfile", "README.md"][..])
        );
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 3);
    }

    #[test]
    fn ignored_and_private_files_stay_here_and_the_private_ones_are_named() {
        let own = [("Dockerfile", "FROM x"), ("README.md", "---\nsdk: docker\n---\n")];
        let more = [
            (".gitignore", "*.log\n"),
            (".dockerignore", "notes\nREADME.md\n"),
            ("a.log", ""),
            ("notes/a", ""),
            (".env", "HF_TOKEN=hush"),
            ("webhooks.db", ""),
            ("target/debug/bot", ""),
        ];
        let (_folder, project) = project(&[&BOT[..], &own, &more].concat());
        let collected = ProjectFiles::collect(&project).unwrap();
        let expected = [
            ".dockerignore",
            ".gitignore",
            "Cargo.lock",
            "Cargo.toml",
            "Dockerfile",
            "README.md",
            "src/main.rs",
        ];
        assert_eq!(paths(&collected), expected);
        assert!(collected.made.is_empty());
        let left_out: Vec<_> = collected.left_out.iter().map(|(path, _)| path.as_str()).collect();
        assert_eq!(left_out, [".env", "webhooks.db"]);
    }

    #[test]
    fn a_token_stops_and_is_not_shown() {
        let token = format!("hf_{}", "x".repeat(34));
        let (_folder, project) =
            project(&[&BOT[..], &[("src/a.rs", &format!("\n{token}"))]].concat());
        let error = ProjectFiles::collect(&project).unwrap_err().to_string();
        assert!(error.contains("src/a.rs:2") && !error.contains("xxx"), "{error}");
    }

    #[cfg(unix)]
    #[test]
    fn a_symbolic_link_is_left_out() {
        let (folder, project) = project(&BOT);
        std::os::unix::fs::symlink("/etc/passwd", folder.path().join("src/link")).unwrap();
        let collected = ProjectFiles::collect(&project).unwrap();
        assert_eq!(collected.left_out, [("src/link".to_owned(), "it is a symbolic link")]);
        assert!(!collected.files.contains_key("src/link"));
    }

    #[test]
    fn without_a_lock_file_the_made_dockerfile_could_not_build() {
        let (_folder, project) = project(&[BOT[0], BOT[2]]);
        let error = ProjectFiles::collect(&project).unwrap_err();
        assert!(matches!(error, ProjectError::NoLockFile), "{error}");
    }

    #[test]
    fn a_large_file_is_refused() {
        let (folder, project) = project(&BOT);
        let file = fs::File::create(folder.path().join("model.txt")).unwrap();
        file.set_len(MAX_SIZE + 1).unwrap();
        let error = ProjectFiles::collect(&project).unwrap_err();
        assert!(matches!(error, ProjectError::LargeFile { megabytes: 10, .. }), "{error}");
    }
}
