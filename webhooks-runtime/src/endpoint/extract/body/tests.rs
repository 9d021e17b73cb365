use std::collections::HashMap;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use super::fault::MISSING;
use super::*;

#[derive(Debug, Deserialize)]
#[allow(dead_code, reason = "read by serde only")]
struct Report {
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

fn log_path<T: DeserializeOwned>(body: &str) -> String {
    read::<T>(body.as_bytes()).map(|_| ()).unwrap_err().log_path
}

fn fault_by_position<T: DeserializeOwned>(body: &str) -> serde_json::Value {
    let error = serde_json::from_str::<T>(body).map(|_| ()).unwrap_err();
    serde_json::to_value(BodyFault::at_position(&error)).unwrap()
}

#[test]
fn an_error_without_a_path_has_its_position_instead() {
    let expected = |kind, msg| json!({ "type": kind, "loc": ["body"], "msg": msg });
    assert_eq!(
        fault_by_position::<Report>("{\n  \"name\": \"s3cret\",\n  \"size\": \"s3cret\"\n}"),
        expected("invalid_type", "Line 3, column 18: Expected u8.")
    );
    assert_eq!(
        fault_by_position::<Report>(r#"{"name":"x","size":1,"inner":{}}"#),
        expected("missing", "Line 1, column 31: `flag`: This field is required.")
    );
    assert_eq!(
        fault_by_position::<Report>("{"),
        expected(
            "json_invalid",
            "The body is not valid JSON: EOF while parsing an object at line 1 column 1."
        )
    );
}

#[test]
fn a_missing_field_is_named_in_its_place() {
    let expected = |loc| json!({"type": "missing", "loc": loc, "msg": "This field is required."});
    assert_eq!(fault::<Report>("{}"), expected(json!(["body", "name"])));
    assert_eq!(
        fault::<Report>(r#"{"name":"x","size":1,"list":[{"flag":true},{}]}"#),
        expected(json!(["body", "list", 1, "flag"]))
    );
    assert_eq!(
        fault::<Report>("{\"name\":\"x\",\"size\":1,\n\"inner\":{\n}\n}"),
        expected(json!(["body", "inner", "flag"]))
    );
}

#[test]
fn a_fault_has_what_was_expected_and_not_the_value() {
    let marker = "s3cret, expected s3cret";
    let body = |inner: &str| format!(r#"{{"name":"x","size":1,"inner":{{"flag":true,{inner}}}}}"#);
    for (body, kind, msg) in [
        (format!(r#"{{"name":"x","size":"{marker}"}}"#), "invalid_type", "Expected u8."),
        (body(&format!(r#""choice":"{marker}""#)), "unknown_variant", "Expected `one` or `two`."),
        (body(&format!(r#""{marker}":1"#)), "unknown_field", "Expected `flag` or `choice`."),
        (body(r#""flag":false"#), "duplicate_field", "This field is given twice."),
    ] {
        let fault = fault::<Report>(&body);
        assert_eq!((&fault["type"], &fault["msg"]), (&json!(kind), &json!(msg)), "{body}");
        // A key is in the path; a value is nowhere.
        assert!(kind == "unknown_field" || !fault.to_string().contains("s3cret"), "{fault}");
        assert!(!log_path::<Report>(&body).contains("s3cret"), "{body}");
    }
    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct NoFields {}
    let fault = fault::<NoFields>(&format!(r#"{{"{marker}":1}}"#));
    assert_eq!(fault["msg"], "This is not expected here.");
}

#[test]
fn a_text_of_the_type_s_own_is_not_repeated() {
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
fn the_response_has_the_keys_of_the_body_and_the_log_only_declared_fields() {
    #[derive(Debug, Deserialize)]
    #[allow(dead_code, reason = "read by serde only")]
    #[serde(rename_all = "camelCase")]
    struct Held {
        by_name: HashMap<String, Option<Wrapped>>,
        #[serde(default)]
        pair: Option<(u8, HashMap<String, u8>)>,
    }
    #[derive(Debug, Deserialize)]
    struct Wrapped(#[allow(dead_code, reason = "read by serde only")] Vec<Inner>);
    for (body, loc, in_log) in [
        (
            r#"{"byName":{"s3cret":[{"flag":true},{"flag":1}]}}"#,
            json!(["body", "byName", "s3cret", 1, "flag"]),
            "*.*.1.*",
        ),
        (
            r#"{"byName":{"s3cret":[{}]}}"#,
            json!(["body", "byName", "s3cret", 0, "flag"]),
            "*.*.0.flag",
        ),
        (r#"{"byName":{"s3cret":7}}"#, json!(["body", "byName", "s3cret"]), "*.*"),
        (
            r#"{"byName":{},"pair":[1,{"s3cret":"x"}]}"#,
            json!(["body", "pair", 1, "s3cret"]),
            "*.1.*",
        ),
    ] {
        assert_eq!(fault::<Held>(body)["loc"], loc, "{body}");
        assert_eq!(log_path::<Held>(body), in_log, "{body}");
    }
    let unknown = r#"{"name":"x","size":1,"inner":{"flag":true,"s3cret":1}}"#;
    assert_eq!(fault::<Report>(unknown)["loc"], json!(["body", "inner", "s3cret"]));
    let faults = BodyFaults::from(read::<Report>(unknown.as_bytes()).unwrap_err());
    assert_eq!(faults.to_string(), "*.*: Expected `flag` or `choice`.");
    assert_eq!(faults.0[0].reason(), "body.*.*: Expected `flag` or `choice`.");
}

#[test]
fn a_path_in_a_response_is_of_bounded_size() {
    #[derive(Debug, Deserialize)]
    #[allow(dead_code, reason = "read by serde only")]
    struct Nested(HashMap<String, Nested>);
    let key = "키".repeat(1000);
    let body = format!("{}7{}", format!(r#"{{"{key}":"#).repeat(100), "}".repeat(100));
    let fault = fault::<Nested>(&body);
    let loc = fault["loc"].as_array().unwrap();
    assert_eq!(loc.len(), 32);
    assert_eq!(loc[1], format!("{}…", "키".repeat(100)));
}

#[test]
fn a_body_that_is_not_json_is_described_by_its_position() {
    for body in ["", "{", "nul", "{\"name\":}", "{\"name\":\"x\",\"size\":1} x", "\u{0}"] {
        let fault = fault::<Report>(body);
        assert_eq!(fault["type"], "json_invalid", "{body}");
        assert_eq!(fault["loc"], json!(["body"]));
    }
}

#[test]
fn deep_nesting_before_a_fault_gives_at_least_the_body() {
    let deep = "[".repeat(100_000);
    for body in [format!(r#"{{"x":{deep}"#), format!(r#"{{"name":{deep}"#)] {
        assert_eq!(fault::<Report>(&body)["loc"][0], "body");
    }
}

#[test]
fn another_version_is_the_first_of_all_faults() {
    for version in ["4", "-1", "4294967299", "3.5", "\"3\"", "null", "[3]"] {
        let body = format!(r#"{{"events":[],"webhook":{{"id":"x","version":{version}}}}}"#);
        let faults = serde_json::to_value(read_payload(body.as_bytes()).unwrap_err().0).unwrap();
        assert_eq!(faults[0]["loc"], json!(["body", "webhook", "version"]), "{version}");
        assert_eq!(
            faults[0]["msg"],
            "Expected version 3, the only version of the payload that this server reads."
        );
        assert_eq!(faults[1]["loc"], json!(["body", "event"]));
    }
}

#[test]
fn all_faults_of_a_payload_are_listed_at_once() {
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
