//! Properties of generated payloads.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::{TolerantPayload, read_tolerantly};
use super::{pointers, remove};
use crate::payload::WebhookPayload;
use crate::samples::samples;

/// A change to one value of a document.
#[derive(Clone, Debug)]
enum Change {
    Remove,
    Replace(Value),
    AddUnknown(Value),
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            // A list of one: the strict parser would read a longer one as an object.
            inner.clone().prop_map(|item| json!([[item]])),
            prop::collection::btree_map("[a-z]{1,6}", inner, 0..3)
                .prop_map(|members| json!(members)),
        ]
    })
}

fn changed() -> impl Strategy<Value = Value> {
    let change = prop_oneof![
        Just(Change::Remove),
        value().prop_map(Change::Replace),
        ".{0,8}".prop_map(|text| Change::Replace(text.into())),
        value().prop_map(Change::AddUnknown),
    ];
    let changes = prop::collection::vec((any::<prop::sample::Index>(), change), 0..4);
    (0..samples().len(), changes).prop_map(|(sample, changes)| {
        let mut document = serde_json::to_value(&samples()[sample].payload).unwrap();
        let objects = objects(&document);
        for (index, change) in changes {
            let mut all = Vec::new();
            pointers(&document, "", &mut all);
            if all.is_empty() {
                continue;
            }
            let pointer = index.get(&all);
            match change {
                Change::Remove => remove(&mut document, pointer),
                Change::Replace(value) => *document.pointer_mut(pointer).unwrap() = value,
                Change::AddUnknown(value) => {
                    if let Some(Value::Object(members)) = document.pointer_mut(pointer) {
                        members.insert("unknown".to_owned(), value);
                    }
                }
            }
        }
        // One change can replace the item of another's list of one, and the strict parser reads `[""]` as an object with
        // one member.
        for pointer in objects {
            if let Some(list @ Value::Array(_)) = document.pointer_mut(&pointer) {
                *list = json!([list.take()]);
            }
        }
        document
    })
}

/// Returns the pointers to the objects of a document.
fn objects(document: &Value) -> Vec<String> {
    let mut all = Vec::new();
    pointers(document, "", &mut all);
    all.retain(|pointer| document.pointer(pointer).is_some_and(Value::is_object));
    all
}

proptest! {
    #[test]
    fn the_parsers_agree_on_every_payload_that_the_strict_one_accepts(document in changed()) {
        let body = document.to_string();
        if let Ok(payload) = serde_json::from_str::<WebhookPayload>(&body) {
            let read = read_tolerantly(body.as_bytes()).unwrap();
            prop_assert_eq!(read.payload, payload);
            prop_assert!(read.deviations.is_empty(), "{:?}", read.deviations);
        }
    }

    #[test]
    fn a_payload_with_the_required_fields_is_read_whatever_else_it_holds(document in changed()) {
        let is_text = |pointer: &str| document.pointer(pointer).is_some_and(Value::is_string);
        let is_named = ["/event/action", "/event/scope", "/repo/type", "/repo/name"].into_iter().all(is_text);
        let version = document.pointer("/webhook/version");
        let is_version_3 = version.is_none_or(|version| *version == 3);
        let read = read_tolerantly(document.to_string().as_bytes());
        prop_assert_eq!(read.is_ok(), is_named && is_version_3, "{:?}", read);
        if let Ok(TolerantPayload { payload, .. }) = read {
            // The result is valid for the strict parser.
            let body = serde_json::to_string(&payload).unwrap();
            prop_assert_eq!(serde_json::from_str::<WebhookPayload>(&body).unwrap(), payload);
        }
    }
}
