//! The page over a socket: its headers, its files, and what may stand in its place.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on")]

use std::io::{Read, Write};
use std::sync::atomic::{AtomicU64, Ordering};

use tests::client::{Viewer, connect, get, head, request};
use tests::program::Program;
use tests::programs::background;
use webhooks_runtime::maud::{Markup, PreEscaped};
use webhooks_runtime::{
    Block, Blocks, HttpRequest, PageContext, ServerHandle, WebhooksServer, web, webhook_endpoint,
};

/// Trains when a dataset changes.
///
/// <script>document.title = "<b>owned</b>"</script> & "quotes"
#[webhook_endpoint]
async fn trigger_training() {}

/// Has a long name.
#[webhook_endpoint]
async fn an_endpoint_with_a_rather_long_name_that_has_to_fit_on_a_telephone_as_well() {}

/// Returns a server with the endpoints of this suite.
fn new_server() -> WebhooksServer {
    WebhooksServer::empty().endpoint(trigger_training::endpoint()).endpoint(
        an_endpoint_with_a_rather_long_name_that_has_to_fit_on_a_telephone_as_well::endpoint(),
    )
}

async fn serve(server: WebhooksServer) -> ServerHandle {
    server.port(0).workers(1).start().await.unwrap()
}

#[tokio::test]
async fn the_page_lists_every_endpoint_with_all_there_is_to_know() {
    let server = serve(new_server()).await;
    let page = get(server.local_url(), "/").unwrap();
    assert_eq!(page.status, 200);
    let mut probe = connect(server.local_url()).unwrap();
    probe.write_all(head("HEAD /", &["Connection: close"]).as_bytes()).unwrap();
    let mut answer = String::new();
    probe.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("\r\n\r\n"), "{answer}");
    let url = format!("{}/webhooks/trigger_training<", server.local_url());
    for part in [&url, "Trains when a dataset changes.", "Open to everyone"] {
        assert!(page.body.contains(part), "{part}: {}", page.body);
    }
    // Where the source is concerns nobody but the developer.
    assert!(!page.body.contains("page.rs") && !page.body.contains("defined in"), "{}", page.body);
    let page = Viewer::open(server.activity_url()).get("/").unwrap();
    assert!(page.body.contains("suites/page.rs:"), "{}", page.body);
    server.stop().await;

    let server = serve(new_server().webhook_secret("hush")).await;
    let page = get(server.local_url(), "/").unwrap().body;
    assert!(page.contains("Secret required") && !page.contains("Open to everyone"));
    assert!(!page.contains("hush"));
    server.stop().await;
}

#[tokio::test]
async fn nothing_on_the_page_is_inline_or_from_elsewhere() {
    let server = serve(new_server()).await;
    let url = server.local_url();
    let page = get(url, "/").unwrap();
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none';"), "{policy}");
    assert!(policy.contains("frame-ancestors 'none'") && !policy.contains("unsafe"), "{policy}");
    assert_eq!(page.header("x-content-type-options"), Some("nosniff"));
    assert!(!page.body.contains("<style") && !page.body.contains(" style="));
    let quoted = |from: &str| -> Vec<String> {
        let ends = page.body.match_indices(from).map(|(at, _)| &page.body[at + from.len()..]);
        ends.map(|rest| rest.split('"').next().unwrap().to_owned()).collect()
    };
    let files: Vec<_> = [
        quoted("src=\""),
        quoted("<link rel=\"stylesheet\" href=\""),
        quoted("<link rel=\"icon\" href=\""),
    ]
    .concat();
    assert!(files.len() >= 3, "{files:?}");
    for file in files {
        assert!(file.starts_with("./assets/"), "{file}");
        assert_eq!(get(url, &file[1..]).unwrap().status, 200, "{file}");
    }
    server.stop().await;
}

#[tokio::test]
async fn any_handler_replaces_the_page() {
    async fn page(request: HttpRequest) -> web::Html {
        web::Html::new(format!("<h1>mine</h1>{}", request.path()))
    }
    let server = serve(new_server().ui(page)).await;
    let answer = get(server.local_url(), "/").unwrap();
    assert_eq!((answer.status, answer.body.as_str()), (200, "<h1>mine</h1>/"));
    let blocks = serve(new_server()).await;
    let whole = get(blocks.local_url(), "/").unwrap().body;
    let style =
        whole.split("rel=\"stylesheet\" href=\"").nth(1).unwrap().split('"').next().unwrap();
    let style = &style[1..];
    assert_eq!(get(blocks.local_url(), style).unwrap().status, 200);
    blocks.stop().await;
    for path in [style, "/events", "/activity/1", "/samples/dataset-commit"] {
        assert_eq!(get(server.local_url(), path).unwrap().status, 404, "{path}");
    }
    server.stop().await;
}

/// A block that is another one each time.
struct Visits(AtomicU64);

impl Block for Visits {
    fn render(&self, context: &PageContext<'_>) -> Markup {
        let number = self.0.fetch_add(1, Ordering::Relaxed);
        let (paths, private) = (context.paths().count(), context.may_see_deliveries());
        PreEscaped(format!("<p>{number} {} {paths} {private}</p>", context.base_url()))
    }
}

