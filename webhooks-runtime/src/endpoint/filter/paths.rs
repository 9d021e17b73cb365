//! The changed files that a filter selects: the values of `paths`, which are globs.

use std::fmt;

use fast_glob::{glob_match, validate};

use super::globstars::are_segments;

/// A glob for the path of a changed file, which may be negated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PathPattern {
    glob: String,
    pub(super) is_negated: bool,
}

impl PathPattern {
    /// Parses a value of `paths`.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let (glob, is_negated) = match text.strip_prefix('!') {
            Some(glob) => (glob, true),
            None => (text, false),
        };
        if glob.is_empty() {
            return Err("the path is empty".to_owned());
        }
        if glob.starts_with('!') {
            return Err("a glob is negated with one `!`".to_owned());
        }
        if let Some(path) = glob.strip_prefix('/').or_else(|| glob.strip_prefix("./")) {
            return Err(format!(
                "a path begins at the top of the repo, without `/`: write `{path}`"
            ));
        }
        if let Some(folder) = glob.strip_suffix('/') {
            return Err(format!("files change, not folders: write `{folder}/**`"));
        }
        match validate(glob) {
            Ok(()) if are_segments(glob) => Ok(Self { glob: glob.to_owned(), is_negated }),
            Ok(()) => {
                Err("`**` must be a whole segment: write `data/**`, or `*` within a segment".into())
            }
            Err(error) => Err(format!("invalid glob: {error}")),
        }
    }

    /// Returns a path that it selects, for a sample; `None` when the glob is negated or not simple.
    pub(super) fn example(&self) -> Option<String> {
        let path = self.glob.replace("**", "example").replace(['*', '?'], "1");
        (!self.is_negated && glob_match(&self.glob, &path)).then_some(path)
    }

    /// Returns the glob as code.
    pub(super) fn quoted(&self) -> String {
        format!("`{}`", self.glob)
    }
}

/// Returns whether these patterns select the file at this path. The last pattern that matches it decides. A file that
/// none matches is selected if all patterns are negated.
pub(super) fn selects(patterns: &[PathPattern], path: &str) -> bool {
    let last = patterns.iter().rev().find(|pattern| glob_match(&pattern.glob, path));
    last.map_or_else(
        || patterns.iter().all(|pattern| pattern.is_negated),
        |pattern| !pattern.is_negated,
    )
}

impl fmt::Display for PathPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.is_negated { "!" } else { "" };
        write!(f, "{sign}{}", self.glob)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn selected(patterns: &[&str], path: &str) -> bool {
        let patterns = patterns.iter().map(|text| PathPattern::parse(text).unwrap());
        selects(&patterns.collect::<Vec<_>>(), path)
    }

    #[test]
    fn the_last_pattern_that_matches_decides() {
        for (patterns, path, expected) in [
            (&["data/**"][..], "data/train/a.csv", true),
            (&["data/**"], "README.md", false),
            (&["data/*"], "data/train/a.csv", false),
            (&["*.md"], "README.md", true),
            (&["*.md"], "docs/README.md", false),
            (&["**/*.md"], "README.md", true),
            (&["data/**", "!data/README.md"], "data/README.md", false),
            (&["data/**", "!data/README.md"], "data/a.csv", true),
            (&["!data/README.md", "data/**"], "data/README.md", true),
            (&["data/**", "!**/*.md", "data/CARD.md"], "data/CARD.md", true),
            (&["data/**", "!**/*.md", "data/CARD.md"], "data/x.md", false),
        ] {
            assert_eq!(selected(patterns, path), expected, "{patterns:?} {path}");
        }
    }

    #[test]
    fn negations_only_start_from_every_file() {
        assert!(selected(&["!README.md"], "data/a.csv"));
        assert!(!selected(&["!README.md"], "README.md"));
        assert!(!selected(&["!README.md", "!docs/**"], "docs/a.md"));
        assert!(!selected(&["!README.md", "data/**"], "docs/a.md"));
    }

    #[test]
    fn an_invalid_value_is_an_error_that_says_what_to_write() {
        let error = |text| PathPattern::parse(text).unwrap_err();
        assert!(error("/data/**").ends_with("write `data/**`"));
        assert!(error("!./data").ends_with("write `data`"));
        assert_eq!(error("data/"), "files change, not folders: write `data/**`");
        assert!(error("").contains("empty") && error("!").contains("empty"));
        assert!(error("!!data").contains("one `!`"));
        assert!(error("data**").contains("whole segment"));
        assert!(error("data/[a").starts_with("invalid glob: "));
    }

    proptest! {
        #[test]
        fn a_negated_glob_alone_selects_what_the_glob_does_not(
            glob in "[a-c*/{},?]{1,8}",
            path in "[a-c/]{1,8}",
        ) {
            if let Ok(pattern) = PathPattern::parse(&glob) {
                let negated = PathPattern::parse(&format!("!{glob}")).unwrap();
                prop_assert_eq!(negated.to_string(), format!("!{pattern}"));
                prop_assert!(selects(&[pattern], &path) != selects(&[negated], &path));
            }
        }
    }
}
