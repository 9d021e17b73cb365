//! Reads `.dockerignore` as Docker does: patterns from the project's folder, of which the last match counts.

use fast_glob::glob_match;

/// Files that a Space needs although the build does not, at the project's root.
const NEEDED: [&str; 4] = ["README.md", "Dockerfile", ".dockerignore", "Cargo.lock"];

/// The patterns of a `.dockerignore`.
#[derive(Debug, Default)]
pub(super) struct DockerIgnore(Vec<IgnorePattern>);

#[derive(Debug)]
struct IgnorePattern {
    glob: String,
    /// Whether files that match are kept: `!pattern`.
    keeps: bool,
}

impl DockerIgnore {
    /// Parses the file. See <https://docs.docker.com/build/concepts/context/#dockerignore-files>.
    pub(super) fn parse(text: &str) -> Self {
        let lines = text.trim_start_matches('\u{feff}').lines();
        let lines = lines.filter(|line| !line.starts_with('#')).map(str::trim);
        Self(lines.filter_map(IgnorePattern::parse).collect())
    }

    /// Returns whether the file is left out. A pattern that matches a folder matches all files in it.
    pub(super) fn excludes(&self, path: &str) -> bool {
        let ends = path.match_indices('/').map(|(end, _)| end).chain([path.len()]);
        let parts: Vec<_> = ends.map(|end| &path[..end]).collect();
        let matches = |it: &&IgnorePattern| parts.iter().any(|part| glob_match(&it.glob, part));
        let last = self.0.iter().rfind(matches);
        !NEEDED.contains(&path) && last.is_some_and(|pattern| !pattern.keeps)
    }
}

impl IgnorePattern {
    fn parse(line: &str) -> Option<Self> {
        let (keeps, pattern) = match line.strip_prefix('!') {
            Some(pattern) => (true, pattern.trim_start()),
            None => (false, line),
        };
        let parts = pattern.split('/').filter(|part| !matches!(*part, "" | "."));
        let pattern = parts.collect::<Vec<_>>().join("/");
        // Docker has no alternatives in braces.
        let glob = pattern.replace('{', "\\{").replace('}', "\\}");
        (!glob.is_empty()).then_some(Self { glob, keeps })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_from_the_root_and_the_last_match_counts() {
        let text =
            "# a comment\n\n/assets\n*.md\n**/*.tmp\ndata/\n!data/keep.csv\n./x/{a}\nCargo.lock\n";
        let ignore = DockerIgnore::parse(text);
        for (path, excluded) in [
            ("assets", true),
            ("assets/a/b.png", true),
            ("src/assets/a.png", false),
            ("notes.md", true),
            ("docs/notes.md", false),
            ("a.tmp", true),
            ("a/b/c.tmp", true),
            ("data/x.csv", true),
            ("data/keep.csv", false),
            ("x/{a}", true),
            ("x/a", false),
            ("# a comment", false),
            // A Space needs these.
            ("README.md", false),
            ("Cargo.lock", false),
        ] {
            assert_eq!(ignore.excludes(path), excluded, "{path}");
        }
        assert!(!DockerIgnore::default().excludes("a"));
    }
}
