//! Requests that the Hub does not document are rejected, and are faults.

use serde_json::{Value, json};
use tests::client::{exchange, request};
use tests::hub::TestHub;

use super::call;
use super::recorded::RecordedHub;

fn hub() -> TestHub {
    RecordedHub::start().hub
}

/// Sends a request, and returns the status and the one fault that it leaves.
fn fault(hub: &TestHub, first: &str, body: &Value) -> (u16, String) {
    let before = hub.faults().len();
    let answer = call(hub, first, body);
    let faults = hub.faults();
    assert_eq!(faults.len(), before + 1, "{first}: {answer:?} {faults:?}");
    assert_eq!(answer.header("X-Error-Message"), answer.json()["error"].as_str(), "{answer:?}");
    assert!(answer.header("X-Request-Id").is_some(), "{answer:?}");
    (answer.status, faults.last().unwrap().clone())
}

#[test]
fn an_unknown_path_method_or_query_is_a_fault() {
    let hub = hub();
    let cases = [
        ("GET /api/whoami", 501, "does not have this call"),
        ("GET /api/kernels/me/data", 501, "does not have this call"),
        ("GET /api/datasets/me/data/", 501, "does not have this call"),
        ("GET /api//datasets/me/data", 501, "does not have this call"),
        ("PATCH /api/settings/webhooks/1", 405, "GET"),
        ("PUT /api/spaces/me/bot/secrets", 405, "POST"),
        ("GET /api/whoami-v2?verbose=1", 400, "verbose"),
        ("GET /api/datasets/me/data/discussions?page=1", 400, "page"),
        ("GET /api/datasets/me/data/discussions?p=one", 400, "p is no number"),
        ("GET /api/datasets/me/data/discussions?status=draft", 400, "status"),
        ("GET /api/datasets/me/data/discussions?p=0&p=1", 400, "twice"),
        ("GET /api/datasets/me/data/compare/main..v1", 501, "raw=true"),
        ("GET /api/datasets/me/data/compare/main?raw=true", 400, "{old}..{new}"),
        ("GET /api/datasets/me/data/discussions/one", 400, "no number"),
    ];
    for (first, status, text) in cases {
        let (rejected, fault) = fault(&hub, first, &Value::Null);
        assert_eq!(rejected, status, "{first}: {fault}");
        let path = first.split('?').next().unwrap();
        assert!(fault.starts_with(path) && fault.contains(text), "{first}: {fault}");
    }
}

#[test]
fn an_unknown_missing_or_wrong_member_of_a_body_is_a_fault() {
    let hub = hub();
    let comment = "POST /api/datasets/me/data/discussions/1/comment";
    let watched = json!([{ "type": "dataset", "name": "me/data" }]);
    let webhook = "POST /api/settings/webhooks";
    let cases = [
        (comment, json!({ "comment": "Hello", "author": "me" }), "unknown field"),
        (comment, json!({ "content": "Hello" }), "unknown field"),
        (comment, json!({}), "missing field"),
        (comment, json!({ "comment": 42 }), "invalid type"),
        (
            "POST /api/datasets/me/data/discussions/1/status",
            json!({ "status": "merged" }),
            "merged",
        ),
        (webhook, json!({ "watched": [], "domains": ["repo"], "url": "http://a" }), "empty"),
        (webhook, json!({ "domains": ["repo"], "url": "http://a" }), "left out"),
        (webhook, json!({ "watched": watched, "domains": [], "url": "http://a" }), "empty"),
        (
            webhook,
            json!({ "watched": watched, "domains": ["discussions"], "url": "http://a" }),
            "domains",
        ),
        (webhook, json!({ "watched": watched, "domains": ["repo"], "url": "bot" }), "URL"),
        (webhook, json!({ "watched": watched, "domains": ["repo"] }), "neither"),
        (
            webhook,
            json!({ "watched": [{ "type": "repo", "name": "x" }], "domains": ["repo"], "url": "http://a" }),
            "type",
        ),
        ("POST /api/repos/create", json!({ "name": "me/new", "type": "dataset" }), "no repo"),
        ("POST /api/repos/create", json!({ "name": "new", "type": "space" }), "sdk"),
        (
            "POST /api/jobs/me",
            json!({ "command": [], "arguments": [], "environment": {}, "flavor": "cpu-basic" }),
            "dockerImage",
        ),
        (
            "POST /api/datasets/me/data/preupload/main",
            json!({ "files": [{ "path": "a", "sample": "", "size": 3 }] }),
            "sample",
        ),
        ("POST /api/settings/webhooks/1/enable", json!({}), "no body"),
        ("GET /api/whoami-v2", json!({}), "no body"),
    ];
    for (first, body, text) in cases {
        let (status, fault) = fault(&hub, first, &body);
        assert_eq!(status, 400, "{first} {body}: {fault}");
        assert!(fault.contains(text), "{first} {body}: {fault}");
    }
    assert_eq!(hub.comments("dataset:me/data", 1).len(), 1);
    assert_eq!(hub.webhooks().len(), 1);
}

