//! Reads bodies, and describes what is wrong with those that cannot be read: where the faults are and
//! what was expected there, but never what stood there.

use std::error::Error as StdError;
use std::fmt;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::error::Category;
use serde_path_to_error::Segment;

use super::fields;
use super::log::DELIVERY;
use crate::payload::{
    Deviations, ExpectedVersion, FaultKind, FieldFault, FieldStep, PayloadError, TolerantPayload,
    WebhookPayload, read_tolerantly,
};

/// What is said of a field that is missing.
const MISSING: &str = "This field is required.";

/// What is said of a field that is given twice.
const DUPLICATE: &str = "This field is given twice.";

/// The faults of a body, at least one. A payload of the Hub has all of its faults here, any other type
/// the first one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BodyFaults(pub(crate) Vec<BodyFault>);

impl From<BodyFault> for BodyFaults {
    fn from(fault: BodyFault) -> Self {
        Self(vec![fault])
    }
}

impl fmt::Display for BodyFaults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, fault) in self.0.iter().enumerate() {
            if position > 0 {
                f.write_str(" ")?;
            }
            match fault.path() {
                path if path.is_empty() => fault.fmt(f)?,
                path => write!(f, "{path}: {fault}")?,
            }
        }
        Ok(())
    }
}

impl StdError for BodyFaults {}

/// One fault of a body, in the form that FastAPI gives it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct BodyFault {
    /// The kind of the fault: `missing`, for instance.
    #[serde(rename = "type")]
    kind: &'static str,
    /// The way to it from the body: fields and positions, and a `*` for a key of the body's own.
    loc: Vec<Place>,
    /// What was expected there.
    msg: String,
}

/// One step on the way to a fault.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(untagged)]
enum Place {
    Key(String),
    Index(usize),
}

impl BodyFault {
    /// Describes the error that an extractor of actix-web ended with when it read `body` as JSON.
    ///
    /// Nothing is known of the type here, so no key can be told from the input's own words: the path
    /// has a `*` for each, and the text gives the position instead. Where the type is known, [`read`]
    /// tells all of it. An error in a type's own words has no position of its own, and is found one
    /// step too high.
    pub(crate) fn at_position(body: &[u8], error: &serde_json::Error) -> Self {
        let mut fault = Self::new(error, || path_by_position(body, error));
        if error.is_data() {
            let (line, column) = (error.line(), error.column());
            fault.msg = format!("{} It is at line {line} column {column}.", fault.msg);
        }
        fault
    }

    fn new(error: &serde_json::Error, path: impl FnOnce() -> Vec<Place>) -> Self {
        let at = format!(" at line {} column {}", error.line(), error.column());
        let text = error.to_string();
        let text = text.strip_suffix(&at).unwrap_or(&text);
        let mut loc = vec![Place::Key("body".to_owned())];
        if error.classify() != Category::Data {
            // The parser's own words, none of which come from the input.
            let msg = format!("The body is not valid JSON: {text}{at}.");
            return Self { kind: "json_invalid", loc, msg };
        }
        loc.extend(path());
        let (kind, missing, msg) = describe(text);
        if kind == "unknown_field" {
            // Its name is the input's.
            loc.pop();
        }
        loc.extend(missing.map(|field| Place::Key(field.to_owned())));
        Self { kind, loc, msg }
    }

    /// The way to the fault, with dots: `event.scope`.
    pub(crate) fn path(&self) -> String {
        let below = self.loc.iter().skip(1).map(|place| match place {
            Place::Key(key) => key.clone(),
            Place::Index(index) => index.to_string(),
        });
        below.collect::<Vec<_>>().join(".")
    }

    /// The fault as a reason for the log: its path and what was expected there.
    pub(crate) fn reason(&self) -> String {
        let path = self.path();
        let dot = if path.is_empty() { "" } else { "." };
        format!("body{dot}{path}: {}", self.msg)
    }
}

impl From<FieldFault> for BodyFault {
    fn from(fault: FieldFault) -> Self {
        let (kind, msg) = match fault.kind {
            FaultKind::Missing => ("missing", MISSING.to_owned()),
            FaultKind::Duplicate => ("duplicate_field", DUPLICATE.to_owned()),
            FaultKind::Shape(shape) => ("invalid_type", format!("Expected {shape}.")),
            FaultKind::Version { is_number } => {
                let kind = if is_number { "invalid_value" } else { "invalid_type" };
                (kind, format!("Expected {ExpectedVersion}."))
            }
        };
        let place = |step| match step {
            FieldStep::Name(name) => Place::Key(String::from(name)),
            FieldStep::Index(index) => Place::Index(index),
        };
        let body = Place::Key("body".to_owned());
        let loc = std::iter::once(body).chain(fault.path.0.into_iter().map(place)).collect();
        Self { kind, loc, msg }
    }
}

