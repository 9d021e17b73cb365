//! What is sent: a sample or a file, with what is set in it.

use std::fs;
use std::io::{self, Read};

use clap::builder::PossibleValue;
use serde::de::IgnoredAny;
use serde_json::{Value, json};

use super::set::{Assignment, SetError, in_json, in_sample};
use crate::endpoint::Takes;
#[cfg(feature = "openapi")]
use crate::openapi::body_of;
use crate::samples::{NamedSample, samples};

/// The sample that is sent where none is named.
const FIRST: &str = "dataset-commit";

/// The body of a delivery.
pub(super) struct Body {
    /// What it is, for people: the sample's name, or the file's.
    pub(super) name: String,
    pub(super) bytes: Vec<u8>,
}

/// Why there is none. No text holds any of it.
#[derive(Debug, thiserror::Error)]
pub(super) enum BodyError {
    #[error(transparent)]
    Set(#[from] SetError),
    #[error("There is no sample {0}; `trigger --list` shows them.")]
    NoSample(String),
    #[error("{name} cannot be read: {source}.")]
    Unread { name: String, source: io::Error },
    #[error("{name} isn't JSON, which is all that the Hub sends: {source}.")]
    NotJson { name: String, source: serde_json::Error },
    #[error("What was set cannot be written as JSON: {0}.")]
    Unwritten(#[from] serde_json::Error),
}

/// The samples, as the values that a flag can have.
pub(super) fn names() -> Vec<PossibleValue> {
    let value = |sample: &NamedSample| PossibleValue::new(sample.name).help(sample.description);
    samples().iter().map(value).collect()
}

pub(super) fn of_sample(name: &str, assignments: &[Assignment]) -> Result<Body, BodyError> {
    let sample = samples().into_iter().find(|sample| sample.name == name);
    let sample = sample.ok_or_else(|| BodyError::NoSample(name.to_owned()))?;
    let payload = in_sample(sample.payload, assignments)?;
    Ok(Body { name: name.to_owned(), bytes: serde_json::to_vec(&payload)? })
}

/// What an endpoint takes: a sample of the Hub's payload, unless it takes JSON in another shape.
pub(super) fn of_endpoint(takes: &Takes, assignments: &[Assignment]) -> Result<Body, BodyError> {
    let (name, example) = match takes {
        Takes::Object => ("an empty object".to_owned(), json!({})),
        #[cfg(feature = "openapi")]
        Takes::Schema(_) => match body_of(takes) {
            Some(body) => (body.name, body.sample),
            None => return of_sample(FIRST, assignments),
        },
        _ => return of_sample(FIRST, assignments),
    };
    Ok(Body { name, bytes: serde_json::to_vec(&in_json(example, assignments)?)? })
}

/// The file's bytes as they are, unless something is set in them.
///
/// What isn't JSON isn't sent: the Hub sends nothing else, and the server's answer to it would tell
/// less of what is wrong with the file.
pub(super) fn of_file(path: &str, assignments: &[Assignment]) -> Result<Body, BodyError> {
    let name = if path == "-" { "standard input" } else { path }.to_owned();
    let read = if path == "-" { read_stdin() } else { fs::read(path) };
    let bytes = match read {
        Ok(bytes) => bytes,
        Err(source) => return Err(BodyError::Unread { name, source }),
    };
    let not_json = |source| BodyError::NotJson { name: name.clone(), source };
    if assignments.is_empty() {
        serde_json::from_slice::<IgnoredAny>(&bytes).map_err(not_json)?;
        return Ok(Body { name, bytes });
    }
    let json: Value = serde_json::from_slice(&bytes).map_err(not_json)?;
    let bytes = serde_json::to_vec(&in_json(json, assignments)?)?;
    Ok(Body { name, bytes })
}

fn read_stdin() -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    io::stdin().read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Name, event and description of each sample, in columns.
pub(super) fn list() -> String {
    let event = |sample: &NamedSample| {
        let event = &sample.payload.event;
        format!("{} {}", event.action, event.scope)
    };
    let samples = samples();
    let names = samples.iter().map(|sample| sample.name.len()).max().unwrap_or_default();
    let events = samples.iter().map(|sample| event(sample).len()).max().unwrap_or_default();
    samples
        .iter()
        .map(|sample| {
            let (name, event) = (sample.name, event(sample));
            format!("{name:names$}  {event:events$}  {}\n", sample.description)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(takes: &Takes, set: &[&str]) -> (String, Value) {
        let set: Vec<_> = set.iter().map(|text| text.parse().unwrap()).collect();
        let body = of_endpoint(takes, &set).unwrap();
        (body.name, serde_json::from_slice(&body.bytes).unwrap())
    }

    #[test]
    fn an_endpoint_is_sent_what_it_takes() {
        for takes in [Takes::Payload, Takes::Anything, Takes::Nothing] {
            assert_eq!(sent(&takes, &[]).0, "dataset-commit");
        }
        let object = sent(&Takes::Object, &["name=run"]);
        assert_eq!(object, ("an empty object".to_owned(), json!({ "name": "run" })));
    }

    #[cfg(feature = "openapi")]
    #[test]
    fn one_with_a_schema_is_sent_an_example_of_it() {
        use crate::endpoint::described::Described;

        #[derive(utoipa::ToSchema)]
        #[allow(dead_code, reason = "its shape is all there is to it")]
        struct Order {
            #[schema(example = "bolts")]
            item: String,
        }

        let takes = Takes::Schema(Described::of::<Order>().unwrap().into());
        let order = sent(&takes, &["count=3"]);
        assert_eq!(order, ("Order".to_owned(), json!({ "item": "bolts", "count": 3 })));
    }
}
