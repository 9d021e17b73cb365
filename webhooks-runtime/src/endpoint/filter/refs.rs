//! The branches and refs that a filter selects: the values of `branch` and `refs`, which are globs.

use std::fmt;

use fast_glob::{glob_match, validate};

use super::globstars::are_segments;
use crate::payload::WebhookPayloadUpdatedRef;

pub(super) const BRANCHES: &str = "refs/heads/";

/// A glob for a branch's name or for a ref's full name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RefPattern(String);

impl RefPattern {
    /// Parses a value of `branch`.
    pub(super) fn parse_branch(text: &str) -> Result<Self, String> {
        if let Some(name) = text.strip_prefix(BRANCHES) {
            return Err(format!("write only the name of the branch: `{name}`"));
        }
        if text.starts_with("refs/") {
            return Err(format!("a branch is never in `{text}`: write refs = {text:?}"));
        }
        Self::parse(text)
    }

    /// Parses a value of `refs`.
    pub(super) fn parse_ref(text: &str) -> Result<Self, String> {
        if !text.is_empty() && !text.starts_with("refs/") {
            return Err("a ref begins with `refs/`, such as `refs/tags/*` or `refs/pr/*`".into());
        }
        Self::parse(text)
    }

    fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Err("the name is empty".to_owned());
        }
        if text.starts_with('!') {
            return Err("a glob here cannot be negated: list what matches".to_owned());
        }
        match validate(text) {
            Ok(()) if are_segments(text) => Ok(Self(text.to_owned())),
            Ok(()) => {
                Err("`**` must be a whole segment: write `release/**`, or `*` within a segment"
                    .into())
            }
            Err(error) => Err(format!("invalid glob: {error}")),
        }
    }

    /// Returns whether the ref is a branch with this name that has a new commit.
    pub(super) fn matches_branch(&self, updated: &WebhookPayloadUpdatedRef) -> bool {
        updated.new_sha.is_some() && self.selects_branch(&updated.ref_name)
    }

    /// Returns whether the ref with this full name is a branch that it selects.
    pub(super) fn selects_branch(&self, ref_name: &str) -> bool {
        ref_name.strip_prefix(BRANCHES).is_some_and(|branch| self.matches(branch))
    }

    /// Returns whether it selects the ref with this full name.
    pub(super) fn selects_ref(&self, ref_name: &str) -> bool {
        self.matches(ref_name)
    }

    fn matches(&self, name: &str) -> bool {
        glob_match(&self.0, name)
    }

    /// Returns a name that matches, for a sample; `None` when the glob is not simple.
    pub(super) fn example(&self) -> Option<String> {
        let name = self.0.replace("**", "example").replace(['*', '?'], "1");
        self.matches(&name).then_some(name)
    }
}

impl fmt::Display for RefPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn branch(glob: &str) -> RefPattern {
        RefPattern::parse_branch(glob).unwrap()
    }

    #[test]
    fn one_star_stays_within_a_segment_and_two_cross_it() {
        for (glob, name, expected) in [
            ("main", "main", true),
            ("main", "maine", false),
            ("main", "feature/main", false),
            ("release/*", "release/1.0", true),
            ("release/*", "release/1.0/fix", false),
            ("release/**", "release/1.0/fix", true),
            ("**", "a/b/c", true),
            ("**/fix", "release/1.0/fix", true),
            ("release/**/fix", "release/1.0/a/fix", true),
            ("{main,release/**}", "release/1.0/fix", true),
            ("{release,v1}/**", "v1/a/b", true),
            ("*", "a/b", false),
            ("{main,dev}", "dev", true),
        ] {
            assert_eq!(branch(glob).matches(name), expected, "{glob} {name}");
        }
    }

    #[test]
    fn a_question_mark_and_a_class_match_one_ascii_character() {
        for (glob, name, expected) in [
            ("v?", "v2", true),
            ("v?", "v", false),
            ("v?", "v/", false),
            ("v?", "vä", false),
            ("v??", "vä", true),
            ("v*", "vä", true),
            ("v[0-9]", "v1", true),
            ("v[0-9]", "v10", false),
            ("v[!0-9]", "va", true),
            ("v[!0-9]", "vä", false),
        ] {
            assert_eq!(branch(glob).matches(name), expected, "{glob} {name}");
        }
    }

    #[test]
    fn an_invalid_value_is_an_error_that_says_what_to_write() {
        let branch = |text| RefPattern::parse_branch(text).unwrap_err();
        assert_eq!(branch("refs/heads/main"), "write only the name of the branch: `main`");
        assert!(branch("refs/tags/*").ends_with(r#"write refs = "refs/tags/*""#));
        assert!(branch("v[0-9").starts_with("invalid glob: "));
        assert!(
            branch("release**").starts_with("`**` must be a whole segment: write `release/**`")
        );
        assert!(RefPattern::parse_ref("refs/tags/v**").unwrap_err().contains("whole segment"));
        assert!(branch("").contains("empty") && branch("!main").contains("negated"));
        assert!(RefPattern::parse_ref("tags/*").unwrap_err().contains("`refs/tags/*`"));
        assert!(RefPattern::parse_ref("").unwrap_err().contains("empty"));
    }

    proptest! {
        #[test]
        fn a_name_without_wildcards_matches_only_itself(
            name in "[a-z0-9._/-]{1,20}",
            other in "[a-z0-9._/-]{1,20}",
        ) {
            let (name, other) = (format!("x{name}"), format!("x{other}"));
            prop_assert!(branch(&name).matches(&name));
            prop_assert_eq!(branch(&name).matches(&other), name == other);
        }

        #[test]
        fn any_valid_glob_can_be_matched_with_any_name(glob in ".{0,12}", name in ".{0,12}") {
            if let Ok(pattern) = RefPattern::parse_branch(&glob) {
                pattern.matches(&name);
                if let Some(example) = pattern.example() {
                    prop_assert!(pattern.matches(&example));
                }
            }
        }
    }
}
