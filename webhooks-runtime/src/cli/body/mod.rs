//! Makes the body of the delivery for `trigger` and `deliver`: a sample, a file, or an example of what the endpoint
//! reads, with the fields that `--set` changes.
//!
//! - `set` changes fields of the body; `names` converts between the names of a field in Rust and in JSON.

#[cfg(fuzzing)]
pub(super) mod fuzzing;
mod names;
mod set;

use std::error::Error;
use std::fs;
use std::io::{self, Read};

use clap::Command;
use clap::builder::PossibleValue;
use clap::error::ErrorKind;
use serde::de::IgnoredAny;
use serde_json::{Value, json};

pub(super) use self::set::{Assignment, SetError};
use self::set::{in_json, in_sample};
use crate::endpoint::BodyKind;
use crate::endpoint::filter::Conditions;
use crate::openapi::body_of;
use crate::samples::{NamedSample, matching, named_sample, samples};

const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// The body of a delivery.
pub(super) struct DeliveryBody {
    /// The name of the sample, the type or the file, for people.
    pub(super) name: String,
    pub(super) bytes: Vec<u8>,
}

/// The error of a body that cannot be made. No text contains any of the body.
#[derive(Debug, thiserror::Error)]
pub(super) enum BodyError {
    #[error(transparent)]
    Set(#[from] SetError),
    #[error("There is no sample {0}. List the samples with `trigger --list`.")]
    NoSample(String),
    #[error("{name} cannot be read: {source}.")]
    Read { name: String, source: io::Error },
    #[error("{name} is not valid JSON (line {line}, column {column}). The Hub sends only JSON.")]
    NotJson { name: String, line: usize, column: usize },
    #[error("{name} is in UTF-16, and the Hub sends UTF-8. Save the file as UTF-8.")]
    Utf16 { name: String },
    #[error("{name} is not valid UTF-8. Save the file as UTF-8.")]
    NotUtf8 { name: String },
    #[error(
        "{name} has a comment in line {line}, and JSON has no comments. Remove the lines that begin with \
         // or /*."
    )]
    Comment { name: String, line: usize },
    #[error("{name} is empty.")]
    Empty { name: String },
    #[error("The payload cannot be written as JSON: {0}.")]
    Serialize(#[from] serde_json::Error),
}

impl BodyError {
    /// Returns the error of a command: that of its command line if a value of `--set` is wrong.
    pub(super) fn for_command(self, command: &mut Command) -> Box<dyn Error> {
        match self {
            Self::Set(error) => command.error(ErrorKind::ValueValidation, error).into(),
            error => error.into(),
        }
    }
}

/// Returns the names of the samples, as possible values of a flag.
pub(super) fn names() -> Vec<PossibleValue> {
    let value = |sample: &NamedSample| PossibleValue::new(sample.name).help(sample.description);
    samples().iter().map(value).collect()
}

/// Makes the body of the sample with this name, about the repo that the endpoint's filter watches.
pub(super) fn of_sample(
    name: &str,
    filter: Option<&Conditions>,
    assignments: &[Assignment],
) -> Result<DeliveryBody, BodyError> {
    let sample = named_sample(name, filter);
    with_fields(sample.ok_or_else(|| BodyError::NoSample(name.to_owned()))?, assignments)
}

fn with_fields(sample: NamedSample, assignments: &[Assignment]) -> Result<DeliveryBody, BodyError> {
    let payload = in_sample(sample.payload, assignments)?;
    Ok(DeliveryBody { name: sample.name.to_owned(), bytes: serde_json::to_vec(&payload)? })
}

/// Makes a body that the endpoint accepts: a sample of the Hub's payload that matches its filter, or an example of
/// another type.
pub(super) fn of_endpoint(
    takes: &BodyKind,
    filter: Option<&Conditions>,
    assignments: &[Assignment],
) -> Result<DeliveryBody, BodyError> {
    let example = match takes {
        // A filter reads the Hub's payload, whatever the function takes.
        _ if filter.is_some() => None,
        BodyKind::Json => Some(("an empty object".to_owned(), json!({}))),
        BodyKind::Schema(_) => body_of(takes).map(|body| (body.name, body.sample)),
        _ => None,
    };
    let Some((name, example)) = example else {
        let none = || BodyError::NoSample("for this endpoint".to_owned());
        return with_fields(matching(filter).ok_or_else(none)?, assignments);
    };
    Ok(DeliveryBody { name, bytes: serde_json::to_vec(&in_json(example, assignments)?)? })
}

