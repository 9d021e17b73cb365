//! `--set PATH=VALUE`: changes a payload before it is sent.
//!
//! A field that isn't there is most often a slip of the pen. So a path leads through what the payload
//! has, and in a sample it ends at a field that the Hub's payloads can have: a slip is an error, and
//! never a delivery that is sent as if nothing had been set.

use std::str::FromStr;

use serde_json::Value;

use super::names::{name_in_json, name_in_sample};
use crate::endpoint::fault::{self, BodyFault};
use crate::payload::WebhookPayload;
use crate::samples::make_consistent;

/// What is to be set where.
#[derive(Clone, Debug)]
pub(super) struct Assignment {
    path: String,
    value: String,
}

/// Why it cannot be set. No text holds the value.
#[derive(Debug, thiserror::Error)]
pub(super) enum SetError {
    #[error("it isn't PATH=VALUE, as repo.name=me/data is")]
    Form,
    #[error(
        "--set {path}: the payload has no {missing}. Set it as a whole, as JSON, or begin with a \
         sample that has it; `trigger --list` shows them."
    )]
    Missing { path: String, missing: String },
    #[error(
        "--set {path}: {outer} is neither an object nor a list, so there is nothing in it to set."
    )]
    Scalar { path: String, outer: String },
    #[error("--set {path}: a payload of the Hub has no {unknown}. Beside it there is {beside}.")]
    Unknown { path: String, unknown: String, beside: String },
    #[error(
        "--set {path}: this makes it another thing than a payload of the Hub. {}: {fault} To send it \
         all the same, write it to a file, for --file.",
        .fault.path()
    )]
    Unfit { path: String, fault: BodyFault },
    #[error("--set {path}: {source}.")]
    Json { path: String, source: serde_json::Error },
}

impl FromStr for Assignment {
    type Err = SetError;

    fn from_str(text: &str) -> Result<Self, SetError> {
        match text.split_once('=') {
            Some((path, value)) if path.split('.').all(|segment| !segment.is_empty()) => {
                Ok(Self { path: path.to_owned(), value: value.to_owned() })
            }
            _ => Err(SetError::Form),
        }
    }
}

/// Changes a sample. What follows from something else follows, as the addresses do from the name,
/// unless it is set itself.
pub(super) fn in_sample(
    payload: WebhookPayload,
    assignments: &[Assignment],
) -> Result<WebhookPayload, SetError> {
    let set =
        |payload| assignments.iter().try_fold(payload, |payload, one| one.in_sample(&payload));
    let mut changed = set(payload)?;
    make_consistent(&mut changed);
    set(changed)
}

/// Changes JSON of any shape. In an object it may add a field.
pub(super) fn in_json(mut json: Value, assignments: &[Assignment]) -> Result<Value, SetError> {
    for assignment in assignments {
        json = assignment.set(&json, name_in_json, |changed| Ok(changed.clone()))?;
    }
    Ok(json)
}

impl Assignment {
    fn in_sample(&self, payload: &WebhookPayload) -> Result<WebhookPayload, SetError> {
        let unwritten = |source| SetError::Json { path: self.path.clone(), source };
        let document = serde_json::to_value(payload).map_err(unwritten)?;
        self.set(&document, name_in_sample, |changed| {
            let bytes = serde_json::to_vec(changed).map_err(unwritten)?;
            // Strictly, as a sample is to stay what the Hub documents.
            let payload = fault::read(&bytes)
                .map_err(|fault| SetError::Unfit { path: self.path.clone(), fault })?;
            self.check_known(changed)?;
            Ok(payload)
        })
    }

    /// Sets the value as the first of its [`readings`] that `read` takes. The first one's error counts.
    fn set<T>(
        &self,
        document: &Value,
        name: fn(&Value, &str) -> String,
        read: impl Fn(&Value) -> Result<T, SetError>,
    ) -> Result<T, SetError> {
        let mut changed = document.clone();
        let place = self.place(&mut changed, name)?;
        let (first, second) = readings(&self.value, place);
        *place = first;
        read(&changed).or_else(|error| {
            let Some(second) = second else { return Err(error) };
            *self.place(&mut changed, name)? = second;
            read(&changed).map_err(|_| error)
        })
    }

