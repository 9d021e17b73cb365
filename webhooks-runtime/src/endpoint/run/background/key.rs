//! The key of a delivery: at most one delivery of an endpoint's key runs at a time.

use std::fmt;

use crate::payload::{FieldPath, TolerantPayload, WebhookPayload, WebhookPayloadRepo};

/// The most bytes of a key, which is in an index of the store.
const LONGEST: usize = 1000;

/// A function from the payload to a key.
pub type KeyFunction = fn(&WebhookPayload) -> String;

/// What groups the deliveries of an endpoint: the option `key` of `background(…)`.
#[derive(Clone, Copy)]
pub enum KeySource {
    /// The repo.
    Repo,
    /// The discussion or pull request, also for a push to it, and the repo for any other delivery.
    Discussion,
    /// The ref, and the repo for a delivery of several refs or none.
    Ref,
    /// What a function returns.
    Function(KeyFunction),
}

/// Why a delivery has no key.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum KeyError {
    /// The key depends on this field, which was dropped: its value differs from the Hub's documentation.
    Dropped(FieldPath),
    /// The key is too long, with this number of bytes.
    TooLong(usize),
}

impl KeySource {
    /// Returns the key of a delivery.
    pub(crate) fn of(self, delivery: &TolerantPayload) -> Result<String, KeyError> {
        let payload = &delivery.payload;
        let known = |path| match delivery.deviations.dropped_at(path) {
            Some(dropped) => Err(KeyError::Dropped(dropped.clone())),
            None => Ok(()),
        };
        let repo = &payload.repo;
        let key = match self {
            Self::Repo => of_repo(repo),
            Self::Discussion => {
                match payload.discussion {
                    Some(_) => known("discussion.num")?,
                    None => known("updatedRefs")?,
                }
                match payload.discussion_num() {
                    Some(num) => format!("{}#{num}", of_repo(repo)),
                    None => of_repo(repo),
                }
            }
            Self::Ref => {
                known("updatedRefs")?;
                match payload.updated_refs.as_deref() {
                    Some([updated]) => format!("{}@{}", of_repo(repo), updated.ref_name),
                    _ => of_repo(repo),
                }
            }
            Self::Function(function) => function(payload),
        };
        match key.len() {
            0..=LONGEST => Ok(key),
            length => Err(KeyError::TooLong(length)),
        }
    }

    /// Returns the word of the option; `None` for a function.
    pub(crate) fn word(self) -> Option<&'static str> {
        match self {
            Self::Repo => Some("repo"),
            Self::Discussion => Some("discussion"),
            Self::Ref => Some("ref"),
            Self::Function(_) => None,
        }
    }
}

fn of_repo(repo: &WebhookPayloadRepo) -> String {
    format!("{}:{}", repo.repo_type, repo.name)
}

impl fmt::Debug for KeySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word().unwrap_or("function"))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::payload::read_tolerantly;
    use crate::samples::{comment_created, dataset_commit, pull_request_pushed};

    /// Returns the key of a sample that was changed.
    fn key(key: KeySource, sample: impl Into<WebhookPayload>, change: fn(&mut Value)) -> String {
        let mut body = serde_json::to_value(sample.into()).unwrap();
        change(&mut body);
        match key.of(&read_tolerantly(body.to_string().as_bytes()).unwrap()) {
            Ok(key) => key,
            Err(error) => format!("{error:?}"),
        }
    }

    #[test]
    fn a_word_groups_by_repo_discussion_or_ref() {
        let commit = || dataset_commit().repo("me/data");
        let comment = || comment_created().repo("me/tiny");
        assert_eq!(key(KeySource::Repo, commit(), |_| ()), "dataset:me/data");
        assert_eq!(key(KeySource::Ref, commit(), |_| ()), "dataset:me/data@refs/heads/main");
        assert_eq!(
            key(KeySource::Discussion, comment(), |body| body["discussion"]["num"] = json!(7)),
            "model:me/tiny#7"
        );
        let push = pull_request_pushed().repo("me/tiny").number(7).repo_type("model");
        assert_eq!(key(KeySource::Discussion, push, |_| ()), "model:me/tiny#7");
    }

    #[test]
    fn without_a_discussion_or_with_several_refs_it_is_the_repo() {
        let commit = || dataset_commit().repo("me/data");
        assert_eq!(key(KeySource::Discussion, commit(), |_| ()), "dataset:me/data");
        let comment = comment_created().repo("me/tiny");
        let without_number = key(KeySource::Discussion, comment, |body| {
            body["discussion"].as_object_mut().unwrap().remove("num");
        });
        assert_eq!(without_number, "model:me/tiny");
        let twice = key(KeySource::Ref, commit(), |body| {
            let updated = body["updatedRefs"][0].clone();
            body["updatedRefs"].as_array_mut().unwrap().push(updated);
        });
        assert_eq!(twice, "dataset:me/data");
        let none = key(KeySource::Ref, commit(), |body| body["updatedRefs"] = Value::Null);
        assert_eq!(none, "dataset:me/data");
    }

    #[test]
    fn a_dropped_field_that_the_key_depends_on_is_an_error() {
        let commit = || dataset_commit().repo("me/data");
        let dropped = |body: &mut Value| body["updatedRefs"][0]["newSha"] = json!(1);
        assert!(key(KeySource::Ref, commit(), dropped).contains("Dropped"));
        assert_eq!(key(KeySource::Repo, commit(), dropped), "dataset:me/data");
        assert!(
            key(KeySource::Ref, commit(), |body| body["updatedRefs"] = json!({}))
                .contains("Dropped")
        );
        let dropped = |body: &mut Value| body["discussion"]["num"] = json!("7");
        assert!(key(KeySource::Discussion, comment_created(), dropped).contains("Dropped"));
        let dropped = |body: &mut Value| body["updatedRefs"][0]["newSha"] = json!(1);
        assert!(key(KeySource::Discussion, commit(), dropped).contains("Dropped"));
        let dropped = |body: &mut Value| body["discussion"]["title"] = json!(7);
        assert!(!key(KeySource::Discussion, comment_created(), dropped).contains("Dropped"));
    }

    #[test]
    fn a_function_may_return_any_key_of_at_most_1000_bytes() {
        let owner: KeyFunction = |payload| payload.repo.name.split('/').next().unwrap().to_owned();
        assert_eq!(key(KeySource::Function(owner), dataset_commit().repo("me/data"), |_| ()), "me");
        let long: KeyFunction = |payload| "x".repeat(payload.repo.name.len());
        assert_eq!(
            key(KeySource::Function(long), dataset_commit().repo("x".repeat(1000)), |_| ()).len(),
            1000
        );
        let longer =
            key(KeySource::Function(long), dataset_commit().repo("x".repeat(1001)), |_| ());
        assert_eq!(longer, "TooLong(1001)");
    }
}
