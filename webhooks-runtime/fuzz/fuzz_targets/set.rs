//! `--set PATH=VALUE` sets just that field, or returns an error that does not contain the value.

#![no_main]

use std::sync::LazyLock;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use webhooks_runtime::WebhookPayload;
use webhooks_runtime::fuzzing::{set_in_json, set_in_sample};
use webhooks_runtime::testing::samples;

static SAMPLES: LazyLock<Vec<WebhookPayload>> =
    LazyLock::new(|| samples().into_iter().map(|sample| sample.payload).collect());

/// Values that fields of the payload have.
const VALUES: [&str; 10] = [
    "null",
    "true",
    "\"text\"",
    "7",
    "[]",
    "{}",
    "update",
    "repo.content",
    "refs/heads/dev",
    "{\"ref\":\"refs/heads/a\",\"oldSha\":null,\"newSha\":\"11\"}",
];

/// A text that no path contains, because of the `=`, and no message.
const SECRET: &str = "=secret";

#[derive(Arbitrary, Debug)]
enum NewValue {
    /// One that fields have.
    OfField(u8),
    Text(String),
    /// A text that no error may contain.
    Secret(String),
}

#[derive(Arbitrary, Debug)]
struct Setting {
    /// Which field to take at each level.
    fields: Vec<u8>,
    /// Another field at the end.
    other: Option<String>,
    value: NewValue,
}

impl Setting {
    /// Returns the path of a field of this document, most often of one that it has.
    fn path(&self, document: &Value) -> String {
        let mut path = Vec::new();
        let mut at = document;
        for number in self.fields.iter().take(4) {
            let number = usize::from(*number);
            let (name, inner) = match at {
                Value::Object(fields) if !fields.is_empty() => {
                    let (name, inner) = fields.iter().nth(number % fields.len()).unwrap();
                    (name.clone(), inner)
                }
                Value::Array(items) if !items.is_empty() => {
                    let index = number % items.len();
                    (index.to_string(), &items[index])
                }
                _ => break,
            };
            path.push(name);
            at = inner;
        }
        path.extend(self.other.clone());
        // It would be the end of the path.
        path.join(".").replace('=', "")
    }

    fn value(&self) -> String {
        match &self.value {
            NewValue::OfField(number) => VALUES[usize::from(*number) % VALUES.len()].to_owned(),
            NewValue::Text(text) => text.clone(),
            NewValue::Secret(text) => format!("{text}{SECRET}"),
        }
    }
}

/// Returns the name of a field in Rust.
fn rust_name(name: &str) -> String {
    match name {
        "type" => return "repo_type".to_owned(),
        "ref" => return "ref_name".to_owned(),
        _ => {}
    }
    let words = name.chars().map(|letter| match letter {
        'A'..='Z' => format!("_{}", letter.to_ascii_lowercase()),
        _ => letter.to_string(),
    });
    words.collect()
}

/// Returns JSON in which the value at this path is another one. `None` if there is no place for it.
fn replaced(mut document: Value, path: &str, text: &str) -> Option<Value> {
    let segments: Vec<_> = path.split('.').collect();
    let (last, outer) = segments.split_last()?;
    let mut at = &mut document;
    for segment in outer {
        at = match at {
            Value::Object(fields) => fields.get_mut(*segment)?,
            Value::Array(items) => items.get_mut(segment.parse::<usize>().ok()?)?,
            _ => return None,
        };
    }
    let place = match at {
        Value::Object(fields) => fields.entry(last.to_string()).or_insert(Value::Null),
        Value::Array(items) => items.get_mut(last.parse::<usize>().ok()?)?,
        _ => return None,
    };
    *place = match serde_json::from_str(text) {
        Ok(json @ (Value::String(_) | Value::Null)) => json,
        Ok(json) if !place.is_string() => json,
        _ => Value::from(text),
    };
    Some(document)
}

/// Whether a path or a document has names with an underscore, which stand for other names.
fn has_rust_names(path: &str) -> bool {
    path.contains('_')
}

fuzz_target!(|input: (u8, Vec<Setting>)| {
    let (number, settings) = input;
    let sample = &SAMPLES[usize::from(number) % SAMPLES.len()];
    let document = serde_json::to_value(sample).unwrap();
    let assignments: Vec<_> =
        settings.iter().take(3).map(|setting| (setting.path(&document), setting.value())).collect();
    let texts: Vec<String> =
        assignments.iter().map(|(path, value)| format!("{path}={value}")).collect();
    // Other texts are rejected before.
    let is_path = |path: &str| path.split('.').all(|part| !part.is_empty());
    let valid = assignments.iter().all(|(path, _)| is_path(path));

    let in_sample = set_in_sample(sample.clone(), &texts);
    match &in_sample {
        Ok(payload) => {
            assert!(valid, "{texts:?}");
            // What the Hub would send.
            let written = serde_json::to_vec(payload).unwrap();
            assert_eq!(serde_json::from_slice::<WebhookPayload>(&written).unwrap(), *payload);
            // What was set last is set.
            if let Some((path, value)) = assignments.last()
                && !has_rust_names(path)
            {
                let written = serde_json::to_value(payload).unwrap();
                let pointer = format!("/{}", path.replace('.', "/"));
                let set = written.pointer(&pointer).cloned().unwrap_or(Value::Null);
                let json: Option<Value> = serde_json::from_str(value).ok();
                let is_object =
                    json.as_ref().is_some_and(|json| json.is_object() || json.is_array());
                assert!(
                    is_object || json == Some(set.clone()) || set == *value,
                    "{texts:?}: {set}"
                );
            }
            let of_rust = assignments.iter().map(|(path, value)| {
                let path: Vec<_> = path.split('.').map(rust_name).collect();
                format!("{}={value}", path.join("."))
            });
            if !assignments.iter().any(|(path, _)| has_rust_names(path)) {
                let of_rust = set_in_sample(sample.clone(), &of_rust.collect::<Vec<_>>());
                assert_eq!(of_rust.as_ref(), Ok(payload), "{texts:?}");
            }
        }
        Err(error) => assert!(!error.contains(SECRET), "{texts:?}: {error}"),
    }

    // Any JSON, without the rules of the payload.
    let expected = assignments.iter().try_fold(document.clone(), |document, (path, value)| {
        if valid { replaced(document, path, value) } else { None }
    });
    if !assignments.iter().any(|(path, _)| has_rust_names(path)) {
        assert_eq!(set_in_json(document, &texts).ok(), expected, "{texts:?}");
    }
});
