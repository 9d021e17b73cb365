//! What the document says an endpoint takes.

use serde_json::{Value, json};
use webhooks_runtime::testing::{self, TestClient};

use super::{document, follow, new_server, post, samples, schema_of, train, validator};

#[test]
fn each_sample_delivery_fits_the_schema() {
    let document = document();
    let validator = validator(&document, schema_of(&document, "train"));
    for sample in samples() {
        assert!(validator.is_valid(&sample), "{:?} {sample}", validator.validate(&sample));
    }
}

#[test]
fn the_schema_takes_what_the_server_takes_and_nothing_else() {
    let document = document();
    let validator = validator(&document, schema_of(&document, "train"));
    let client = TestClient::new(new_server()).unwrap();
    let commit = serde_json::to_value(testing::dataset_commit()).unwrap();
    let pointers = [
        "/event",
        "/event/action",
        "/event/scope",
        "/repo",
        "/repo/type",
        "/repo/name",
        "/repo/id",
        "/repo/private",
        "/repo/url",
        "/repo/url/web",
        "/repo/url/api",
        "/repo/owner",
        "/repo/owner/id",
        "/repo/headSha",
        "/repo/tags",
        "/webhook",
        "/webhook/id",
        "/webhook/version",
        "/updatedRefs",
        "/updatedRefs/0",
        "/updatedRefs/0/ref",
        "/updatedRefs/0/oldSha",
        "/updatedRefs/0/newSha",
    ];
    let values =
        [json!(null), json!("text"), json!(3), json!(-1), json!(4), json!(true), json!({})];
    let mut bodies = vec![json!(null), json!(7), json!("text"), json!({}), commit.clone()];
    for pointer in pointers {
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        let with = |change: &dyn Fn(&mut Value)| {
            let mut body = commit.clone();
            change(body.pointer_mut(parent).unwrap());
            body
        };
        if let Ok(index) = key.parse::<usize>() {
            bodies.extend(values.iter().map(|value| with(&|list| list[index] = value.clone())));
        } else {
            bodies.push(with(&|object| {
                object.as_object_mut().unwrap().remove(key);
            }));
            bodies.extend(values.iter().map(|value| with(&|object| object[key] = value.clone())));
        }
        bodies.push(with(&|parent| {
            if let Value::Object(members) = parent {
                members.insert("unknown".to_owned(), json!([]));
            }
        }));
    }
    let mut refused = 0;
    for body in bodies {
        let status = client.post(train::PATH, &body).send().status();
        // The schema is what the Hub documents. The server also takes what differs from that in a field
        // that isn't required.
        assert!(!validator.is_valid(&body) || status == 200, "{status}: {body}");
        refused += usize::from(status == 422);
    }
    assert!(refused > 30, "{refused}");
}

#[test]
fn json_of_a_type_with_a_schema_is_described_by_it() {
    let document = document();
    let order = follow(&document, schema_of(&document, "shaped"));
    assert_eq!(order["description"], "Something that is ordered.");
    assert_eq!(order["properties"]["item"]["description"], "What it is.");
    assert_eq!(order["required"], json!(["item"]));
}

#[test]
fn two_types_of_one_name_keep_their_schemas() {
    let document = document();
    let [one, other] = ["shaped", "other_order"].map(|path| schema_of(&document, path));
    assert_ne!(one, other);
    assert!(follow(&document, one)["properties"]["item"].is_object());
    assert!(follow(&document, other)["properties"]["number"].is_object());
}

#[test]
fn an_alias_is_what_it_stands_for() {
    let document = document();
    let list = follow(&document, schema_of(&document, "deep/down/alias"));
    assert!(
        schema_of(&document, "deep/down/alias")["$ref"].as_str().unwrap().ends_with("/OrderList")
    );
    let item = follow(&document, &list["items"]);
    assert!(item["properties"]["number"].is_object(), "{list}");
}

#[test]
fn a_type_of_ones_own_may_hold_the_payload() {
    let document = document();
    let schema = schema_of(&document, "forwarded");
    let validator = validator(&document, schema);
    let payload = serde_json::to_value(testing::comment_created()).unwrap();
    assert!(validator.is_valid(&json!({ "payload": payload, "by": "me" })));
    assert!(!validator.is_valid(&json!({ "payload": {}, "by": "me" })));
}

#[test]
fn json_of_a_type_without_a_schema_is_an_open_object() {
    let document = document();
    assert_eq!(schema_of(&document, "unshaped"), &json!({ "type": "object" }));
}

#[test]
fn what_may_be_anything_says_so_and_what_is_not_read_is_left_out() {
    let document = document();
    for path in ["text", "maybe"] {
        let body = &post(&document, path)["requestBody"];
        assert_eq!(body["required"], json!(false), "{path}");
        assert_eq!(body["content"], json!({ "*/*": {} }), "{path}");
    }
    assert_eq!(post(&document, "ping").get("requestBody"), None);
}
