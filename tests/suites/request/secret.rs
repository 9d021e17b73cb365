//! The secret, which is checked before the body is read.

use std::io::Write;

use tests::client::{connect, exchange, head, read_answer, request};

use super::{SECRET, echo, guarded_server, quiet};

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