/// Reads the body from a file, or from standard input for `-`. Without assignments, the bytes are unchanged.
pub(super) fn of_file(path: &str, assignments: &[Assignment]) -> Result<DeliveryBody, BodyError> {
    let name = if path == "-" { "standard input" } else { path }.to_owned();
    let read = if path == "-" { read_stdin() } else { fs::read(path) };
    match read {
        Ok(bytes) => of_bytes(name, bytes, assignments),
        Err(source) => Err(BodyError::Read { name, source }),
    }
}

/// Makes the body of JSON that is called `name` in errors. Without assignments, the bytes are unchanged.
///
/// What is not JSON is rejected here, because this error can say more about the text than the server's response.
pub(super) fn of_bytes(
    name: String,
    bytes: Vec<u8>,
    assignments: &[Assignment],
) -> Result<DeliveryBody, BodyError> {
    // Some editors on Windows write a byte order mark, which is not part of the JSON.
    let bytes = match bytes.strip_prefix(BYTE_ORDER_MARK) {
        Some(rest) => rest.to_vec(),
        None => bytes,
    };
    let text = match std::str::from_utf8(&bytes) {
        Ok(text) if !is_utf16(&bytes) => text,
        Err(_) if !is_utf16(&bytes) => return Err(BodyError::NotUtf8 { name }),
        _ => return Err(BodyError::Utf16 { name }),
    };
    let not_json = |error: serde_json::Error| explain(&name, text, &error);
    if assignments.is_empty() {
        serde_json::from_str::<IgnoredAny>(text).map_err(not_json)?;
        return Ok(DeliveryBody { name, bytes });
    }
    let json: Value = serde_json::from_str(text).map_err(not_json)?;
    let bytes = serde_json::to_vec(&in_json(json, assignments)?)?;
    Ok(DeliveryBody { name, bytes })
}

/// Returns whether a text starts with the byte order mark of UTF-16, or with an ASCII character in UTF-16.
fn is_utf16(bytes: &[u8]) -> bool {
    matches!(bytes, [0xff, 0xfe, ..] | [0xfe, 0xff, ..] | [0, _, ..] | [_, 0, ..])
}

/// Explains why a text is not JSON, for the most frequent mistakes.
fn explain(name: &str, text: &str, error: &serde_json::Error) -> BodyError {
    let (name, line, column) = (name.to_owned(), error.line(), error.column());
    if text.trim().is_empty() {
        return BodyError::Empty { name };
    }
    // serde_json reports the column of the slash, or one next to it.
    let here = text.lines().nth(line.saturating_sub(1)).unwrap_or_default();
    let begins_comment = |rest: &str| rest.starts_with("//") || rest.starts_with("/*");
    let near = column.saturating_sub(2)..=column;
    if near.into_iter().any(|at| here.get(at..).is_some_and(begins_comment)) {
        return BodyError::Comment { name, line };
    }
    BodyError::NotJson { name, line, column }
}

fn read_stdin() -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    io::stdin().read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Formats the list of samples: name, event and description, in columns.
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

    fn body(takes: &BodyKind, set: &[&str]) -> (String, Value) {
        let set: Vec<_> = set.iter().map(|text| text.parse().unwrap()).collect();
        let body = of_endpoint(takes, None, &set).unwrap();
        (body.name, serde_json::from_slice(&body.bytes).unwrap())
    }

    #[test]
    fn the_default_body_fits_the_endpoint() {
        for takes in [BodyKind::Payload, BodyKind::Raw, BodyKind::Unread] {
            assert_eq!(body(&takes, &[]).0, "dataset-commit");
        }
        let object = body(&BodyKind::Json, &["name=run"]);
        assert_eq!(object, ("an empty object".to_owned(), json!({ "name": "run" })));
    }

    #[test]
    fn an_endpoint_with_a_schema_gets_an_example_of_it() {
        use crate::endpoint::extract::schema_doc::SchemaDoc;

        #[derive(utoipa::ToSchema)]
        #[allow(dead_code, reason = "only its schema is used")]
        struct Purchase {
            #[schema(example = "bolts")]
            item: String,
        }

        let takes = BodyKind::Schema(SchemaDoc::of::<Purchase>().unwrap().into());
        let purchase = body(&takes, &["count=3"]);
        assert_eq!(purchase, ("Purchase".to_owned(), json!({ "item": "bolts", "count": 3 })));
    }
}
