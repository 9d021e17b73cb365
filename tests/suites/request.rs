//! A request's way: each row of the table, over a real socket.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on")]

use std::collections::HashMap;
use std::convert::Infallible;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use futures_util::{StreamExt, stream};
use serde::Deserialize;
use serde_json::{Value, json};
use tests::client::{PATIENCE, connect, exchange, head, post, read_answer, request};
use tests::payloads::{bucket_files, dataset_commit, pull_request_comment, with};
use webhooks_runtime::{
    HttpResponse, ServerHandle, WebhookPayload, WebhooksServer, web, webhook_endpoint,
};

#[webhook_endpoint]
async fn echo(payload: WebhookPayload) -> web::Json<WebhookPayload> {
    web::Json(payload)
}

#[webhook_endpoint]
async fn quiet() {}

#[derive(Deserialize)]
struct Shape {
    #[allow(dead_code, reason = "read by serde only")]
    rows: Vec<Row>,
}

#[derive(Deserialize)]
struct Row {
    #[allow(dead_code, reason = "read by serde only")]
    size: u8,
}

#[webhook_endpoint]
async fn shape(_: web::Json<Shape>) {}

#[webhook_endpoint]
async fn map(_: web::Json<HashMap<String, u8>>) {}

const SECRET: &str = "hush-hush";

/// Returns a server with the endpoints of this suite.
fn new_server() -> WebhooksServer {
    WebhooksServer::empty()
        .endpoint(echo::endpoint())
        .endpoint(quiet::endpoint())
        .endpoint(shape::endpoint())
        .endpoint(map::endpoint())
}

async fn open_server() -> ServerHandle {
    let server = new_server();
    let server = server.add_webhook("added", async |_: web::Json<HashMap<String, u8>>| ());
    server.port(0).workers(1).start().await.unwrap()
}

async fn guarded_server() -> ServerHandle {
    new_server().webhook_secret(SECRET).port(0).workers(1).start().await.unwrap()
}

// ---- the body

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

// ---- its size

#[tokio::test]
async fn a_body_over_the_limit_is_a_413_with_and_without_its_length() {
    let server = new_server().body_limit(1000).port(0).workers(1).start().await.unwrap();
    let url = server.local_url();
    let first = format!("POST {}", quiet::PATH);

    assert_eq!(request(url, &first, &[], &"x".repeat(1000)).unwrap().status, 200);
    let answer = request(url, &first, &[], &"x".repeat(1001)).unwrap();
    assert_eq!(answer.status, 413);
    assert!(answer.json()["error"].as_str().unwrap().contains("1000 bytes"));

    let chunk = format!("{:x}\r\n{}\r\n", 600, "x".repeat(600));
    let chunked = head(&first, &["Transfer-Encoding: chunked"]);
    assert_eq!(exchange(url, format!("{chunked}{chunk}0\r\n\r\n")).unwrap().status, 200);
    assert_eq!(exchange(url, format!("{chunked}{chunk}{chunk}0\r\n\r\n")).unwrap().status, 413);
    let chunk = format!("{:x}\r\n{}\r\n", 1001, "x".repeat(1001));
    assert_eq!(exchange(url, format!("{chunked}{chunk}0\r\n\r\n")).unwrap().status, 413);
    server.stop().await;
}

#[tokio::test]
async fn the_limit_holds_for_every_way_to_read_a_body_and_is_10_mib_by_default() {
    let server = WebhooksServer::empty()
        .add_webhook("bytes", async |body: web::Bytes| body.len().to_string())
        .add_webhook("text", async |body: String| body.len().to_string())
        .add_webhook("json", async |body: web::Json<String>| body.len().to_string())
        .port(0)
        .start()
        .await
        .unwrap();
    let limit = 10 * 1024 * 1024;
    let body = format!("\"{}\"", "x".repeat(limit - 2));
    for path in ["/webhooks/bytes", "/webhooks/text", "/webhooks/json"] {
        assert_eq!(post(server.local_url(), path, &body).unwrap().status, 200, "{path}");
        let answer = post(server.local_url(), path, &(body.clone() + " ")).unwrap();
        assert_eq!(answer.status, 413, "{path}");
    }
    server.stop().await;
}

