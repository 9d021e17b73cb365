//! The limit of the body.

use serde_json::json;
use tests::client::{exchange, head, post, request};
use tests::payloads::{bucket_files, with};
use webhooks_runtime::{WebhookPayload, WebhooksServer, web};

use super::{new_server, quiet};

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