    /// The place that the path leads to. In an object it need not be there yet.
    fn place<'a>(
        &self,
        document: &'a mut Value,
        name: fn(&Value, &str) -> String,
    ) -> Result<&'a mut Value, SetError> {
        let mut place = document;
        let mut end = 0;
        for segment in self.path.split('.') {
            let outer = &self.path[..end];
            end += segment.len() + usize::from(end > 0);
            let is_last = end == self.path.len();
            let key = name(place, segment);
            let inner = match place {
                Value::Object(fields) => {
                    if is_last {
                        Some(fields.entry(key).or_insert(Value::Null))
                    } else {
                        fields.get_mut(&key)
                    }
                }
                Value::Array(items) => match key.parse::<usize>() {
                    Ok(index) => items.get_mut(index),
                    Err(_) => None,
                },
                _ => {
                    let outer = if outer.is_empty() { "what is sent" } else { outer };
                    return Err(SetError::Scalar {
                        path: self.path.clone(),
                        outer: outer.to_owned(),
                    });
                }
            };
            place = inner.ok_or_else(|| SetError::Missing {
                path: self.path.clone(),
                missing: self.path[..end].to_owned(),
            })?;
        }
        Ok(place)
    }

    /// Whether a payload's types know every field. They ignore those that they don't.
    fn check_known(&self, document: &Value) -> Result<(), SetError> {
        let mut ignored = None;
        let _ = serde_ignored::deserialize::<_, _, WebhookPayload>(document, |path| {
            ignored.get_or_insert_with(|| path.to_string());
        });
        let Some(ignored) = ignored else { return Ok(()) };
        // An optional part has a step of its own there.
        let steps: Vec<&str> = ignored.split('.').filter(|step| *step != "?").collect();
        let outer: String =
            steps.iter().rev().skip(1).rev().map(|step| format!("/{step}")).collect();
        let fields = document.pointer(&outer).and_then(Value::as_object);
        let beside: Vec<&str> = fields
            .into_iter()
            .flat_map(|fields| fields.keys())
            .map(String::as_str)
            .filter(|field| Some(field) != steps.last())
            .collect();
        let beside = if beside.is_empty() { "nothing".to_owned() } else { beside.join(", ") };
        Err(SetError::Unknown { path: self.path.clone(), unknown: steps.join("."), beside })
    }
}

