//! The landing page: its headers over a socket, its look and behaviour in a real Chromium.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on")]

use std::io::{Read, Write};

use fantoccini::Locator;
use serde_json::json;
use tests::browser::Browser;
use tests::client::{connect, get, head, request};
use webhooks_runtime::{HttpRequest, ServerHandle, WebhooksServer, web, webhook_endpoint};

/// Trains when a dataset changes.
///
/// <script>document.title = "<b>owned</b>"</script> & "quotes"
#[webhook_endpoint]
async fn trigger_training() {}

/// Has a long name.
#[webhook_endpoint]
async fn an_endpoint_with_a_rather_long_name_that_has_to_fit_on_a_telephone_as_well() {}

async fn serve(server: WebhooksServer) -> ServerHandle {
    server.port(0).workers(1).start().await.unwrap()
}

// ---- over a socket

#[tokio::test]
async fn the_page_lists_every_endpoint_with_all_there_is_to_know() {
    let server = serve(WebhooksServer::new()).await;
    let page = get(server.local_url(), "/").unwrap();
    assert_eq!(page.status, 200);
    let mut probe = connect(server.local_url()).unwrap();
    probe.write_all(head("HEAD /", &["Connection: close"]).as_bytes()).unwrap();
    let mut answer = String::new();
    probe.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("\r\n\r\n"), "{answer}");
    let url = format!("{}/webhooks/trigger_training", server.local_url());
    for part in [&url, "Trains when a dataset changes.", "suites/page.rs:", "Open to everyone"] {
        assert!(page.body.contains(part), "{part}: {}", page.body);
    }
    server.stop().await;

    let server = serve(WebhooksServer::new().webhook_secret("hush")).await;
    let page = get(server.local_url(), "/").unwrap().body;
    assert!(page.contains("Secret required") && !page.contains("Open to everyone"));
    assert!(!page.contains("hush"));
    server.stop().await;
}

#[tokio::test]
async fn nothing_on_the_page_is_inline_or_from_elsewhere() {
    let server = serve(WebhooksServer::new()).await;
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
        assert!(file.starts_with("/assets/"), "{file}");
        assert_eq!(get(url, &file).unwrap().status, 200, "{file}");
    }
    server.stop().await;
}

#[tokio::test]
async fn any_handler_replaces_the_page() {
    async fn page(request: HttpRequest) -> web::Html {
        web::Html::new(format!("<h1>mine</h1>{}", request.path()))
    }
    let server = serve(WebhooksServer::new().ui(page)).await;
    let answer = get(server.local_url(), "/").unwrap();
    assert_eq!((answer.status, answer.body.as_str()), (200, "<h1>mine</h1>/"));
    assert_eq!(get(server.local_url(), "/assets/page.css").unwrap().status, 404);
    server.stop().await;
}

#[tokio::test]
async fn routes_of_ones_own_stand_beside_the_endpoints() {
    let server = serve(WebhooksServer::new().data(7_u8).configure(|app| {
        app.route("/seven", web::get().to(async |seven: web::Data<u8>| seven.to_string()));
    }))
    .await;
    assert_eq!(get(server.local_url(), "/seven").unwrap().body, "7");
    let answer = request(server.local_url(), "POST /webhooks/trigger_training", &[], "{}").unwrap();
    assert_eq!(answer.status, 200);
    server.stop().await;
}

// ---- in a browser

#[tokio::test]
#[ignore = "needs chromium and chromedriver"]
async fn the_copy_button_copies_the_url() {
    let server = serve(WebhooksServer::new()).await;
    let browser = Browser::start().await;
    browser.client.goto(server.local_url()).await.unwrap();
    let label = "Copy the URL of /webhooks/trigger_training";
    let button = format!("button[aria-label='{label}']");
    let button = browser.client.find(Locator::Css(&button)).await.unwrap();
    button.click().await.unwrap();
    browser.client.wait().for_element(Locator::XPath("//button[text()='Copied']")).await.unwrap();
    let read = "const done = arguments[0]; navigator.clipboard.readText().then(done, (e) => done(String(e)));";
    let copied = browser.client.execute_async(read, vec![]).await.unwrap();
    assert_eq!(copied, json!(format!("{}/webhooks/trigger_training", server.local_url())));
    browser.client.wait().for_element(Locator::XPath("//button[text()='Copy']")).await.unwrap();
    browser.end().await;
    server.stop().await;
}

#[tokio::test]
#[ignore = "needs chromium and chromedriver"]
async fn the_page_is_whole_in_light_and_dark_on_a_desk_and_on_a_phone() {
    let open = serve(WebhooksServer::new()).await;
    let guarded = serve(WebhooksServer::new().webhook_secret("hush")).await;
    let browser = Browser::start().await;
    for (name, server) in [("open", &open), ("guarded", &guarded)] {
        for (width, scheme) in [(1200, "light"), (1200, "dark"), (360, "light"), (360, "dark")] {
            browser.look(width, scheme).await;
            browser.client.goto(server.local_url()).await.unwrap();
            browser.picture(&format!("landing-{name}-{scheme}-{width}.png")).await;
            // A description is text, whatever it holds.
            assert_eq!(browser.run("return document.title").await, json!("Webhooks · 2 endpoints"));
            let text = browser.run("return document.querySelector('main').innerText").await;
            assert!(
                text.as_str()
                    .unwrap()
                    .contains("<script>document.title = \"<b>owned</b>\"</script> & \"quotes\"")
            );
            let fits = "return document.documentElement.scrollWidth <= document.documentElement.clientWidth";
            assert_eq!(browser.run(fits).await, json!(true), "{width} {scheme}");
            let styled = "return getComputedStyle(document.body).backgroundColor";
            let ground = browser.run(styled).await;
            let expected = if scheme == "light" { "rgb(251, 251, 250)" } else { "rgb(14, 17, 22)" };
            assert_eq!(ground, json!(expected), "the style sheet is there");
        }
    }
    browser.end().await;
    open.stop().await;
    guarded.stop().await;
}
