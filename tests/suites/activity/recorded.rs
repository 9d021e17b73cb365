//! What is recorded of a delivery.

use tests::client::{Viewer, get, request};

use super::{deliver, new_server, payload, serve};

#[tokio::test]
async fn a_delivery_is_kept_with_all_that_tells_of_it() {
    let server = serve(new_server().webhook_secret("hush")).await;
    let url = server.local_url();
    let viewer = Viewer::open(server.activity_url());
    let headers = ["Webhook-Id: an-id", "X-Webhook-Secret: hush"];
    request(url, "POST /webhooks/train", &headers, &payload("me/data")).unwrap();
    request(url, "POST /webhooks/train", &headers, "{ not json").unwrap();
    request(url, "POST /webhooks/train", &["X-Webhook-Secret: guessed"], &payload("me/x")).unwrap();
    request(url, "POST /webhooks/stream", &headers, "{}").unwrap();
    // Not a delivery.
    get(url, "/webhooks/train").unwrap();
    let page = viewer.get("/").unwrap().body;
    assert_eq!(page.matches("data-number=").count(), 4);
    let detail = |number: u64| viewer.get(&format!("/activity/{number}/detail")).unwrap().body;
    let first = detail(1);
    for part in [
        "an-id",
        "/webhooks/train",
        "200 OK",
        "&quot;name&quot;: &quot;me/data&quot;",
        "training_on",
    ] {
        assert!(first.contains(part), "{part}: {first}");
    }
    assert!(detail(2).contains("{ not json") && detail(2).contains("422"));
    let refused = detail(3);
    assert!(refused.contains("403") && refused.contains("rejected before its payload was read"));
    assert!(!refused.contains("Send again") && !refused.contains("me/x"));
    assert!(detail(4).contains("The response is a stream"));
    for answer in [page, first, refused] {
        assert!(!answer.contains("hush") && !answer.contains("guessed"));
    }
    assert_eq!(viewer.get("/activity/5/detail").unwrap().status, 404);
    server.stop().await;
}

#[tokio::test]
async fn a_body_above_64_kib_is_cut_and_not_sent_again() {
    let server = serve(new_server()).await;
    let url = server.local_url();
    let viewer = Viewer::open(server.activity_url());
    deliver(url, "echo", &"x".repeat(64 * 1024));
    deliver(url, "echo", &"x".repeat(64 * 1024 + 1));
    assert!(viewer.get("/activity/1").unwrap().body.contains("Send again"));
    let cut = viewer.get("/activity/2").unwrap().body;
    assert!(
        cut.contains("Truncated: the first 65536 of 65537 bytes.") && !cut.contains("Send again<")
    );
    let again =
        viewer.request("POST /activity/2/again", &["Sec-Fetch-Site: same-origin"], "").unwrap();
    assert_eq!(again.status, 409);
    server.stop().await;
}

#[tokio::test]
async fn rejected_requests_push_out_no_delivery_and_are_small() {
    let server = serve(new_server().webhook_secret("hush")).await;
    let url = server.local_url();
    let viewer = Viewer::open(server.activity_url());
    let (large, small) = (payload(&"x".repeat(60_000)), payload("me/data"));
    for number in 0..150 {
        let headers = ["X-Webhook-Secret: hush", &format!("Webhook-Id: real-{number}")[..]];
        let body = if number < 50 { &large } else { &small };
        request(url, "POST /webhooks/train", &headers, body).unwrap();
    }
    let id = format!("Webhook-Id: {}", "i".repeat(60_000));
    let first = format!("POST /webhooks/train?{}", "q".repeat(60_000));
    for _ in 0..100 {
        let rejected = request(url, &first, &[&id], "{}").unwrap();
        assert_eq!(rejected.status, 401, "{rejected:?}");
    }
    let page = viewer.get("/?all=true").unwrap().body;
    for number in 0..150 {
        assert!(page.contains(&format!(">real-{number}<")), "{number}");
    }
    assert!(page.contains(&"i".repeat(100)) && !page.contains(&"i".repeat(1000)));
    assert!(page.len() < 500_000, "{}", page.len());
    server.stop().await;
}
