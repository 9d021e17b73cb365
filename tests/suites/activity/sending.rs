//! Deliveries that are sent from the page.

use std::io::Write;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;
use tests::client::{BY_SCRIPT, PATIENCE, Viewer, connect, head, read_answer, request};
use webhooks_runtime::{WebhooksServer, actix_web};

use super::{new_server, serve};

#[tokio::test]
async fn a_delivery_is_sent_again_as_it_was_without_its_secret() {
    let server = serve(new_server().webhook_secret("hush")).await;
    let url = server.local_url();
    let viewer = Viewer::open(server.activity_url());
    let headers = ["Webhook-Id: an-id", "X-Webhook-Secret: hush"];
    request(url, "POST /webhooks/echo", &headers, "body").unwrap();
    let again = |headers: &[&str]| viewer.request("POST /activity/1/again", headers, "").unwrap();

    let by_script = again(&["Sec-Fetch-Site: same-origin", "Accept: application/json"]);
    assert_eq!(by_script.json(), json!({ "number": 2, "status": 200 }));
    let by_form = again(&["Origin: http://localhost"]);
    assert_eq!((by_form.status, by_form.header("location")), (303, Some("../3")));
    for number in [2, 3] {
        let detail = viewer.get(&format!("/activity/{number}/detail")).unwrap().body;
        assert!(detail.contains("Some(&quot;an-id&quot;) 4"), "{detail}");
    }

    // Not at the word of another site, nor for who may not look.
    for headers in [
        &["Sec-Fetch-Site: cross-site"][..],
        &["Sec-Fetch-Site: same-site", "Origin: http://localhost"],
        &["Origin: https://evil.example"],
        &["Origin: null"],
        &[],
    ] {
        assert_eq!(again(headers).status, 403, "{headers:?}");
    }
    let outside = request(url, "POST /activity/1/again", &BY_SCRIPT, "").unwrap();
    assert_eq!(outside.status, 404);
    assert_eq!(viewer.get("/activity/4").unwrap().status, 404, "nothing was sent");
    server.stop().await;
}

#[tokio::test]
async fn what_is_sent_from_here_has_the_query_and_nothing_of_the_visitor() {
    let server = serve(new_server().secret_in_query(true)).await;
    let url = server.local_url();
    let viewer = Viewer::open(server.activity_url());
    let id = "x".repeat(250);
    let headers = [&format!("Webhook-Id: {id}")[..]];
    request(url, "POST /webhooks/cookies?project=a%26b&secret=hush", &headers, "{}").unwrap();
    viewer.request("POST /activity/1/again", &BY_SCRIPT, "").unwrap();
    let sent = viewer.get("/activity/2/detail").unwrap().body;
    assert!(sent.contains("[] project=a%26b<") && sent.contains(&id), "{sent}");
    assert!(!sent.contains("hush"));

    let fields = "endpoint=%2Fwebhooks%2Fcookies&sample=own&payload=body&do=send";
    let form = ["Sec-Fetch-Site: same-origin"];
    let page = viewer.request("POST /trigger", &form, fields).unwrap().body;
    assert!(page.contains("<code>[]</code>") && page.contains("id=\"activity\""), "{page}");
    server.stop().await;
}

/// What the requests were that a task kept, when it looked at them at last.
static SEEN: Mutex<Vec<String>> = Mutex::new(Vec::new());
static CAN_LOOK: AtomicBool = AtomicBool::new(false);

