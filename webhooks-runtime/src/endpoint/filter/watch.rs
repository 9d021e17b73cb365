//! The repos that a filter selects: the values of `watch`, and of the variable that `watch_env` names.

use std::fmt;

use crate::payload::{RepoType, WebhookPayloadRepo};

/// The types of the Hub's webhooks. The attribute has the same list.
pub const TYPES: [&str; 6] = ["model", "dataset", "space", "bucket", "org", "user"];

/// A repo, or all repos of an owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum WatchedRepo {
    /// One repo.
    Repo { repo_type: RepoType, name: String },
    /// All repos of an organization or a user.
    Owner { kind: &'static str, name: String },
}

impl WatchedRepo {
    /// Parses `"type:name"`.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let Some((kind, name)) = text.split_once(':') else {
            return Err(
                "expected a type and a name, such as `dataset:me/data` or `org:acme`".into()
            );
        };
        let Some(kind) = TYPES.into_iter().find(|known| *known == kind) else {
            return Err(format!("unknown type `{kind}`: the types are {}", TYPES.join(", ")));
        };
        let is_owner = matches!(kind, "org" | "user");
        if name.is_empty() {
            let example = if is_owner { "acme" } else { "me/data" };
            return Err(format!("the name is missing: write `{kind}:{example}`, for example"));
        }
        let segments: Vec<_> = name.split('/').collect();
        if name.contains('*') {
            let owner = segments.first().filter(|segment| is_segment(segment)).unwrap_or(&"me");
            return Err(format!(
                "a name has no `*`: write `user:{owner}` or `org:{owner}` for all repos of an owner"
            ));
        }
        if segments.len() > 2 || !segments.iter().all(|segment| is_segment(segment)) {
            let example = if is_owner { "acme" } else { "owner/name" };
            return Err(format!(
                "`{name}` is not a name on the Hub: write `{kind}:{example}`, with letters, digits, `-`, `_` and `.`"
            ));
        }
        if let Some((owner, _)) = name.split_once('/').filter(|_| is_owner) {
            return Err(format!("an owner has no `/` in its name: write `{kind}:{owner}`"));
        }
        let name = name.to_owned();
        Ok(if is_owner {
            Self::Owner { kind, name }
        } else {
            Self::Repo { repo_type: kind.into(), name }
        })
    }

    pub(super) fn matches(&self, repo: &WebhookPayloadRepo) -> bool {
        match self {
            Self::Repo { repo_type, name } => repo.repo_type == *repo_type && repo.name == *name,
            Self::Owner { name, .. } => {
                repo.name.split_once('/').is_some_and(|(owner, _)| owner == name)
            }
        }
    }

    /// Describes the repos in words.
    pub(super) fn description(&self) -> String {
        match self {
            Self::Repo { repo_type: RepoType::Space, name } => format!("Space {name}"),
            Self::Repo { repo_type, name } => format!("{repo_type} {name}"),
            Self::Owner { kind, name } => format!("any repo of {kind} {name}"),
        }
    }
}

/// Returns whether this can be the name of an owner, or of a repo without its owner.
fn is_segment(text: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    !text.is_empty() && text.bytes().all(is_allowed)
}

impl fmt::Display for WatchedRepo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Repo { repo_type, name } => write!(f, "{repo_type}:{name}"),
            Self::Owner { kind, name } => write!(f, "{kind}:{name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::payload::WebhookPayload;
    use crate::samples::dataset_commit;

    #[test]
    fn a_value_is_written_as_it_is_read() {
        for text in [
            "model:gpt2",
            "dataset:me/data",
            "space:a/b",
            "bucket:a/b",
            "org:a",
            "user:b",
            "model:A-b_1/c.2",
        ] {
            assert_eq!(WatchedRepo::parse(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn an_invalid_value_is_an_error_that_says_what_to_write() {
        for (text, reason) in [
            ("me/data", "expected a type and a name"),
            ("datasets:me/data", "unknown type `datasets`: the types are model, dataset,"),
            ("dataset:", "the name is missing: write `dataset:me/data`"),
            ("org:", "the name is missing: write `org:acme`"),
            ("org:acme/data", "an owner has no `/` in its name: write `org:acme`"),
            ("model:a/b/c", "`a/b/c` is not a name on the Hub: write `model:owner/name`, with"),
            ("model:/b", "`/b` is not a name"),
            ("model: a/b", "` a/b` is not a name"),
            ("model:a/b;org:c", "`a/b;org:c` is not a name"),
            ("model:ä/b", "`ä/b` is not a name"),
            ("org:/x", "`/x` is not a name on the Hub: write `org:acme`, with"),
            ("org:acme model:me/tiny", "`acme model:me/tiny` is not a name"),
            ("dataset:me/*", "a name has no `*`: write `user:me` or `org:me` for all repos"),
            ("org:*", "a name has no `*`: write `user:me` or `org:me` for all repos"),
            ("model:acme/a*", "a name has no `*`: write `user:acme` or `org:acme` for all repos"),
        ] {
            let error = WatchedRepo::parse(text).unwrap_err();
            assert!(error.starts_with(reason), "{text}: {error}");
        }
    }

    #[test]
    fn the_type_and_the_name_are_compared_and_an_owner_s_repos_have_any_type() {
        let payload: WebhookPayload = dataset_commit().repo("me/data").into();
        let matches = |text| WatchedRepo::parse(text).unwrap().matches(&payload.repo);
        for (text, expected) in [
            ("dataset:me/data", true),
            ("model:me/data", false),
            ("dataset:me/data2", false),
            ("dataset:data", false),
            ("org:me", true),
            ("user:me", true),
            ("org:m", false),
            ("org:me2", false),
        ] {
            assert_eq!(matches(text), expected, "{text}");
        }
    }
}