#[tokio::test]
async fn a_block_of_ones_own_is_made_anew_for_each_visit() {
    let ui = Blocks::new().endpoints().block(Visits(AtomicU64::new(1)));
    let server = WebhooksServer::empty().endpoint(trigger_training::endpoint());
    let server = serve(server.ui(ui)).await;
    let url = server.local_url();
    let viewer = Viewer::open(server.activity_url());
    for number in 1..=2 {
        let page = viewer.get("/").unwrap().body;
        assert!(page.contains(&format!("<p>{number} {url} 1 true</p>")), "{page}");
        // The addresses are kept up to date where no deliveries are shown, too.
        assert!(page.contains(" data-live>") && !page.contains("id=\"activity\""), "{page}");
    }
    let outside = get(url, "/").unwrap().body;
    assert!(outside.contains(&format!("<p>3 {url} 1 false</p>")), "{outside}");
    assert!(!outside.contains("data-live"));
    server.stop().await;
}

#[tokio::test]
async fn routes_of_ones_own_stand_beside_the_endpoints() {
    let server = serve(new_server().data(7_u8).configure(|app| {
        app.route("/seven", web::get().to(async |seven: web::Data<u8>| seven.to_string()));
    }))
    .await;
    assert_eq!(get(server.local_url(), "/seven").unwrap().body, "7");
    let answer = request(server.local_url(), "POST /webhooks/trigger_training", &[], "{}").unwrap();
    assert_eq!(answer.status, 200);
    server.stop().await;
}

#[tokio::test]
async fn a_browser_keeps_the_files_for_good_and_is_told_when_it_has_one() {
    let server = serve(new_server()).await;
    let url = server.local_url();
    let page = get(url, "/").unwrap().body;
    let style = page.split("rel=\"stylesheet\" href=\"").nth(1).unwrap().split('"').next().unwrap();
    let style = &style[1..];
    let file = get(url, style).unwrap();
    assert_eq!(file.header("cache-control"), Some("public, max-age=31536000, immutable"));
    assert_eq!(file.header("x-content-type-options"), Some("nosniff"));
    let tag = format!("If-None-Match: {}", file.header("etag").unwrap());
    let known = request(url, &format!("GET {style}"), &[&tag], "").unwrap();
    assert_eq!((known.status, known.body.as_str()), (304, ""));
    // The page itself is asked for each time.
    assert_eq!(get(url, "/").unwrap().header("cache-control"), Some("no-store"));
    server.stop().await;
}

#[tokio::test]
async fn the_whole_page_is_less_than_60_kb() {
    let server = serve(new_server().endpoint(bots::hello::endpoint())).await;
    let url = server.local_url();
    let payload = serde_json::to_string(&webhooks_runtime::testing::dataset_commit()).unwrap();
    for _ in 0..200 {
        request(
            url,
            "POST /webhooks/trigger_training",
            &["Webhook-Id: 65d0000000000000000000aa"],
            &payload,
        )
        .unwrap();
    }
    let page = Viewer::open(server.activity_url()).get("/").unwrap().body;
    assert!(page.contains("Schema of <code>WebhookPayload"), "{page}");
    let folder = page.split("/assets/").nth(1).unwrap().split('/').next().unwrap();
    let files =
        ["page.css", "page.js", "trigger.js", "tools.js", "activity.js", "delivery.js", "icon.svg"];
    // The others are for background deliveries, which this server does not have.
    assert!(!page.contains("background.css") && !page.contains("id=\"background\""));
    let files = files.map(|file| get(url, &format!("/assets/{folder}/{file}")).unwrap().body.len());
    let whole = page.len() + files.iter().sum::<usize>();
    assert!(whole < 60_000, "{whole} = {} + {files:?}", page.len());
    // The first paint takes the page, one style sheet and one script.
    assert_eq!(page.matches("<link rel=\"stylesheet\"").count(), 1);
    assert_eq!(page.matches("<script").count(), 1);
    server.stop().await;
}

#[tokio::test]
async fn health_is_told_in_a_word() {
    for server in [new_server(), new_server().ui(async || "mine").webhook_secret("hush")] {
        let server = serve(server).await;
        let answer = get(server.local_url(), "/health").unwrap();
        assert_eq!((answer.status, answer.body.as_str()), (200, r#"{"status":"ok"}"#));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        server.stop().await;
    }
    // A route of one's own goes before.
    let server = serve(new_server().configure(|app| {
        app.route("/health", web::get().to(async || "mine"));
    }))
    .await;
    assert_eq!(get(server.local_url(), "/health").unwrap().body, "mine");
    server.stop().await;
}

#[tokio::test]
async fn health_tells_how_the_store_is_and_how_long_the_oldest_has_waited() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("private-name.db");
    let arguments = ["--port", "0", "--store", file.to_str().unwrap()];
    let program = Program::start(&background(), &arguments, &[]).unwrap();
    let url = program.local_url();
    let answer = get(&url, "/health").unwrap();
    let nothing_waits =
        r#"{"status":"ok","store":{"kind":"sqlite","status":"ok"},"oldest_queued_seconds":null}"#;
    assert_eq!((answer.status, answer.body.as_str()), (200, nothing_waits));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    // The first runs, so that the second waits.
    for id in ["1", "2"] {
        let headers = ["Content-Type: application/json", &format!("Webhook-Id: {id}")];
        let body = r#"{"milliseconds":600000}"#;
        assert_eq!(request(&url, "POST /webhooks/alone", &headers, body).unwrap().status, 202);
    }
    let deadline = std::time::Instant::now() + tests::client::PATIENCE;
    while get(&url, "/health").unwrap().json()["oldest_queued_seconds"].as_u64() < Some(1) {
        assert!(std::time::Instant::now() < deadline);
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
}