#[tokio::test]
async fn a_function_may_keep_its_request_and_nothing_changes_in_it() {
    async fn keeps(request: webhooks_runtime::HttpRequest) {
        actix_web::rt::spawn(async move {
            while !CAN_LOOK.load(Ordering::Relaxed) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            let content = request.headers().get("content-type").unwrap().to_str().unwrap();
            SEEN.lock().unwrap().push(format!("{} {content}", request.uri()));
        });
    }
    let server = WebhooksServer::empty().add_webhook("keeps", keeps).secret_in_query(true);
    let server = serve(server.webhook_secret("hush")).await;
    let viewer = Viewer::open(server.activity_url());
    let mut stream = connect(server.local_url()).unwrap();
    let mut exchange = |first: &str, headers: &[&str], body: &str| {
        let length = format!("Content-Length: {}", body.len());
        let headers: Vec<_> = headers.iter().copied().chain([&*length]).collect();
        stream.write_all((head(first, &headers) + body).as_bytes()).unwrap();
        read_answer(&mut stream).unwrap()
    };
    let by_viewer = [BY_SCRIPT[0], BY_SCRIPT[1], &viewer.cookie];
    let json = ["Content-Type: application/json"];
    let fields = "endpoint=%2Fwebhooks%2Fkeeps&sample=own&payload=body&secret=hush&do=send";
    // On one connection, which uses what it keeps of a request for the next one.
    for number in [1, 4] {
        let direct = exchange("POST /webhooks/keeps?secret=hush&a=1", &json, "{}");
        assert_eq!(direct.status, 200);
        assert_eq!(exchange("POST /trigger", &by_viewer, fields).json()["status"], 200);
        let again = exchange(&format!("POST /activity/{number}/again"), &by_viewer, "");
        assert_eq!(again.json(), json!({ "number": number + 2, "status": 200 }));
    }
    CAN_LOOK.store(true, Ordering::Relaxed);
    let started = Instant::now();
    while SEEN.lock().unwrap().len() < 6 && started.elapsed() < PATIENCE {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let mut seen = SEEN.lock().unwrap().clone();
    seen.sort();
    let (direct, form) =
        ("/webhooks/keeps?a=1 application/json", "/webhooks/keeps application/json");
    assert_eq!(seen, [form, form, direct, direct, direct, direct]);
    server.stop().await;
}

#[tokio::test]
async fn a_form_of_another_site_is_refused_unread_and_a_slow_one_is_not_waited_for() {
    let limit = Duration::from_millis(300);
    let server = serve(new_server().webhook_secret("hush").request_timeout(limit)).await;
    let url = server.local_url();
    let viewer = Viewer::open(server.activity_url());
    for (origin, status) in
        [("Origin: https://evil.example", 403), ("Origin: http://localhost", 400)]
    {
        let mut stream = connect(url).unwrap();
        let headers = ["Content-Length: 1000", origin, &viewer.cookie];
        let head = head("POST /trigger", &headers) + "end";
        stream.write_all(head.as_bytes()).unwrap();
        let answer = read_answer(&mut stream).unwrap();
        assert_eq!(answer.status, status, "{origin}");
    }
    server.stop().await;

    let server = serve(new_server().body_limit(10_000)).await;
    let viewer = Viewer::open(server.activity_url());
    let large = format!("payload={}", "x".repeat(50_000));
    let page = ["Sec-Fetch-Site: same-origin"];
    assert_eq!(viewer.request("POST /trigger", &page, &large).unwrap().status, 400);
    server.stop().await;
}

#[tokio::test]
async fn the_form_sends_a_delivery_on_only_for_this_page() {
    let server = serve(new_server().webhook_secret("hush")).await;
    let url = server.local_url();
    let viewer = Viewer::open(server.activity_url());
    let form = "Content-Type: application/x-www-form-urlencoded";
    let send = |origin: &str, fields: &str| {
        viewer.request("POST /trigger", &[form, origin], fields).unwrap()
    };
    let fields = |secret: &str| {
        format!("endpoint=%2Fwebhooks%2Fecho&sample=own&payload=body&secret={secret}&do=send")
    };
    let page = "Sec-Fetch-Site: same-origin";
    let right = send(page, &fields("hush"));
    assert!(right.status == 200 && right.body.contains(") 4</code>"), "{}", right.body);
    assert!(!right.body.contains("hush"));
    assert!(send(page, &fields("guessed")).body.contains("403 Forbidden"));
    assert!(send(page, &fields("")).body.contains("401 Unauthorized"));
    let nowhere = "endpoint=%2Fnowhere&sample=own&payload=body&do=send";
    assert!(send(page, nowhere).body.contains("404 Not Found"));
    for odd in [
        "endpoint=http%3A%2F%2Fevil.example&sample=own&payload=x&do=send",
        "endpoint=&sample=&payload=&do=send",
    ] {
        let answer = send(page, odd);
        assert!(answer.body.contains("There is no such endpoint."), "{}", answer.body);
    }
    assert_eq!(send(page, "what").status, 400);
    // The page's script gets JSON.
    let sent = viewer.request("POST /trigger", &BY_SCRIPT, &fields("hush")).unwrap().json();
    assert_eq!((&sent["status"], &sent["reason"]), (&json!(200), &json!("OK")));
    assert!(sent["body"].as_str().unwrap().ends_with(") 4"), "{sent}");
    // Nobody sends anything from the page who hasn't opened it with the token.
    let stranger = request(url, "POST /trigger", &[form, page], &fields("hush")).unwrap();
    assert_eq!(stranger.status, 403, "{stranger:?}");
    assert_eq!(send("Sec-Fetch-Site: cross-site", &fields("hush")).status, 403);
    assert_eq!(send("Origin: https://evil.example", &fields("hush")).status, 403);
    let loaded = "endpoint=%2Fwebhooks%2Fecho&sample=tag-deleted&payload=&do=load";
    assert!(send(page, loaded).body.contains("refs/tags/v1.0"));
    server.stop().await;
}
