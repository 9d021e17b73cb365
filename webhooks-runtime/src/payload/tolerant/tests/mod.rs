//! Which payloads are tolerated, and which are rejected. `generated` tests properties of generated payloads.

mod generated;

use serde_json::{Value, json};

use super::*;
use crate::payload::DiscussionStatus;
use crate::samples::samples;

/// The fields without which a payload is unusable.
const REQUIRED: [&str; 6] =
    ["/event", "/event/action", "/event/scope", "/repo", "/repo/type", "/repo/name"];

fn read(body: &Value) -> TolerantPayload {
    read_tolerantly(body.to_string().as_bytes()).unwrap()
}

fn minimal(more: Value) -> Value {
    let mut payload = json!({
        "event": { "action": "update", "scope": "repo.content" },
        "repo": { "type": "bucket", "name": "me/data" },
        "webhook": { "id": "1", "version": 3 },
    });
    let Value::Object(more) = more else { panic!("an object") };
    payload.as_object_mut().unwrap().extend(more);
    payload
}

fn faults(body: &Value) -> Vec<String> {
    match read_tolerantly(body.to_string().as_bytes()) {
        Err(PayloadError::Faults(faults)) => {
            faults.iter().map(|fault| format!("{}: {:?}", fault.path, fault.kind)).collect()
        }
        other => panic!("{other:?}"),
    }
}

/// Collects the JSON pointers of all values in a document, except its root.
fn pointers(value: &Value, at: &str, all: &mut Vec<String>) {
    let inner: Vec<(String, &Value)> = match value {
        Value::Object(members) => {
            members.iter().map(|(name, value)| (format!("{at}/{name}"), value)).collect()
        }
        Value::Array(items) => {
            items.iter().enumerate().map(|(i, item)| (format!("{at}/{i}"), item)).collect()
        }
        _ => Vec::new(),
    };
    for (pointer, value) in inner {
        pointers(value, &pointer, all);
        all.push(pointer);
    }
}

/// Removes the value at a pointer.
fn remove(document: &mut Value, pointer: &str) {
    let (outer, name) = pointer.rsplit_once('/').unwrap();
    match document.pointer_mut(outer) {
        Some(Value::Object(members)) => drop(members.remove(name)),
        Some(Value::Array(items)) => drop(items.remove(name.parse().unwrap())),
        _ => {}
    }
}

fn shapes() -> [Value; 10] {
    [
        Value::Null,
        json!(true),
        json!(7),
        json!(-7),
        json!(1.5),
        json!("text"),
        json!([7]),
        json!([]),
        json!({ "buffer": "ZQAAAAAAAAAAAAAB" }),
        json!({}),
    ]
}

#[test]
fn a_documented_payload_is_read_as_by_the_strict_parser() {
    for sample in samples() {
        let read = read(&serde_json::to_value(&sample.payload).unwrap());
        assert_eq!(read.payload, sample.payload, "{}", sample.name);
        assert!(read.deviations.is_empty(), "{:?}", read.deviations);
    }
}

#[test]
fn every_field_but_the_required_ones_may_be_missing_or_have_any_shape() {
    for sample in samples() {
        let document = serde_json::to_value(&sample.payload).unwrap();
        let mut all = Vec::new();
        pointers(&document, "", &mut all);
        for pointer in all.iter().filter(|pointer| !REQUIRED.contains(&pointer.as_str())) {
            let mut removed = document.clone();
            remove(&mut removed, pointer);
            read(&removed);
            for shape in shapes() {
                let mut reshaped = document.clone();
                *reshaped.pointer_mut(pointer).unwrap() = shape;
                match (pointer.as_str(), read_tolerantly(reshaped.to_string().as_bytes())) {
                    ("/webhook/version", Err(PayloadError::Faults(_))) => {}
                    ("/webhook/version", Ok(_)) => panic!("another version"),
                    (_, result) => drop(result.unwrap()),
                }
            }
        }
    }
}

