//! How a body is read, and what is rejected.

use std::io::Write;

use serde_json::{Value, json};
use tests::client::{connect, exchange, head, post, read_answer, request};
use tests::payloads::{bucket_files, dataset_commit, pull_request_comment, with};
use webhooks_runtime::{WebhookPayload, WebhooksServer, web};

use super::{echo, map, open_server, shape};

#[tokio::test]
async fn a_delivery_of_each_kind_comes_through_and_back_unchanged() {
    let server = open_server().await;
    for delivery in [
        dataset_commit(),
        pull_request_comment(),
        bucket_files(),
        with(dataset_commit(), "/event/scope", json!("repo.config.dois")),
        with(dataset_commit(), "/event/action", json!("archive")),
        with(dataset_commit(), "/repo/type", json!("kernel")),
        with(pull_request_comment(), "/discussion/status", json!("locked")),
        with(bucket_files(), "/updatedFiles/0/action", json!("rename")),
    ] {
        let answer = post(server.local_url(), echo::PATH, &delivery.to_string()).unwrap();
        assert_eq!((answer.status, answer.json()), (200, delivery));
    }
    server.stop().await;
}

#[tokio::test]
async fn a_body_that_does_not_fit_is_told_the_path_of_its_first_fault() {
    let server = open_server().await;
    for (pointer, value, loc, kind) in [
        ("/event", json!({ "action": "update" }), json!(["body", "event", "scope"]), "missing"),
        ("/event/scope", json!(7), json!(["body", "event", "scope"]), "invalid_type"),
        ("/repo", json!("s3cret"), json!(["body", "repo"]), "invalid_type"),
        ("/repo/name", json!(["s3cret"]), json!(["body", "repo", "name"]), "invalid_type"),
        ("/webhook/version", json!(2), json!(["body", "webhook", "version"]), "invalid_value"),
    ] {
        let body = with(dataset_commit(), pointer, value).to_string();
        let answer = post(server.local_url(), echo::PATH, &body).unwrap();
        assert_eq!(answer.status, 422, "{pointer}");
        assert_eq!(answer.json()["detail"][0]["loc"], loc, "{answer:?}");
        assert_eq!(answer.json()["detail"][0]["type"], kind, "{answer:?}");
        assert!(!answer.body.contains("s3cret"), "{answer:?}");
    }
    let answer =
        post(server.local_url(), shape::PATH, r#"{"rows":[{"size":1},{"size":"s3cret"}]}"#);
    assert_eq!(
        answer.unwrap().json(),
        json!({ "detail": [{ "type": "invalid_type", "loc": ["body", "rows", 1, "size"], "msg": "Expected u8." }] })
    );
    // An extractor of actix-web does not reveal the path.
    for (path, loc) in [(map::PATH, json!(["body", "key"])), ("/webhooks/added", json!(["body"]))] {
        let answer = post(server.local_url(), path, r#"{"key":"v4lue"}"#).unwrap();
        assert_eq!(answer.status, 422);
        assert_eq!(answer.json()["detail"][0]["loc"], loc, "{answer:?}");
        assert!(!answer.body.contains("v4lue"), "{answer:?}");
    }
    server.stop().await;
}

#[tokio::test]
async fn all_faults_of_a_payload_are_in_one_response() {
    let server = open_server().await;
    let body = json!({
        "event": { "action": "create" },
        "repo": { "name": "acme/s3cret" },
        "webhook": { "id": "1", "version": 4 }
    });
    let answer = post(server.local_url(), echo::PATH, &body.to_string()).unwrap();
    let required = "This field is required.";
    let version = "Expected version 3, the only version of the payload that this server reads.";
    assert_eq!(
        (answer.status, answer.json()),
        (
            422,
            json!({ "detail": [
                { "type": "invalid_value", "loc": ["body", "webhook", "version"], "msg": version },
                { "type": "missing", "loc": ["body", "event", "scope"], "msg": required },
                { "type": "missing", "loc": ["body", "repo", "type"], "msg": required },
            ] })
        )
    );
    server.stop().await;
}

#[tokio::test]
async fn a_field_that_is_missing_or_reshaped_gets_its_default() {
    let server = open_server().await;
    let id = json!({ "buffer": "ZQAAAAAAAAAAAAAB" });
    let ids_as_objects = ["/repo/id", "/discussion/id", "/comment/id"]
        .into_iter()
        .fold(pull_request_comment(), |body, pointer| with(body, pointer, id.clone()));
    let without_ids = ["/repo/id", "/discussion/id", "/comment/id"]
        .into_iter()
        .fold(pull_request_comment(), |body, pointer| with(body, pointer, json!("")));
    let minimal = json!({
        "event": { "action": "create", "scope": "discussion.comment" },
        "repo": { "type": "model", "name": "acme/tiny-model" },
        "comment": { "content": "please add the tag pytorch" }
    });
    let filled = json!({
        "event": { "action": "create", "scope": "discussion.comment" },
        "repo": {
            "type": "model", "name": "acme/tiny-model", "id": "", "private": true,
            "url": { "web": "" }, "owner": { "id": "" }
        },
        "comment": {
            "id": "", "author": { "id": "" }, "content": "please add the tag pytorch",
            "hidden": false, "url": { "web": "" }
        },
        "webhook": { "id": "", "version": 3 }
    });
    let half_a_ref = with(dataset_commit(), "/updatedRefs/1", json!({ "ref": "refs/tags/v1" }));
    let mut other_refs = dataset_commit();
    other_refs["updatedRefs"].as_array_mut().unwrap().remove(1);
    for (body, expected) in
        [(ids_as_objects, without_ids), (minimal, filled), (half_a_ref, other_refs)]
    {
        let answer = post(server.local_url(), echo::PATH, &body.to_string()).unwrap();
        assert_eq!((answer.status, answer.json()), (200, expected), "{body}");
    }
    server.stop().await;
}

#[tokio::test]
async fn another_version_is_refused_in_words_that_say_so() {
    let server = open_server().await;
    let body = with(dataset_commit(), "/webhook/version", json!(4)).to_string();
    let answer = post(server.local_url(), echo::PATH, &body).unwrap();
    assert_eq!(answer.status, 422);
    assert!(
        answer.json()["detail"][0]["msg"].as_str().unwrap().contains("version 3"),
        "{answer:?}"
    );
    server.stop().await;
}

#[tokio::test]
async fn what_is_not_json_is_a_422() {
    let server = open_server().await;
    for body in ["", "s3cret", "{\"event\":", "\u{0}", "[", "<xml/>"] {
        for path in [echo::PATH, shape::PATH] {
            let answer = post(server.local_url(), path, body).unwrap();
            assert_eq!(answer.status, 422, "{body:?}");
            assert_eq!(answer.json()["detail"][0]["type"], "json_invalid");
            assert!(!answer.body.contains("s3cret"));
        }
    }
    server.stop().await;
}

#[tokio::test]
async fn a_field_that_nobody_reads_may_hold_any_bytes() {
    let server = open_server().await;
    let body = dataset_commit().to_string();
    let post = |first: &[u8], rest: &str| {
        let length = format!("Content-Length: {}", first.len() + rest.len());
        let head = head(&format!("POST {}", echo::PATH), &[&length]);
        let bytes = [head.as_bytes(), first, rest.as_bytes()].concat();
        exchange(server.local_url(), bytes).unwrap()
    };
    let answer = post(b"{\"unknown\": \"\xff\",", &body[1..]);
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.json(), dataset_commit());
    let answer = post(b"{\"event\": {\"action\": \"\xff\"},", &body[1..]);
    assert_eq!(
        (answer.status, answer.json()["detail"][0]["type"].clone()),
        (422, json!("json_invalid"))
    );
    server.stop().await;
}

#[tokio::test]
async fn half_a_surrogate_pair_is_read_as_the_replacement_character_by_every_argument() {
    let server = WebhooksServer::empty()
        .add_webhook("title", async |payload: WebhookPayload| payload.discussion.unwrap().title)
        .add_webhook("json", async |json: web::Json<Value>| json.into_inner())
        .add_webhook("maybe", async |json: Option<web::Json<Value>>| json.unwrap().into_inner())
        .add_webhook("text", async |text: String| text);
    let server = server.port(0).workers(1).start().await.unwrap();
    let title = |title: &str| with(pull_request_comment(), "/discussion/title", json!(title));
    let body = title("MARK")
        .to_string()
        .replace("MARK", r"Numbers \ud83d in the \ude00 card \ud83d\ude00");
    let read = "Numbers \u{fffd} in the \u{fffd} card \u{1f600}";
    let post = |path: &str| post(server.local_url(), path, &body).unwrap();
    let answer = post("/webhooks/title");
    assert_eq!((answer.status, answer.body.as_str()), (200, read));
    for path in ["/webhooks/json", "/webhooks/maybe", "/webhooks/text"] {
        let answer = post(path);
        assert_eq!((answer.status, answer.json()), (200, title(read)), "{path}");
    }
    server.stop().await;
}

#[tokio::test]
async fn a_body_may_come_in_pieces() {
    let server = open_server().await;
    let body = dataset_commit().to_string();
    for pieces in [1, 2, 3, body.len()] {
        let mut stream = connect(server.local_url()).unwrap();
        let head = head(&format!("POST {}", echo::PATH), &["Transfer-Encoding: chunked"]);
        stream.write_all(head.as_bytes()).unwrap();
        for piece in body.as_bytes().chunks(body.len().div_ceil(pieces)) {
            write!(stream, "{:x}\r\n", piece.len()).unwrap();
            stream.write_all(piece).unwrap();
            stream.write_all(b"\r\n").unwrap();
        }
        stream.write_all(b"0\r\n\r\n").unwrap();
        let answer = read_answer(&mut stream).unwrap();
        assert_eq!((answer.status, answer.json()), (200, dataset_commit()), "{pieces} pieces");
    }
    server.stop().await;
}

#[tokio::test]
async fn json_is_taken_under_any_name_but_a_form_is_not() {
    let server = open_server().await;
    let body = dataset_commit().to_string();
    let first = format!("POST {}", echo::PATH);
    for header in ["Content-Type: text/plain", "Content-Type: not a type", "X-None: 1"] {
        assert_eq!(
            request(server.local_url(), &first, &[header], &body).unwrap().status,
            200,
            "{header}"
        );
    }
    for header in [
        "Content-Type: multipart/form-data; boundary=x",
        "Content-Type: application/x-www-form-urlencoded",
        "Content-Type: Application/X-WWW-Form-Urlencoded; charset=utf-8",
        "Content-Encoding: gzip",
    ] {
        let answer = request(server.local_url(), &first, &[header], &body).unwrap();
        assert_eq!(answer.status, 415, "{header}");
        assert!(answer.json()["error"].is_string());
    }
    server.stop().await;
}

#[test]
fn the_payloads_are_read_as_the_types_say() {
    let payload: WebhookPayload = serde_json::from_value(dataset_commit()).unwrap();
    assert_eq!(payload.repo.head_sha.as_deref(), Some("2222222222222222222222222222222222222222"));
    let refs = payload.updated_refs.unwrap();
    assert_eq!(refs[1].ref_name, "refs/tags/v1");
    assert_eq!((refs[1].old_sha.as_deref(), refs[2].new_sha.as_deref()), (None, None));

    let payload: WebhookPayload = serde_json::from_value(pull_request_comment()).unwrap();
    let discussion = payload.discussion.unwrap();
    assert!(discussion.is_pull_request && discussion.status == "open");
    assert_eq!(discussion.changes.unwrap().base, "refs/heads/main");
    assert_eq!(payload.repo.head_sha, None);

    let payload: WebhookPayload = serde_json::from_value(bucket_files()).unwrap();
    let files = payload.updated_files.unwrap();
    assert_eq!(payload.repo.repo_type, "bucket");
    assert_eq!(files[0].size, Some(5_368_709_120));
    assert_eq!((files[1].xet_hash.as_deref(), files[1].action.as_str()), (None, "delete"));
    assert_eq!(payload.updated_files_truncated, Some(true));

    let mut config = dataset_commit();
    config["updatedConfig"] = json!({ "private": true });
    config["somethingNew"] = json!([{ "x": 1 }]);
    let payload: WebhookPayload = serde_json::from_value(config.clone()).unwrap();
    assert_eq!(payload.updated_config.as_ref().unwrap().private, Some(true));
    let back: Value = serde_json::to_value(&payload).unwrap();
    config.as_object_mut().unwrap().remove("somethingNew");
    assert_eq!(back, config);

    config["updatedConfig"] = json!({});
    let payload: WebhookPayload = serde_json::from_value(config.clone()).unwrap();
    assert_eq!(serde_json::to_value(&payload).unwrap(), config);
}