#[tokio::test]
async fn the_largest_delivery_of_a_bucket_is_within_the_limit() {
    let file = |number: usize| {
        let step = format!("checkpoints/run-{:03}/global_step_{number:06}", number / 100);
        let path =
            format!("{step}/optimizer/rank_00/shard-{number:05}-of-10000.distcp.safetensors");
        let hash = format!("{number:064x}");
        json!({ "path": path, "action": "add", "xetHash": hash, "size": 1_000_000 + number })
    };
    let files: Vec<_> = (0..10_000).map(file).collect();
    let body = with(bucket_files(), "/updatedFiles", json!(files)).to_string();
    assert!(body.len() > 2 * 1024 * 1024, "{}", body.len());
    let count = async |payload: WebhookPayload| payload.updated_files.unwrap().len().to_string();
    let server = WebhooksServer::empty().add_webhook("count", count);
    let server = server.port(0).workers(1).start().await.unwrap();
    let answer = post(server.local_url(), "/webhooks/count", &body).unwrap();
    assert_eq!((answer.status, answer.body.as_str()), (200, "10000"));
    server.stop().await;
}

// ---- the secret

#[tokio::test]
async fn the_secret_is_asked_for() {
    let server = guarded_server().await;
    let first = format!("POST {}", quiet::PATH);
    let with_headers =
        |headers: &[&str]| request(server.local_url(), &first, headers, "{}").unwrap();

    let answer = with_headers(&[]);
    assert_eq!(answer.status, 401);
    assert_eq!(answer.body, r#"{"error":"x-webhook-secret header not set."}"#);

    for wrong in ["X-Webhook-Secret: no", "X-Webhook-Secret:", "X-Webhook-Secret: hush-husha"] {
        let answer = with_headers(&[wrong]);
        assert_eq!(answer.status, 403);
        assert_eq!(answer.body, r#"{"error":"Invalid webhook secret."}"#);
    }

    let right = format!("X-Webhook-Secret: {SECRET}");
    assert_eq!(with_headers(&[&right]).status, 200);
    assert_eq!(with_headers(&[&right, &right]).status, 400);
    assert_eq!(with_headers(&[&right, "x-webhook-secret: no"]).status, 400);
    server.stop().await;
}

#[tokio::test]
async fn a_wrong_secret_is_refused_before_the_body_is_read() {
    let server = guarded_server().await;
    let first = format!("POST {}", echo::PATH);
    for (secret, status) in [("X-None: 1", 401), ("X-Webhook-Secret: no", 403)] {
        for length in
            ["Content-Length: 100", "Content-Length: 1073741824", "Transfer-Encoding: chunked"]
        {
            // The head only: an answer can come without a byte of the body.
            let answer = exchange(server.local_url(), head(&first, &[secret, length])).unwrap();
            assert_eq!(answer.status, status, "{secret} {length}");
            // What is announced and not read cannot be told from the next request.
            let closes = length.starts_with("Content-Length").then_some("close");
            assert_eq!(answer.header("connection"), closes);
        }
    }
    // With the right one, the length that is announced is enough to refuse it.
    let right = format!("X-Webhook-Secret: {SECRET}");
    let announced = head(&first, &[&right, "Content-Length: 1073741824"]);
    assert_eq!(exchange(server.local_url(), announced).unwrap().status, 413);
    server.stop().await;
}

#[tokio::test]
async fn a_client_that_goes_on_sending_still_reads_its_refusal() {
    let server = guarded_server().await;
    let body = "x".repeat(8 * 1024 * 1024);
    let length = format!("Content-Length: {}", body.len());
    let mut stream = connect(server.local_url()).unwrap();
    let announced = head(&format!("POST {}", echo::PATH), &[&length]);
    let mut writer = stream.try_clone().unwrap();
    let sending = std::thread::spawn(move || {
        // The server may close while this is under way.
        let _ =
            writer.write_all(announced.as_bytes()).and_then(|()| writer.write_all(body.as_bytes()));
    });
    assert_eq!(read_answer(&mut stream).unwrap().status, 401);
    drop(stream);
    server.stop().await;
    sending.join().unwrap();
}

// ---- the route

#[tokio::test]
async fn only_posts_are_taken() {
    let server = guarded_server().await;
    for method in ["GET", "PUT", "DELETE", "OPTIONS", "PATCH"] {
        let first = format!("{method} {}", echo::PATH);
        let answer = exchange(server.local_url(), head(&first, &[])).unwrap();
        assert_eq!((answer.status, answer.header("allow")), (405, Some("POST")), "{method}");
        assert!(answer.json()["error"].is_string());
    }
    server.stop().await;
}

#[tokio::test]
async fn an_unknown_endpoint_is_a_404_that_does_not_repeat_it() {
    let server = open_server().await;
    for path in [
        "/webhooks/s3cret",
        "/webhooks",
        "/webhooks/",
        "/s3cret",
        "/webhooks/echo/more",
        "//webhooks/echo",
    ] {
        let answer = post(server.local_url(), path, "{}").unwrap();
        assert_eq!(answer.status, 404, "{path}");
        assert!(answer.json()["error"].is_string(), "{answer:?}");
        assert!(!answer.body.contains("s3cret"));
    }
    server.stop().await;
}

#[tokio::test]
async fn a_slash_at_the_end_is_the_endpoint() {
    let server = open_server().await;
    let body = dataset_commit().to_string();
    for path in ["/webhooks/echo", "/webhooks/echo/", "/webhooks/echo?x=1", "/webhooks/echo/?x=1"] {
        assert_eq!(post(server.local_url(), path, &body).unwrap().status, 200, "{path}");
    }
    server.stop().await;
}

#[tokio::test]
async fn each_of_a_thousand_endpoints_is_found() {
    let server = (0..1000).fold(WebhooksServer::empty(), |server, n| {
        server.add_webhook(&format!("/hook_{n}"), move || async move { n.to_string() })
    });
    let server = server.port(0).start().await.unwrap();
    for n in [0, 1, 499, 998, 999] {
        let answer = post(server.local_url(), &format!("/webhooks/hook_{n}"), "{}").unwrap();
        assert_eq!((answer.status, answer.body), (200, n.to_string()));
    }
    assert_eq!(post(server.local_url(), "/webhooks/hook_1000", "{}").unwrap().status, 404);
    server.stop().await;
}

// ---- slow clients

/// A server that waits a second for a client, and how long it may take until it has cut one off.
async fn impatient_server() -> (ServerHandle, Duration) {
    let server = new_server().request_timeout(Duration::from_secs(1));
    (server.port(0).workers(1).start().await.unwrap(), Duration::from_secs(10))
}

/// Sends `drop` ten times a second until `limit` or until nobody takes it.
fn trickle(stream: &TcpStream, drop: &str, limit: Duration) -> JoinHandle<()> {
    let (mut stream, drop) = (stream.try_clone().unwrap(), drop.to_owned());
    let end = Instant::now() + limit;
    std::thread::spawn(move || {
        while Instant::now() < end && stream.write_all(drop.as_bytes()).is_ok() {
            std::thread::sleep(Duration::from_millis(100));
        }
    })
}

fn close(stream: &TcpStream, trickling: Option<JoinHandle<()>>) {
    let _ = stream.shutdown(Shutdown::Both);
    trickling.into_iter().for_each(|thread| thread.join().unwrap());
}

#[tokio::test]
async fn a_head_that_stops_half_way_or_trickles_is_cut_off() {
    let (server, limit) = impatient_server().await;
    for trickles in [false, true] {
        let started = Instant::now();
        let mut stream = connect(server.local_url()).unwrap();
        stream.write_all(b"POST /webhooks/quiet HTTP/1.1\r\nHost: lo").unwrap();
        let trickling = trickles.then(|| trickle(&stream, "x", limit));
        let mut rest = Vec::new();
        // An answer or none, but an end.
        let _ = stream.read_to_end(&mut rest);
        assert!(started.elapsed() < limit, "{:?}", started.elapsed());
        close(&stream, trickling);
    }
    server.stop().await;
}

#[tokio::test]
async fn whoever_holds_a_connection_without_a_request_is_cut_off() {
    let server = new_server().webhook_secret(SECRET);
    let server = server.request_timeout(Duration::from_secs(1)).port(0).start().await.unwrap();
    let served =
        head("POST /webhooks/quiet", &["X-Webhook-Secret: hush-hush", "Content-Length: 0"]);
    let half_a_head = "POST /webhooks/quiet HTTP/1.1\r\nHost: lo".to_owned();
    let chunked = |path: &str| head(&format!("POST {path}"), &["Transfer-Encoding: chunked"]);
    let chunk = "1\r\nx\r\n".to_owned();
    let cases = [
        ("silent", "", String::new(), String::new()),
        ("a later head that stops", "", served.clone(), half_a_head.clone()),
        ("a later head that trickles", "x", served, half_a_head),
        ("a refused body that trickles", chunk.as_str(), chunked("/webhooks/quiet"), String::new()),
        ("a refused body that stops", "", chunked("/webhooks/quiet") + &chunk, String::new()),
        ("a body nobody asked for", chunk.as_str(), chunked("/nowhere"), String::new()),
    ]
    .map(|(name, drop, first, then)| (name, drop.to_owned(), first, then));
    let started = Instant::now();
    let clients = cases.map(|(name, drop, first, then)| {
        let mut stream = connect(server.local_url()).unwrap();
        std::thread::spawn(move || {
            stream.write_all(first.as_bytes()).unwrap();
            if !then.is_empty() {
                assert_eq!(read_answer(&mut stream).unwrap().status, 200);
                stream.write_all(then.as_bytes()).unwrap();
            }
            let trickling = (!drop.is_empty()).then(|| trickle(&stream, &drop, PATIENCE));
            let mut rest = Vec::new();
            // An error is an end as well, but for the one that says that none came.
            let ended = stream.read_to_end(&mut rest);
            let timed_out = ended.is_err_and(|error| error.kind() == ErrorKind::WouldBlock);
            assert!(!timed_out && started.elapsed() < PATIENCE, "{name}: {:?}", started.elapsed());
            close(&stream, trickling);
        })
    });
    for client in clients {
        client.join().unwrap();
    }
    server.stop().await;
}

#[tokio::test]
async fn who_waits_for_an_answer_is_not_cut_off() {
    /// Longer than an idle connection may last.
    const SECONDS: usize = 8;
    async fn slow() -> &'static str {
        tokio::time::sleep(Duration::from_secs(SECONDS as u64)).await;
        "done"
    }
    async fn streamed() -> HttpResponse {
        let pieces = stream::iter(0..SECONDS).then(async |_| {
            tokio::time::sleep(Duration::from_secs(1)).await;
            Ok::<_, Infallible>(web::Bytes::from_static(b"x"))
        });
        HttpResponse::Ok().streaming(pieces)
    }
    let server =
        WebhooksServer::empty().add_webhook("slow", slow).add_webhook("streamed", streamed);
    let server = server.request_timeout(Duration::from_secs(1)).port(0).start().await.unwrap();
    let url = server.local_url().to_owned();
    let answered = std::thread::spawn(move || post(&url, "/webhooks/slow", "{}").unwrap().body);
    let mut stream = connect(server.local_url()).unwrap();
    let asked = head("POST /webhooks/streamed", &["Content-Length: 0", "Connection: close"]);
    stream.write_all(asked.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert_eq!(answer.matches("\r\n1\r\nx").count(), SECONDS, "{answer}");
    assert!(answer.ends_with("\r\n0\r\n\r\n"), "{answer}");
    assert_eq!(answered.join().unwrap(), "done");
    server.stop().await;
}

#[tokio::test]
async fn a_body_that_trickles_is_cut_off() {
    let (server, limit) = impatient_server().await;
    let started = Instant::now();
    let mut stream = connect(server.local_url()).unwrap();
    let announced = head("POST /webhooks/quiet", &["Content-Length: 1000"]);
    stream.write_all(announced.as_bytes()).unwrap();
    let trickling = trickle(&stream, "x", limit);
    let answer = read_answer(&mut stream).unwrap();
    assert_eq!(answer.status, 408);
    assert!(answer.json()["error"].is_string());
    assert!(started.elapsed() < limit, "{:?}", started.elapsed());
    close(&stream, Some(trickling));
    // The one worker is free for others.
    assert_eq!(post(server.local_url(), quiet::PATH, "{}").unwrap().status, 200);
    server.stop().await;
}

#[tokio::test]
async fn a_request_to_upgrade_ends_at_its_content_length_and_closes_the_connection() {
    let server = open_server().await;
    for path in ["/webhooks/map", "/webhooks/added"] {
        let mut stream = connect(server.local_url()).unwrap();
        let headers = ["Connection: Upgrade", "Upgrade: websocket", "Content-Length: 7"];
        // What follows is no request: the connection ends.
        let bytes = head(&format!("POST {path}"), &headers) + "{\"a\":1}" + "GET / HTTP/1.1";
        stream.write_all(bytes.as_bytes()).unwrap();
        let answer = read_answer(&mut stream).unwrap();
        assert_eq!(
            (answer.status, answer.header("connection")),
            (200, Some("close")),
            "{answer:?}"
        );
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).unwrap();
        assert_eq!(rest, b"");
        // In pieces, too.
        let mut stream = connect(server.local_url()).unwrap();
        let (first, second) = bytes[..bytes.len() - 14].split_at(bytes.len() - 18);
        stream.write_all(first.as_bytes()).unwrap();
        std::thread::sleep(Duration::from_millis(100));
        stream.write_all(second.as_bytes()).unwrap();
        assert_eq!(read_answer(&mut stream).unwrap().status, 200);
    }
    server.stop().await;
}

#[tokio::test]
async fn a_connection_serves_one_request_after_the_other() {
    let server = open_server().await;
    let mut stream = connect(server.local_url()).unwrap();
    for n in 0..5 {
        // Refused ones in between don't close it, unless there is a body that isn't read.
        let bytes = if n % 2 == 0 {
            head("POST /webhooks/quiet", &["Content-Length: 2"]) + "{}"
        } else {
            head("POST /webhooks/none", &["Content-Length: 0"])
        };
        stream.write_all(bytes.as_bytes()).unwrap();
        let status = read_answer(&mut stream).unwrap().status;
        assert_eq!(status, if n % 2 == 0 { 200 } else { 404 });
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

// ---- pages of other sites

#[tokio::test]
async fn without_a_secret_pages_of_other_sites_call_no_endpoint() {
    let server = open_server().await;
    let url = server.local_url();
    let port = url.rsplit(':').next().unwrap();
    let call = |headers: &[&str]| {
        let lines: String = headers.iter().map(|line| format!("{line}\r\n")).collect();
        let host = if headers.iter().any(|line| line.starts_with("Host:")) {
            ""
        } else {
            "Host: localhost\r\n"
        };
        let head =
            format!("POST /webhooks/quiet HTTP/1.1\r\n{host}{lines}Content-Length: 2\r\n\r\n{{}}");
        exchange(url, head).unwrap()
    };
    let rebound = format!("evil.example:{port}");
    let (origin, host) = (format!("Origin: http://{rebound}"), format!("Host: {rebound}"));
    for headers in [
        &["Sec-Fetch-Site: cross-site", "Content-Type: text/plain"][..],
        &["Sec-Fetch-Site: same-site"],
        &["Origin: https://evil.example"],
        &["Origin: null"],
        // Its own name, pointed at this server.
        &[&origin, &host],
    ] {
        let answer = call(headers);
        assert_eq!(answer.status, 403, "{headers:?}");
        assert!(answer.body.contains("no webhook secret is set"), "{answer:?}");
    }
    let own = [format!("Origin: {url}"), format!("Origin: http://localhost:{port}")];
    for headers in [
        // The Hub, curl and tunnels, whatever their host.
        &[][..],
        &["Host: 4f6e1f65055263866d.gradio.live"],
        &[&host],
        &[&own[0], "Sec-Fetch-Site: same-origin"],
        &[&own[1]],
    ] {
        assert_eq!(call(headers).status, 200, "{headers:?}");
    }
    server.stop().await;

    // The secret decides where there is one.
    let server = guarded_server().await;
    let headers = ["Sec-Fetch-Site: cross-site", &format!("X-Webhook-Secret: {SECRET}")[..]];
    let answer = request(server.local_url(), "POST /webhooks/quiet", &headers, "{}").unwrap();
    assert_eq!(answer.status, 200);
    server.stop().await;
}

#[tokio::test]
async fn what_a_function_returns_is_confined_in_a_browser() {
    let server = new_server().webhook_secret(SECRET);
    let server = server.add_webhook("html", async || web::Html::new("<script>alert(1)</script>"));
    let server = server.add_webhook("own", async || {
        HttpResponse::Ok()
            .insert_header(("content-security-policy", "default-src 'self'"))
            .insert_header(("x-content-type-options", "none"))
            .finish()
    });
    let server = server.port(0).workers(1).start().await.unwrap();
    let url = server.local_url();
    let secret = format!("X-Webhook-Secret: {SECRET}");
    for (first, headers) in [
        ("POST /webhooks/html", &[secret.as_str()][..]),
        ("POST /webhooks/own", &[&secret]),
        ("POST /webhooks/html", &[]),
        ("POST /webhooks/nothing", &[&secret]),
        ("GET /webhooks/html", &[]),
    ] {
        let answer = request(url, first, headers, "").unwrap();
        let lines: Vec<_> = answer.head.lines().map(str::to_ascii_lowercase).collect();
        assert!(lines.iter().any(|line| line == "content-security-policy: sandbox"), "{answer:?}");
        let sniffing = lines.iter().filter(|line| line.starts_with("x-content-type-options"));
        assert_eq!(sniffing.collect::<Vec<_>>(), ["x-content-type-options: nosniff"], "{first}");
        let own = lines.iter().any(|line| line == "content-security-policy: default-src 'self'");
        assert_eq!(own, first.ends_with("own"));
    }
    server.stop().await;
}

#[tokio::test]
async fn a_printed_request_shows_no_secret_of_its_query() {
    async fn print(request: webhooks_runtime::HttpRequest) -> String {
        format!("{} {request:?}", request.uri())
    }
    let server = WebhooksServer::empty().add_webhook("print", print).webhook_secret(SECRET);
    let server = server.secret_in_query(true).port(0).workers(1).start().await.unwrap();
    let url = server.local_url();
    let call = |query: &str, headers: &[&str]| {
        request(url, &format!("POST /webhooks/print?{query}"), headers, "").unwrap()
    };
    for query in [
        format!("a=%2F+b&secret={SECRET}&c"),
        "a=%2F+b&s%65cret=hush%2Dhush&c".to_owned(),
        format!("secret={SECRET}"),
    ] {
        let answer = call(&query, &[]);
        assert_eq!(answer.status, 200, "{query}");
        assert!(!answer.body.contains("hush"), "{answer:?}");
        let rest =
            if query.starts_with('a') { "/webhooks/print?a=%2F+b&c " } else { "/webhooks/print " };
        assert!(answer.body.starts_with(rest), "{answer:?}");
    }
    // The header decides, and what is in the query isn't shown either.
    let header = format!("X-Webhook-Secret: {SECRET}");
    let answer = call("secret=hush-other", &[&header]);
    assert!(answer.status == 200 && !answer.body.contains("hush"), "{answer:?}");
    assert_eq!(call(&format!("secret={SECRET}"), &["X-Webhook-Secret: guessed"]).status, 403);
    assert_eq!(call(&format!("secret={SECRET}&secret={SECRET}"), &[]).status, 400);
    for wrong in ["secret=guessed", "secret=%0A", "secret="] {
        assert_eq!(call(wrong, &[]).status, 403, "{wrong}");
    }
    assert_eq!(call("a=b", &[]).status, 401);
    server.stop().await;
}