#[test]
fn every_default_is_the_documented_one() {
    let discussion = json!({ "author": "someone", "num": "seven", "status": 7 });
    let body = json!({
        "event": { "action": "create", "scope": "discussion" },
        "repo": { "type": "model", "name": "me/model", "url": null, "tags": ["a", 1] },
        "discussion": discussion,
        "comment": { "content": "hello" },
        "movedTo": {},
    });
    let TolerantPayload { payload, deviations } = read(&body);
    let repo = payload.repo;
    assert_eq!((repo.id.as_str(), repo.private, repo.url.web.as_str()), ("", true, ""));
    assert_eq!((repo.url.api, repo.owner.id.as_str(), repo.tags), (None, "", None));
    assert_eq!((payload.webhook.id.as_str(), payload.webhook.version), ("", 3));
    let discussion = payload.discussion.unwrap();
    assert_eq!((discussion.num, discussion.is_pull_request), (0, false));
    assert_eq!((discussion.title.as_str(), discussion.author.id.as_str()), ("", ""));
    assert!(matches!(&discussion.status, DiscussionStatus::Other(status) if status.is_empty()));
    assert!(!payload.comment.unwrap().hidden);
    assert_eq!(payload.moved_to.unwrap().name, "");
    assert_eq!(
        deviations.missing().unwrap(),
        "comment.id, comment.author, comment.hidden, comment.url, discussion.id, \
         discussion.title, discussion.url, discussion.isPullRequest, movedTo.name, movedTo.owner, \
         repo.id, repo.private, repo.url, repo.owner, webhook"
    );
    assert_eq!(
        deviations.dropped().unwrap(),
        "discussion.num, discussion.author, discussion.status, repo.tags"
    );
    // A comment without a content is hidden.
    assert!(read(&minimal(json!({ "comment": {} }))).payload.comment.unwrap().hidden);
}

#[test]
fn an_incomplete_element_is_dropped_whole_and_only_null_means_created_or_deleted() {
    let read = read(&minimal(json!({
        "updatedRefs": [
            { "ref": "refs/heads/a", "oldSha": null, "newSha": "1" },
            { "ref": "refs/heads/b", "oldSha": "1" },
            { "ref": "refs/heads/c", "oldSha": "1", "newSha": 2 },
            { "ref": "refs/heads/d", "oldSha": "1", "newSha": null },
            null,
        ],
        "updatedFiles": [
            { "path": "a", "action": "add", "size": 7 },
            { "path": "b", "action": "add", "size": "7" },
            { "path": "c", "action": "delete" },
            { "action": "delete" },
        ],
    })));
    let refs = read.payload.updated_refs.unwrap();
    let refs: Vec<_> = refs
        .iter()
        .map(|updated| (&*updated.ref_name, updated.old_sha.as_deref(), updated.new_sha.as_deref()))
        .collect();
    assert_eq!(refs, [("refs/heads/a", None, Some("1")), ("refs/heads/d", Some("1"), None)]);
    let files = read.payload.updated_files.unwrap();
    let files: Vec<_> = files.iter().map(|file| (&*file.path, file.size)).collect();
    assert_eq!(files, [("a", Some(7)), ("c", None)]);
    assert_eq!(
        read.deviations.dropped().unwrap(),
        "updatedFiles.1 (and 1 more), updatedRefs.1 (and 2 more)"
    );
}

#[test]
fn a_dropped_field_differs_from_an_absent_one() {
    let body = json!({ "updatedRefs": [{ "ref": 7 }], "discussion": 7, "comment": null });
    let deviations = read(&minimal(body)).deviations;
    for path in ["updatedRefs", "updatedRefs.0", "discussion", "discussion.num"] {
        assert!(deviations.dropped_at(path).is_some(), "{path}");
    }
    for path in ["updatedFiles", "comment", "repo", "repo.id", "webhook.id"] {
        assert!(deviations.dropped_at(path).is_none(), "{path}");
    }
}

#[test]
fn all_faults_are_found_at_once_the_version_first() {
    let body = json!({
        "event": { "action": "create" },
        "repo": { "type": 7, "name": "me/data" },
        "webhook": { "id": "1", "version": 4 },
    });
    assert_eq!(
        faults(&body),
        [
            "webhook.version: Version { is_number: true }",
            "event.scope: Missing",
            "repo.type: Shape(\"a string\")",
        ]
    );
    assert_eq!(faults(&json!({ "repo": null })), ["event: Missing", "repo: Shape(\"an object\")"]);
    assert_eq!(faults(&json!([])), [": Shape(\"an object\")"]);
}

#[test]
fn a_field_given_twice_has_no_value() {
    let body = minimal(json!({})).to_string();
    let twice = |field: &str, value: &str| {
        let body = format!("{{\"{field}\":{value},{}", &body[1..]);
        read_tolerantly(body.as_bytes())
    };
    let Err(PayloadError::Faults(faults)) = twice("event", "{}") else { panic!("a fault") };
    assert!(faults.iter().any(|fault| matches!(fault.kind, FaultKind::Duplicate)));
    let read = twice("discussion", "{},\"discussion\":{}").unwrap();
    assert_eq!(read.deviations.dropped().as_deref(), Some("discussion"));
}

#[test]
fn a_body_that_is_not_json_has_another_error() {
    for body in ["", "{", "{} x", "{\"event\": \"\\ud83d\"}", "{\"repo\":{\"name\":\"\u{0}\"}}"] {
        let error = read_tolerantly(body.as_bytes()).unwrap_err();
        assert!(matches!(error, PayloadError::Json(_)), "{body}: {error:?}");
    }
}
