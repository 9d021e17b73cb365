//! `--set PATH=VALUE`: changes a payload before it is sent.
//!
//! A path that matches nothing is most often a typing mistake, and must not be ignored. So every part of a path
//! but the last must exist, and in a sample the last one must be a field of the Hub's payload.

#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::str::FromStr;

use serde_json::Value;

use super::names::{name_in_json, name_in_sample, wire_name};
use crate::endpoint::extract::body::{self, BodyFault};
use crate::payload::WebhookPayload;
use crate::samples::make_consistent;

/// One `PATH=VALUE`.
#[derive(Clone, Debug)]
pub(crate) struct Assignment {
    path: String,
    value: String,
}

/// The error of a field that cannot be set. No text contains the value.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SetError {
    #[error("expected PATH=VALUE, such as repo.name=me/data")]
    Syntax,
    #[error(
        "--set {path}: the payload has no {missing}. Set all of it as JSON, or choose a sample that has it: \
         `trigger --list` lists the samples."
    )]
    Missing { path: String, missing: String },
    #[error("--set {path}: {outer} is neither an object nor a list, so it has no fields.")]
    Scalar { path: String, outer: String },
    #[error("--set {path}: unknown field {unknown}. Fields at this level: {siblings}.")]
    Unknown { path: String, unknown: String, siblings: String },
    #[error(
        "--set {path}: the result is not a valid payload of the Hub. {}: {fault} To send it anyway, write it \
         to a file and use --file.",
        .fault.path()
    )]
    InvalidPayload { path: String, fault: BodyFault },
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
            _ => Err(SetError::Syntax),
        }
    }
}

/// Sets fields of a sample. Fields that depend on others are updated, as the URLs depend on the name, unless they
/// are set themselves.
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

/// Sets fields of any JSON, and adds fields that an object does not have.
pub(super) fn in_json(mut json: Value, assignments: &[Assignment]) -> Result<Value, SetError> {
    for assignment in assignments {
        json = assignment.set(&json, name_in_json, |changed| Ok(changed.clone()))?;
    }
    Ok(json)
}

impl Assignment {
    fn in_sample(&self, payload: &WebhookPayload) -> Result<WebhookPayload, SetError> {
        let json_error = |source| SetError::Json { path: self.path.clone(), source };
        let document = serde_json::to_value(payload).map_err(json_error)?;
        self.set(&document, name_in_sample, |changed| {
            let bytes = serde_json::to_vec(changed).map_err(json_error)?;
            // Strict: a sample must stay as the Hub documents it.
            let payload: WebhookPayload = body::read(&bytes)
                .map_err(|fault| SetError::InvalidPayload { path: self.path.clone(), fault })?;
            self.check_known(changed, &payload)?;
            Ok(payload)
        })
    }

    /// Sets the value as the first of its [`interpretations`] that `read` accepts, and returns the result of
    /// `read`. If `read` accepts none, returns the error for the first.
    fn set<T>(
        &self,
        document: &Value,
        name: fn(&Value, &str) -> String,
        read: impl Fn(&Value) -> Result<T, SetError>,
    ) -> Result<T, SetError> {
        let mut changed = document.clone();
        let target = self.target(&mut changed, name)?;
        let (first, second) = interpretations(&self.value, target);
        *target = first;
        read(&changed).or_else(|error| {
            let Some(second) = second else { return Err(error) };
            *self.target(&mut changed, name)? = second;
            read(&changed).map_err(|_| error)
        })
    }

    /// Finds the value at the path. Adds the last field to an object that does not have it.
    fn target<'a>(
        &self,
        document: &'a mut Value,
        name: fn(&Value, &str) -> String,
    ) -> Result<&'a mut Value, SetError> {
        let mut target = document;
        let mut end = 0;
        for segment in self.path.split('.') {
            let outer = &self.path[..end];
            end += segment.len() + usize::from(end > 0);
            let is_last = end == self.path.len();
            let key = name(target, segment);
            let inner = match target {
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
                    let outer = if outer.is_empty() { "the payload" } else { outer };
                    return Err(SetError::Scalar {
                        path: self.path.clone(),
                        outer: outer.to_owned(),
                    });
                }
            };
            target = inner.ok_or_else(|| SetError::Missing {
                path: self.path.clone(),
                missing: self.path[..end].to_owned(),
            })?;
        }
        Ok(target)
    }

    /// Checks that the payload's types know every field of `document`, which `payload` was read from. `Deserialize`
    /// ignores unknown ones.
    fn check_known(&self, document: &Value, payload: &WebhookPayload) -> Result<(), SetError> {
        let json_error = |source| SetError::Json { path: self.path.clone(), source };
        let read = serde_json::to_value(payload).map_err(json_error)?;
        let Some(unknown) = first_unread(document, &read, &fields_of(payload)) else {
            return Ok(());
        };
        let (outer, last) = unknown.rsplit_once('/').unwrap_or_default();
        let siblings: Vec<&str> = document
            .pointer(outer)
            .and_then(Value::as_object)
            .into_iter()
            .flat_map(|fields| fields.keys())
            .map(String::as_str)
            .filter(|field| *field != last)
            .collect();
        let siblings = if siblings.is_empty() { "none".to_owned() } else { siblings.join(", ") };
        let unknown = unknown.trim_start_matches('/').replace('/', ".");
        Err(SetError::Unknown { path: self.path.clone(), unknown, siblings })
    }
}

/// Returns the JSON pointer of the first field of `document` that is not in `read`. `null` may be missing for one of
/// the `known` fields.
fn first_unread(document: &Value, read: &Value, known: &HashSet<String>) -> Option<String> {
    let inner = |key: &str, value: &Value, read: Option<&Value>| match read {
        Some(read) => first_unread(value, read, known).map(|inner| format!("/{key}{inner}")),
        None if value.is_null() && known.contains(key) => None,
        None => Some(format!("/{key}")),
    };
    match document {
        Value::Object(fields) => {
            fields.iter().find_map(|(key, value)| inner(key, value, read.get(key)))
        }
        Value::Array(items) => {
            let mut items = items.iter().enumerate();
            items.find_map(|(index, item)| inner(&index.to_string(), item, read.get(index)))
        }
        _ => None,
    }
}

/// Returns the JSON names of the payload's fields, those without a value too, which `Debug` shows.
fn fields_of(payload: &WebhookPayload) -> HashSet<String> {
    let text = format!("{payload:#?}");
    let names = text.lines().filter_map(|line| line.split_once(": "));
    names.map(|(name, _)| wire_name(name.trim())).collect()
}

/// Returns the possible meanings of a value, the likelier first: JSON, or else text.
///
/// A value that replaces a text is a text, even if it looks like a number. A quoted text loses its quotes, and `null`
/// removes a field.
fn interpretations(text: &str, present: &Value) -> (Value, Option<Value>) {
    let as_text = Value::from(text);
    match serde_json::from_str(text) {
        Ok(json @ (Value::String(_) | Value::Null)) => (json, Some(as_text)),
        Ok(json) if !present.is_string() => (json, Some(as_text)),
        _ => (as_text, None),
    }
}
