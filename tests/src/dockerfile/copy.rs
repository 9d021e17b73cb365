//! `COPY`: files and folders with their times and rights, without what `.dockerignore` names.

use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, lchown, symlink};
use std::path::Path;

use glob::{MatchOptions, Pattern};

use super::instruction::Owner;

/// What `.dockerignore` keeps out of the stages.
#[derive(Debug, Default)]
pub(super) struct Ignored(Vec<Pattern>);

impl Ignored {
    /// Reads the file of a project, if it has one.
    ///
    /// # Errors
    ///
    /// When it holds a pattern that the walk doesn't know.
    pub(super) fn read(project: &Path) -> Result<Self, String> {
        let text = fs::read_to_string(project.join(".dockerignore")).unwrap_or_default();
        let lines = text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#'));
        let patterns = lines.map(|line| {
            let known = !line.starts_with(['!', '/']) && !line.contains("**");
            let pattern = Pattern::new(line.trim_end_matches('/')).ok().filter(|_| known);
            pattern.ok_or_else(|| format!(".dockerignore, not known here: {line}"))
        });
        Ok(Self(patterns.collect::<Result<_, _>>()?))
    }

    /// Whether a path in the project stays behind: it, or a folder that it is in.
    fn names(&self, path: &Path) -> bool {
        let options = MatchOptions { require_literal_separator: true, ..MatchOptions::new() };
        let named = |path| self.0.iter().any(|pattern| pattern.matches_path_with(path, options));
        path.ancestors().any(named)
    }
}

/// One `COPY`: out of which folder, without what, and whose the copies are.
#[derive(Debug)]
pub(super) struct Copy<'a> {
    pub(super) root: &'a Path,
    pub(super) ignored: &'a Ignored,
    pub(super) owner: Option<Owner>,
}