/// What a value may mean, the likelier first: JSON, or else text.
///
/// Where a text stands now one is meant, however much it looks like a number. Text in quotes is meant
/// without them, and `null` takes a field away.
fn readings(text: &str, present: &Value) -> (Value, Option<Value>) {
    let as_text = Value::from(text);
    match serde_json::from_str(text) {
        Ok(json @ (Value::String(_) | Value::Null)) => (json, Some(as_text)),
        Ok(json) if !present.is_string() => (json, Some(as_text)),
        _ => (as_text, None),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::samples::{comment_created, comment_hidden, dataset_commit, repo_moved, samples};

    fn assignments(texts: &[&str]) -> Vec<Assignment> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    fn set(sample: impl Into<WebhookPayload>, texts: &[&str]) -> WebhookPayload {
        in_sample(sample.into(), &assignments(texts)).unwrap()
    }

    fn refused(text: &str) -> String {
        in_sample(dataset_commit().into(), &assignments(&[text])).unwrap_err().to_string()
    }

    #[test]
    fn a_name_brings_its_addresses_along_as_in_a_test() {
        let expected: WebhookPayload = dataset_commit().repo("me/data").into();
        assert_eq!(set(dataset_commit(), &["repo.name=me/data"]), expected);
        let expected: WebhookPayload = comment_created().number(7).into();
        assert_eq!(set(comment_created(), &["discussion.num=7"]), expected);
        let expected: WebhookPayload = repo_moved().to("you/model").into();
        assert_eq!(set(repo_moved(), &["moved_to.name=you/model"]), expected);
        for sample in samples() {
            assert_eq!(set(sample.payload.clone(), &[]), sample.payload, "{}", sample.name);
        }
    }

    #[test]
    fn an_address_that_is_set_stays_whatever_comes_after() {
        for order in [
            ["repo.url.web=http://x", "repo.name=me/data"],
            ["repo.name=me/data", "repo.url.web=http://x"],
        ] {
            let payload = set(dataset_commit(), &order);
            assert_eq!(payload.repo.url.web, "http://x");
            assert_eq!(
                payload.repo.url.api.as_deref(),
                Some("https://huggingface.co/api/datasets/me/data")
            );
        }
    }

    #[test]
    fn the_names_of_rust_and_those_of_the_hub_mean_the_same() {
        for (one, other) in [
            ("repo.repo_type=model", "repo.type=model"),
            ("repo.head_sha=abc", "repo.headSha=abc"),
            ("updated_refs.0.ref_name=refs/tags/v1", "updatedRefs.0.ref=refs/tags/v1"),
            ("updated_refs.0.new_sha=null", "updatedRefs.0.newSha=null"),
            ("updated_files_truncated=true", "updatedFilesTruncated=true"),
        ] {
            assert_eq!(set(dataset_commit(), &[one]), set(dataset_commit(), &[other]), "{one}");
            assert_ne!(set(dataset_commit(), &[one]), dataset_commit().into(), "{one}");
        }
    }

    #[test]
    fn a_value_is_json_or_else_text_and_text_stays_text() {
        let payload = set(
            dataset_commit(),
            &[
                "repo.name=123",
                "repo.private=true",
                "repo.tags=[\"a\",\"b\"]",
                "repo.owner.id=\"x\"",
            ],
        );
        assert_eq!((payload.repo.name.as_str(), payload.repo.private), ("123", true));
        assert_eq!(payload.repo.tags, Some(vec!["a".to_owned(), "b".to_owned()]));
        assert_eq!(payload.repo.owner.id, "x");
        // Nothing stands there now, and only a text fits.
        let payload = set(comment_hidden(), &["comment.content=42"]);
        assert_eq!(payload.comment.unwrap().content.as_deref(), Some("42"));
        assert_eq!(set(dataset_commit(), &["repo.headSha=null"]).repo.head_sha, None);
        let payload = set(dataset_commit(), &["repo.name=a=b"]);
        assert_eq!(payload.repo.name, "a=b");
    }

    #[test]
    fn a_field_that_payloads_don_t_have_is_refused_by_its_path() {
        let error = refused("repo.nmae=me/data");
        assert!(
            error.contains("--set repo.nmae: a payload of the Hub has no repo.nmae."),
            "{error}"
        );
        assert!(error.contains("headSha, id, name, owner"), "{error}");
        assert!(refused("nothing=null").contains("has no nothing."));
        let error =
            refused("updatedRefs.0={\"ref\":\"x\",\"oldSha\":null,\"newSha\":null,\"nu\":1}");
        assert!(error.contains("has no updatedRefs.0.nu."), "{error}");
    }

    #[test]
    fn a_path_leads_through_what_there_is() {
        for (text, missing) in [
            ("discussion.title=x", "discussion"),
            ("reop.name=x", "reop"),
            ("updatedRefs.1.ref=x", "updatedRefs.1"),
            ("updatedRefs.1={}", "updatedRefs.1"),
            ("updatedRefs.first.ref=x", "updatedRefs.first"),
        ] {
            let error = refused(text);
            assert!(error.contains(&format!("the payload has no {missing}.")), "{error}");
        }
        let error = refused("repo.name.first=x");
        assert!(error.contains("repo.name is neither an object nor a list"), "{error}");
    }

    #[test]
    fn a_value_that_doesn_t_fit_is_refused_and_not_shown() {
        for (text, fault) in [
            ("repo.private=hush", "repo.private: Expected a boolean."),
            ("webhook.version=7", "webhook.version: Expected version 3"),
            ("repo=hush", "repo: Expected an object."),
            ("discussion={\"id\":\"hush\"}", "discussion.num: This field is required."),
        ] {
            let error = refused(text);
            assert!(error.contains(fault), "{error}");
            assert!(!error.contains("hush") && !error.contains('7'), "{error}");
        }
        for text in ["repo.name", "=x", "", ".repo=x", "repo..x=x", "repo.=x"] {
            assert!(text.parse::<Assignment>().is_err(), "{text}");
        }
    }

    #[test]
    fn json_of_any_shape_can_be_changed_and_added_to() {
        let json = json!({ "headSha": "a", "my_key": { "list": [1, 2] }, "text": "x" });
        let texts = ["head_sha=b", "my_key.list.1=7", "my_key.new_one=true", "text=5", "other=5"];
        let changed = in_json(json, &assignments(&texts)).unwrap();
        let expected = json!({
            "headSha": "b", "my_key": { "list": [1, 7], "new_one": true }, "text": "5", "other": 5
        });
        assert_eq!(changed, expected);
        for document in [json!(7), json!({}), json!([])] {
            assert!(in_json(document, &assignments(&["a.b=1"])).is_err());
        }
    }
}
