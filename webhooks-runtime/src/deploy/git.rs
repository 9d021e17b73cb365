//! Lists the files of a folder that git would add, as `.gitignore` says, also of a folder without a repository.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use uuid::Uuid;

use super::error::ProjectError;

/// Variables that make git look at another repository.
const VARIABLES: [&str; 3] = ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"];

/// Returns the paths of the files below the folder, with `/`. A symbolic link counts as a file.
///
/// # Errors
///
/// When git is missing or fails, and when a path is not UTF-8.
pub(super) fn files(folder: &Path) -> Result<Vec<String>, ProjectError> {
    let mut files = Vec::new();
    for path in listed(folder)? {
        let inner = folder.join(&path);
        // A repository inside this one, which git lists as one entry.
        if inner.symlink_metadata().is_ok_and(|it| it.is_dir()) {
            let path = path.trim_end_matches('/');
            files.extend(self::files(&inner)?.into_iter().map(|file| format!("{path}/{file}")));
        } else if inner.symlink_metadata().is_ok() {
            files.push(path);
        }
    }
    // A file with conflicts is listed several times.
    files.sort();
    files.dedup();
    Ok(files)
}

fn listed(folder: &Path) -> Result<Vec<String>, ProjectError> {
    let is_in_repository = git(folder, &["rev-parse", "--is-inside-work-tree"])?.status.success();
    let listed = if is_in_repository {
        let list = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
        output(folder, &list)?
    } else {
        let repository = TemporaryRepository(env::temp_dir().join(Uuid::new_v4().to_string()));
        let path = repository.0.to_string_lossy();
        output(folder, &["init", "--quiet", "--bare", &path])?;
        let of = [format!("--git-dir={path}"), format!("--work-tree={}", folder.display())];
        let list = ["ls-files", "-z", "--others", "--exclude-standard"];
        output(folder, &[&[&*of[0], &*of[1]], &list[..]].concat())?
    };
    let paths = String::from_utf8(listed).map_err(|_| ProjectError::Unreadable {
        path: folder.display().to_string(),
        reason: "the name of a file in it is not UTF-8".to_owned(),
    })?;
    Ok(paths.split('\0').filter(|path| !path.is_empty()).map(str::to_owned).collect())
}

/// A repository without files, which is deleted when this is dropped.
struct TemporaryRepository(PathBuf);

impl Drop for TemporaryRepository {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn output(folder: &Path, arguments: &[&str]) -> Result<Vec<u8>, ProjectError> {
    let output = git(folder, arguments)?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let reason = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(ProjectError::Command { command: "git ls-files".to_owned(), reason })
}

fn git(folder: &Path, arguments: &[&str]) -> Result<std::process::Output, ProjectError> {
    let mut command = Command::new("git");
    for variable in VARIABLES {
        command.env_remove(variable);
    }
    command.args(arguments).current_dir(folder).output().map_err(|error| ProjectError::Command {
        command: "git".to_owned(),
        reason: format!("{error}. It lists the files that .gitignore does not name: install it"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(folder: &Path, files: &[(&str, &str)]) {
        for (path, text) in files {
            let path = folder.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
    }

    const FILES: [(&str, &str); 6] = [
        (".gitignore", "*.log\n/data/\n!keep.log\n"),
        ("a.log", ""),
        ("keep.log", ""),
        ("data/x", ""),
        ("src/한글 name.rs", ""),
        ("src/.gitignore", "local\n"),
    ];
    const EXPECTED: [&str; 4] = [".gitignore", "keep.log", "src/.gitignore", "src/한글 name.rs"];

    #[test]
    fn ignored_files_are_left_out_with_and_without_a_repository() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), &FILES);
        write(folder.path(), &[("src/local", "")]);
        assert_eq!(files(folder.path()).unwrap(), EXPECTED);
        assert!(!folder.path().join(".git").exists());
        output(folder.path(), &["init", "--quiet"]).unwrap();
        assert_eq!(files(folder.path()).unwrap(), EXPECTED);
    }

    #[test]
    fn a_repository_above_is_respected_and_one_below_is_walked() {
        let folder = tempfile::tempdir().unwrap();
        output(folder.path(), &["init", "--quiet"]).unwrap();
        write(folder.path(), &[(".gitignore", "*.tmp\n"), ("bot/a.tmp", ""), ("bot/b", "")]);
        let bot = folder.path().join("bot");
        write(&bot, &[("webhooks/src/lib.rs", ""), ("webhooks/target/x", "")]);
        write(&bot, &[("webhooks/.gitignore", "target\n")]);
        output(&bot.join("webhooks"), &["init", "--quiet"]).unwrap();
        assert_eq!(files(&bot).unwrap(), ["b", "webhooks/.gitignore", "webhooks/src/lib.rs"]);
    }

    #[test]
    fn a_tracked_file_that_was_deleted_is_not_listed() {
        let folder = tempfile::tempdir().unwrap();
        output(folder.path(), &["init", "--quiet"]).unwrap();
        write(folder.path(), &[("a", ""), ("b", "")]);
        output(folder.path(), &["add", "."]).unwrap();
        fs::remove_file(folder.path().join("a")).unwrap();
        assert_eq!(files(folder.path()).unwrap(), ["b"]);
    }
}