#[test]
fn a_body_without_its_content_type_or_its_length_is_a_fault() {
    let hub = hub();
    let authorization = format!("Authorization: Bearer {}", hub.token());
    let headers = [authorization.as_str()];
    let comment = "POST /api/datasets/me/data/discussions/1/comment";
    let answer = request(hub.url(), comment, &headers, r#"{"comment":"Hello"}"#).unwrap();
    assert_eq!(answer.status, 400, "{answer:?}");
    let commit = "POST /api/datasets/me/data/commit/main";
    let answer = call(&hub, commit, &json!({ "key": "header", "value": {} }));
    assert_eq!(answer.status, 400, "{answer:?}");
    let restart =
        format!("POST /api/spaces/me/bot/restart HTTP/1.1\r\nHost: hub\r\n{authorization}\r\n\r\n");
    let answer = exchange(hub.url(), restart).unwrap();
    assert_eq!(answer.status, 411, "{answer:?}");
    assert_eq!(hub.faults().len(), 3, "{:?}", hub.faults());
}

#[test]
fn a_commit_is_read_line_by_line() {
    let hub = hub();
    let commit = |lines: &[Value]| {
        let headers = [
            &format!("Authorization: Bearer {}", hub.token()),
            "Content-Type: application/x-ndjson",
        ];
        let body: String = lines.iter().map(|line| format!("{line}\n")).collect();
        request(hub.url(), "POST /api/datasets/me/data/commit/main", &headers, &body).unwrap()
    };
    let header = json!({ "key": "header", "value": { "summary": "Add", "description": "" } });
    let file = |path: &str, content: &str| json!({ "key": "file", "value": { "path": path, "content": content, "encoding": "base64" } });
    assert_eq!(commit(&[header.clone(), file("a", "YQ==")]).status, 200);
    hub.assert_no_faults();
    assert_eq!(hub.file("dataset:me/data", "main", "a").unwrap(), b"a");
    for (lines, status) in [
        (vec![file("b", "YQ==")], 400),
        (vec![header.clone(), header.clone()], 400),
        (vec![header.clone(), file("b", "no base64")], 400),
        (vec![header.clone(), file("b.safetensors", "YQ==")], 400),
        (vec![header.clone(), json!({ "key": "copyFile", "value": {} })], 400),
        (
            vec![
                header.clone(),
                json!({ "key": "deletedFile", "value": { "path": "a", "sure": true } }),
            ],
            400,
        ),
        (vec![json!({ "key": "header", "value": { "summary": "", "description": "" } })], 400),
        (
            vec![
                header.clone(),
                json!({ "key": "lfsFile", "value": { "path": "b", "algo": "sha256", "oid": "0", "size": 1 } }),
            ],
            400,
        ),
    ] {
        let before = hub.faults().len();
        assert_eq!(commit(&lines).status, status, "{lines:?}");
        assert_eq!(hub.faults().len(), before + 1, "{lines:?}");
    }
    // What a correct client can meet is no fault.
    let before = hub.faults().len();
    let missing = commit(&[header, json!({ "key": "deletedFile", "value": { "path": "b" } })]);
    assert_eq!((missing.status, missing.header("X-Error-Code")), (404, Some("EntryNotFound")));
    let parent = json!({ "summary": "Add", "description": "", "parentCommit": "0".repeat(40) });
    assert_eq!(
        commit(&[json!({ "key": "header", "value": parent }), file("b", "YQ==")]).status,
        412
    );
    assert_eq!(hub.faults().len(), before);
}