impl fmt::Display for BodyFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.msg)
    }
}

impl StdError for BodyFault {}

/// Reads `body` as JSON. Only when that fails is it read again, with an eye on the path.
pub(crate) fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, BodyFault> {
    parse(body).map_err(|error| {
        let mut deserializer = serde_json::Deserializer::from_slice(body);
        match serde_path_to_error::deserialize::<_, T>(&mut deserializer) {
            Err(traced) => BodyFault::new(traced.inner(), || {
                let path: Vec<_> = traced.path().iter().collect();
                places(&path, &fields::declared::<T>(&path))
            }),
            // The value was fine and something stands behind it.
            Ok(_) => BodyFault::new(&error, Vec::new),
        }
    })
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> serde_json::Result<T> {
    // Checked once as a whole, the text isn't checked again string by string. JSON that holds something
    // else, in a field that nobody reads, is still JSON.
    match std::str::from_utf8(body) {
        Ok(text) => serde_json::from_str(text),
        Err(_) => serde_json::from_slice(body),
    }
}

/// Reads `body` as a payload of the Hub. Only one that differs from the documentation is read again, by
/// the tolerant parser, and leaves a warning in the log.
pub(crate) fn read_payload(body: &[u8]) -> Result<WebhookPayload, BodyFaults> {
    let TolerantPayload { payload, deviations } = parse_payload(body)?;
    if !deviations.is_empty() {
        warn(&deviations);
    }
    Ok(payload)
}

/// The same without the warning, for a body that was read before.
pub(crate) fn parse_payload(body: &[u8]) -> Result<TolerantPayload, BodyFaults> {
    match parse(body) {
        Ok(payload) => Ok(TolerantPayload { payload, deviations: Deviations::default() }),
        Err(error) if error.is_data() => read_tolerantly(body).map_err(|error| match error {
            PayloadError::Json(error) => BodyFault::new(&error, Vec::new).into(),
            PayloadError::Faults(faults) => {
                BodyFaults(faults.into_iter().map(BodyFault::from).collect())
            }
        }),
        Err(error) => Err(BodyFault::new(&error, Vec::new).into()),
    }
}

fn warn(deviations: &Deviations) {
    tracing::warn!(
        target: DELIVERY,
        missing = deviations.missing(),
        dropped = deviations.dropped(),
        "the payload differs from the Hub's documentation"
    );
}

/// Finds the path of an error by its position, for any type that was being read.
///
/// The text up to the error is read once more, as plain JSON. It is made to end inside the value at
/// fault, so that reading ends there, and `serde_path_to_error` says which path that is. This needs no
/// knowledge of the type, which actix-web's extractors don't give.
fn path_by_position(body: &[u8], error: &serde_json::Error) -> Vec<Place> {
    let Some(end) = offset(body, error) else {
        return Vec::new();
    };
    let mut text = body[..end].to_vec();
    let begins_next = matches!(body.get(end), Some(b'{' | b'['));
    match text.last() {
        // serde_json finds fault with an object or an array in front of it …
        _ if begins_next => text.push(b'"'),
        // … and with anything else behind it: text, or an object or array that lacks something, …
        Some(b'"' | b'}' | b']') => drop(text.pop()),
        // … or a number, `true`, `false`, `null`, of which only a text would be seen to be cut off.
        _ => {
            let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || b"+-.".contains(byte);
            let length = text.iter().rev().take_while(|byte| is_part(byte)).count();
            text.truncate(end - length);
            text.push(b'"');
        }
    }
    let mut deserializer = serde_json::Deserializer::from_slice(&text);
    match serde_path_to_error::deserialize::<_, serde_json::Value>(&mut deserializer) {
        Err(stop) if stop.inner().is_eof() => {
            let path: Vec<_> = stop.path().iter().collect();
            places(&path, &vec![false; path.len()])
        }
        _ => Vec::new(),
    }
}

/// How many bytes of `body` were read when the error was found.
fn offset(body: &[u8], error: &serde_json::Error) -> Option<usize> {
    let line_start = match error.line() {
        0 => return None,
        1 => 0,
        line => body.iter().enumerate().filter(|(_, byte)| **byte == b'\n').nth(line - 2)?.0 + 1,
    };
    Some(line_start + error.column()).filter(|end| *end <= body.len())
}

/// The path as it is told: a key that isn't a declared field is the input's, and hidden.
fn places(path: &[&Segment], declared: &[bool]) -> Vec<Place> {
    let place = |(segment, declared): (&&Segment, &bool)| match segment {
        Segment::Seq { index } => Some(Place::Index(*index)),
        Segment::Map { key } if *declared => Some(Place::Key(key.clone())),
        Segment::Map { .. } => Some(Place::Key("*".to_owned())),
        Segment::Enum { .. } | Segment::Unknown => None,
    };
    path.iter().zip(declared).filter_map(place).collect()
}

/// Makes of serde's words a kind, the field that is missing, and a text without the input.
///
/// The forms are those of the provided methods of `serde::de::Error`. An error in a type's own words
/// could repeat the input, so nothing of it is told.
fn describe(text: &str) -> (&'static str, Option<&str>, String) {
    let quoted = |prefix| text.strip_prefix(prefix).and_then(|rest: &str| rest.strip_suffix('`'));
    if let Some(field) = quoted("missing field `") {
        return ("missing", Some(field), MISSING.to_owned());
    }
    if let Some(field) = quoted("duplicate field `") {
        return ("duplicate_field", Some(field), DUPLICATE.to_owned());
    }
    let kind = match text {
        _ if text.starts_with("invalid type: ") => "invalid_type",
        _ if text.starts_with("invalid value: ") => "invalid_value",
        _ if text.starts_with("invalid length ") => "invalid_length",
        _ if text.starts_with("unknown variant `") => "unknown_variant",
        _ if text.starts_with("unknown field `") => "unknown_field",
        _ => return ("value_error", None, "This value is not acceptable here.".to_owned()),
    };
    let nothing_expected =
        text.ends_with(", there are no fields") || text.ends_with(", there are no variants");
    let msg = match text.rsplit_once(", expected ") {
        // What is expected stands last and comes from the type.
        Some((_, expected)) if !nothing_expected => format!("Expected {expected}."),
        _ => "This is not expected here.".to_owned(),
    };
    (kind, None, msg)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use serde::Deserialize;
    use serde_json::json;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[allow(dead_code, reason = "read by serde only")]
    struct Sample {
        name: String,
        size: u8,
        #[serde(default)]
        inner: Option<Inner>,
        #[serde(default)]
        list: Vec<Inner>,
        #[serde(default)]
        rows: Vec<Vec<u8>>,
        #[serde(default)]
        by_name: HashMap<String, u8>,
    }

    #[derive(Debug, Deserialize)]
    #[allow(dead_code, reason = "read by serde only")]
    #[serde(deny_unknown_fields)]
    struct Inner {
        flag: bool,
        #[serde(default)]
        choice: Option<Choice>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Choice {
        One,
        Two,
    }

    fn fault<T: DeserializeOwned>(body: &str) -> serde_json::Value {
        let fault = read::<T>(body.as_bytes()).map(|_| ()).unwrap_err();
        serde_json::to_value(fault).unwrap()
    }

    fn fault_by_position<T: DeserializeOwned>(body: &str) -> serde_json::Value {
        let error = serde_json::from_str::<T>(body).map(|_| ()).unwrap_err();
        serde_json::to_value(BodyFault::at_position(body.as_bytes(), &error)).unwrap()
    }

    fn exact_is_missing(body: &str) -> bool {
        fault::<Sample>(body)["type"] == "missing"
    }

    #[test]
    fn the_path_by_position_is_the_one_that_is_found_with_the_type() {
        for body in [
            r#"{"name":5,"size":1}"#,
            r#"{"name":"x","size":300}"#,
            r#"{"name":"x","size":"big"}"#,
            r#"{"name":"x","size":1.5}"#,
            r#"{"name":"x","size":-1}"#,
            r#"{"name":"x","size":true}"#,
            r#"{"name":"x","size":null}"#,
            r#"{"name":null,"size":1}"#,
            r#"{"name":{"a":1},"size":1}"#,
            r#"{"name":[1,2],"size":1}"#,
            r#"{"name":"x","size":1,"inner":{"flag":1}}"#,
            r#"{"name":"x","size":1,"inner":[[]]}"#,
            r#"{"name":"x","size":1,"inner":"no"}"#,
            r#"{"name":"x","size":1,"list":[{"flag":true},{"flag":"no"}]}"#,
            r#"{"name":"x","size":1,"list":[{"flag":true},7]}"#,
            r#"{"name":"x","size":1,"list":[[1]]}"#,
            r#"{"name":"x","size":1,"rows":[[1,2],[3,"4"]]}"#,
            r#"{"name":"x","size":1,"rows":[[1,2],{}]}"#,
            r#"{"name":"x","size":1,"rows":[[1,2],[3,[4]]]}"#,
            r#"{"name":"x","size":1,"by_name":{"a":1,"b":"two"}}"#,
            r#"{"name":"x","size":1,"by_name":7}"#,
            r#"{"name":"x","size":1,"rows":[[1,2],[3,true]]}"#,
            r#"{"name":"x","size":1,"rows":[["4"]]}"#,
            r#"{"name":"x","size":1,"rows":[[-4.5e+3,1]]}"#,
            r#"{"name":"x","size":1,"rows":[null]}"#,
            r#"{"name":"x","size":1,"rows":[ [ 1 , 2 ] , [ 3 , 256 ] ]}"#,
            r#"{"name":"x","size":1,"list":[{"flag":true},{}]}"#,
            r#"[]"#,
            r#"7"#,
            r#""text""#,
            "{\n  \"name\": \"x\",\n  \"size\": 1,\n  \"list\": [\n    { \"flag\": \"no\" }\n  ]\n}",
            "{\r\n\t\"name\" :\r\n\t\"x\" ,\r\n\t\"size\" :\r\n\t[ ]\r\n}",
            r#"{"name":"이름","unknown":{"키":"값"},"size":"큰"}"#,
        ] {
            let (told, mut exact) = (fault_by_position::<Sample>(body), fault::<Sample>(body));
            let steps = exact["loc"].as_array_mut().unwrap();
            // The last step to what is missing comes from the type, all others from the input.
            let from_input = 1..steps.len() - usize::from(exact_is_missing(body));
            for step in &mut steps[from_input] {
                if step.is_string() {
                    *step = json!("*");
                }
            }
            assert_eq!((&told["loc"], &told["type"]), (&exact["loc"], &exact["type"]), "{body}");
            assert!(told["msg"].as_str().unwrap().contains(" at line "), "{told}");
            assert_ne!(fault::<Sample>(body)["type"], "value_error", "{body}");
        }
    }

    #[test]
    fn a_missing_field_is_named_in_its_place() {
        let expected =
            |loc| json!({"type": "missing", "loc": loc, "msg": "This field is required."});
        assert_eq!(fault::<Sample>("{}"), expected(json!(["body", "name"])));
        assert_eq!(
            fault::<Sample>(r#"{"name":"x","size":1,"list":[{"flag":true},{}]}"#),
            expected(json!(["body", "list", 1, "flag"]))
        );
        assert_eq!(
            fault::<Sample>("{\"name\":\"x\",\"size\":1,\n\"inner\":{\n}\n}"),
            expected(json!(["body", "inner", "flag"]))
        );
    }

    #[test]
    fn what_was_expected_is_said_and_what_stood_there_is_not() {
        let marker = "s3cret, expected s3cret";
        let body =
            |inner: &str| format!(r#"{{"name":"x","size":1,"inner":{{"flag":true,{inner}}}}}"#);
        for (body, kind, msg) in [
            (format!(r#"{{"name":"x","size":"{marker}"}}"#), "invalid_type", "Expected u8."),
            (
                body(&format!(r#""choice":"{marker}""#)),
                "unknown_variant",
                "Expected `one` or `two`.",
            ),
            (body(&format!(r#""{marker}":1"#)), "unknown_field", "Expected `flag` or `choice`."),
            (body(r#""flag":false"#), "duplicate_field", "This field is given twice."),
        ] {
            let fault = fault::<Sample>(&body);
            assert_eq!((&fault["type"], &fault["msg"]), (&json!(kind), &json!(msg)), "{body}");
            assert!(!fault.to_string().contains("s3cret"), "{fault}");
        }
        #[derive(Debug, Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Nothing {}
        let fault = fault::<Nothing>(&format!(r#"{{"{marker}":1}}"#));
        assert_eq!(fault["msg"], "This is not expected here.");
        assert!(!fault.to_string().contains("s3cret"), "{fault}");
    }

    #[test]
    fn a_type_s_own_words_are_not_repeated() {
        fn refuse<'de, D: serde::Deserializer<'de>>(d: D) -> Result<(), D::Error> {
            let text = String::deserialize(d)?;
            Err(serde::de::Error::custom(format!("no `{text}` here")))
        }
        #[derive(Debug, Deserialize)]
        struct Picky {
            #[serde(deserialize_with = "refuse")]
            #[allow(dead_code, reason = "read by serde only")]
            word: (),
        }
        assert_eq!(
            fault::<Picky>(r#"{"word":"s3cret"}"#),
            json!({"type": "value_error", "loc": ["body", "word"], "msg": "This value is not acceptable here."})
        );
    }

    #[test]
    fn a_key_that_is_not_a_declared_field_is_not_repeated() {
        #[derive(Debug, Deserialize)]
        #[allow(dead_code, reason = "read by serde only")]
        #[serde(rename_all = "camelCase")]
        struct Held {
            by_name: HashMap<String, Option<Wrapped>>,
            #[serde(default)]
            pair: Option<(u8, HashMap<String, u8>)>,
            #[serde(default)]
            choice: Option<Content>,
        }
        #[derive(Debug, Deserialize)]
        struct Wrapped(#[allow(dead_code, reason = "read by serde only")] Vec<Inner>);
        #[derive(Debug, Deserialize)]
        #[allow(dead_code, reason = "read by serde only")]
        enum Content {
            Map(HashMap<String, u8>),
        }
        for (body, loc) in [
            (
                r#"{"byName":{"s3cret":[{"flag":true},{"flag":1}]}}"#,
                json!(["body", "byName", "*", 1, "flag"]),
            ),
            (r#"{"byName":{"s3cret":7}}"#, json!(["body", "byName", "*"])),
            (r#"{"byName":{"s3cret":[{"s3cret":7}]}}"#, json!(["body", "byName", "*", 0])),
            (r#"{"byName":{},"pair":[1,{"s3cret":"x"}]}"#, json!(["body", "pair", 1, "*"])),
            (r#"{"byName":{},"choice":{"Map":{"s3cret":"x"}}}"#, json!(["body", "choice", "*"])),
        ] {
            let fault = fault::<Held>(body);
            assert_eq!(fault["loc"], loc, "{body}");
            assert!(!fault.to_string().contains("s3cret"), "{fault}");
            assert!(!fault_by_position::<Held>(body).to_string().contains("s3cret"), "{body}");
        }
        let map = r#"{"s3cret":"x"}"#;
        assert_eq!(fault::<HashMap<String, u8>>(map)["loc"], json!(["body", "*"]));
    }

    #[test]
    fn a_body_that_is_not_json_is_told_by_its_position() {
        for body in ["", "{", "nul", "{\"name\":}", "{\"name\":\"x\",\"size\":1} x", "\u{0}"] {
            let fault = fault::<Sample>(body);
            assert_eq!(fault["type"], "json_invalid", "{body}");
            assert_eq!(fault["loc"], json!(["body"]));
        }
    }

    #[test]
    fn deep_nesting_before_a_fault_gives_at_least_the_body() {
        let deep = "[".repeat(100_000);
        for body in [format!(r#"{{"x":{deep}"#), format!(r#"{{"name":{deep}"#)] {
            assert_eq!(fault::<Sample>(&body)["loc"][0], "body");
        }
    }

    #[test]
    fn another_version_is_said_before_any_other_fault() {
        for version in ["4", "-1", "4294967299", "3.5", "\"3\"", "null", "[3]"] {
            let body = format!(r#"{{"events":[],"webhook":{{"id":"x","version":{version}}}}}"#);
            let faults =
                serde_json::to_value(read_payload(body.as_bytes()).unwrap_err().0).unwrap();
            assert_eq!(faults[0]["loc"], json!(["body", "webhook", "version"]), "{version}");
            assert_eq!(
                faults[0]["msg"],
                "Expected version 3, the only version of the payload that this server reads."
            );
            assert_eq!(faults[1]["loc"], json!(["body", "event"]));
        }
    }

    #[test]
    fn all_faults_of_a_payload_are_told_at_once() {
        let body = br#"{"event":{"action":"update"},"repo":{"type":7},"webhook":{"version":3}}"#;
        let faults = read_payload(body).unwrap_err();
        assert_eq!(
            serde_json::to_value(&faults.0).unwrap(),
            json!([
                { "type": "missing", "loc": ["body", "event", "scope"], "msg": MISSING },
                { "type": "invalid_type", "loc": ["body", "repo", "type"], "msg": "Expected a string." },
                { "type": "missing", "loc": ["body", "repo", "name"], "msg": MISSING },
            ])
        );
        assert_eq!(
            faults.to_string(),
            "event.scope: This field is required. repo.type: Expected a string. \
             repo.name: This field is required."
        );
    }
}
