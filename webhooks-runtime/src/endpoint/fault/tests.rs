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
    let expected = |loc| json!({"type": "missing", "loc": loc, "msg": "This field is required."});
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
    let body = |inner: &str| format!(r#"{{"name":"x","size":1,"inner":{{"flag":true,{inner}}}}}"#);
    for (body, kind, msg) in [
        (format!(r#"{{"name":"x","size":"{marker}"}}"#), "invalid_type", "Expected u8."),
        (body(&format!(r#""choice":"{marker}""#)), "unknown_variant", "Expected `one` or `two`."),
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