impl Copy<'_> {
    /// Copies a file to a file, or what is in a folder into a folder. `source` is a path in the root. If it
    /// is a link it is followed, while links in a folder are copied as they are.
    pub(super) fn copy(&self, source: &Path, to: &Path) -> io::Result<()> {
        let root = self.root.canonicalize()?;
        let end = root.join(source).canonicalize()?;
        let Ok(followed) = end.strip_prefix(&root) else {
            return Err(io::Error::other("it leads out of its root"));
        };
        if self.ignored.names(source) || self.ignored.names(followed) {
            return Err(io::Error::other(".dockerignore names it"));
        }
        if end.is_dir() {
            return self.fill(followed, to);
        }
        fs::create_dir_all(to.parent().unwrap_or(to))?;
        self.put(followed, to)
    }

    fn fill(&self, source: &Path, to: &Path) -> io::Result<()> {
        fs::create_dir_all(to)?;
        for entry in fs::read_dir(self.root.join(source))? {
            let name = entry?.file_name();
            let source = source.join(&name);
            if !self.ignored.names(&source) {
                self.put(&source, &to.join(&name))?;
            }
        }
        Ok(())
    }

    fn put(&self, source: &Path, to: &Path) -> io::Result<()> {
        let from = self.root.join(source);
        let kind = from.symlink_metadata()?;
        // What is in the place of a file gives way, and isn't written through if it is a link.
        if !kind.is_dir() && to.symlink_metadata().is_ok_and(|there| !there.is_dir()) {
            fs::remove_file(to)?;
        }
        if kind.is_dir() {
            self.fill(source, to)?;
            fs::set_permissions(to, kind.permissions())?;
        } else if kind.is_symlink() {
            symlink(fs::read_link(&from)?, to)?;
        } else {
            fs::copy(&from, to)?;
            // A build that goes by times must get along with those that the files had before.
            fs::File::open(to)?.set_modified(kind.modified()?)?;
        }
        match self.owner {
            // Others than root cannot give files away.
            Some(owner) if to.symlink_metadata()?.uid() == 0 => {
                lchown(to, Some(owner.user), Some(owner.group))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on")]

    use super::*;

    fn ignored(text: &str) -> Result<Ignored, String> {
        let project = tempfile::tempdir().unwrap();
        fs::write(project.path().join(".dockerignore"), text).unwrap();
        Ignored::read(project.path())
    }

    #[test]
    fn what_is_ignored_stays_behind_and_the_rest_keeps_its_time() {
        let project = tempfile::tempdir().unwrap();
        let folder = project.path().join("a/target");
        fs::create_dir_all(&folder).unwrap();
        let file = folder.join("b.db");
        fs::write(&file, "").unwrap();
        let long_ago = std::time::SystemTime::UNIX_EPOCH;
        fs::File::open(&file).unwrap().set_modified(long_ago).unwrap();
        let image = tempfile::tempdir().unwrap();
        let copied = image.path().join("x/target/b.db");
        let copy = |text: &str| {
            let ignored = ignored(text).unwrap();
            let copy = Copy { root: project.path(), ignored: &ignored, owner: None };
            copy.copy(Path::new("a"), &image.path().join("x"))
        };
        for stays in ["a/target", "a/*/*.db", "*/target/b.db\n"] {
            copy(stays).unwrap();
            assert!(!copied.exists(), "{stays}");
        }
        for all in ["# all of it\na", "a/"] {
            assert!(copy(all).is_err(), "{all}");
        }
        copy("target\nb.db\n*.db").unwrap();
        assert_eq!(copied.metadata().unwrap().modified().unwrap(), long_ago);
    }

    #[test]
    fn what_is_below_an_ignored_folder_is_ignored_too() {
        let project = tempfile::tempdir().unwrap();
        fs::create_dir_all(project.path().join("target/a")).unwrap();
        fs::write(project.path().join("target/a/b"), "").unwrap();
        symlink("target/a/b", project.path().join("link")).unwrap();
        let image = tempfile::tempdir().unwrap();
        let ignored = ignored("target").unwrap();
        let copy = Copy { root: project.path(), ignored: &ignored, owner: None };
        for source in ["target", "target/a", "./target/a/b", "link"] {
            let error = copy.copy(Path::new(source), &image.path().join("x")).unwrap_err();
            assert!(error.to_string().contains(".dockerignore"), "{source}: {error}");
        }
        copy.copy(Path::new("."), &image.path().join("all")).unwrap();
        let names = fs::read_dir(image.path().join("all")).unwrap();
        let names: Vec<_> = names.map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, ["link"]);
    }

    #[test]
    fn links_in_a_folder_stay_links_and_one_that_is_named_is_followed() {
        let project = tempfile::tempdir().unwrap();
        let path = |name| project.path().join(name);
        fs::create_dir_all(path("whole/part")).unwrap();
        fs::write(path("whole/LICENSE"), "text").unwrap();
        symlink("../LICENSE", path("whole/part/LICENSE")).unwrap();
        symlink("nowhere", path("whole/part/dangling")).unwrap();
        symlink("whole/part", path("folder")).unwrap();
        symlink("/etc", path("out")).unwrap();
        let image = tempfile::tempdir().unwrap();
        let ignored = Ignored::default();
        let copy = Copy { root: project.path(), ignored: &ignored, owner: None };
        let copied = |source: &str, to: &str| {
            let to = image.path().join(to);
            copy.copy(Path::new(source), &to).map(|()| to)
        };
        // A second time over the first.
        for _ in 0..2 {
            for (source, to) in [("whole", "whole"), ("folder", "whole/part")] {
                copied(source, to).unwrap();
                let part = image.path().join("whole/part");
                assert_eq!(fs::read_link(part.join("LICENSE")).unwrap(), Path::new("../LICENSE"));
                assert_eq!(fs::read_link(part.join("dangling")).unwrap(), Path::new("nowhere"));
            }
        }
        // The link's place is taken; where it led stays as it is.
        fs::write(path("other"), "other").unwrap();
        let to = copied("other", "whole/part/LICENSE").unwrap();
        assert!(to.symlink_metadata().unwrap().is_file());
        assert_eq!(fs::read_to_string(image.path().join("whole/LICENSE")).unwrap(), "text");
        let to = copied("folder/LICENSE", "LICENSE").unwrap();
        assert!(to.symlink_metadata().unwrap().is_file());
        for source in ["folder/dangling", "out", "out/passwd", ".."] {
            assert!(copied(source, "x").is_err(), "{source}");
        }
    }

    #[test]
    fn patterns_that_are_not_known_are_an_error() {
        for pattern in ["!a", "**/target", "/target", "a["] {
            assert!(ignored(pattern).unwrap_err().ends_with(pattern));
        }
    }
}
