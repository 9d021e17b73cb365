//! Which requests reach an endpoint.

use tests::client::{exchange, head, post};
use tests::payloads::dataset_commit;
use webhooks_runtime::WebhooksServer;

use super::{echo, guarded_server, open_server};

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
