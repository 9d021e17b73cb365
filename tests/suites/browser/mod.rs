//! The page in a real Chromium: what it shows, what it does, and how it looks.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on")]

mod accessibility;
mod actions;
mod background;
mod content;
mod copying;
mod deliveries;
mod form;
mod logs;
mod viewers;

use std::path::Path;

use fantoccini::Locator;
use serde_json::{Value, json};
use tests::browser::Browser;
use tests::client::{PAGE_TOKEN, PATIENCE, request};
use webhooks_runtime::testing::dataset_commit;
use webhooks_runtime::{
    ServerHandle, WebhookPayload, WebhooksServer, serde, web, webhook_endpoint,
};

/// Trains when a dataset changes.
///
/// <script>document.title = "<b>owned</b>"</script> & "quotes"
#[webhook_endpoint]
async fn trigger_training(payload: WebhookPayload) -> Value {
    json!({ "training_on": payload.repo.name })
}

/// Has a long name.
#[webhook_endpoint]
async fn an_endpoint_with_a_rather_long_name_that_has_to_fit_on_a_telephone_as_well(_: String) {}

#[derive(serde::Deserialize, serde::Serialize)]
#[serde(crate = "webhooks_runtime::serde")]
struct AccessibilityReport {
    accuracy: f64,
}

/// Fails whatever comes.
#[webhook_endpoint]
async fn report(report: web::Json<AccessibilityReport>) -> Result<(), std::fmt::Error> {
    assert!(report.accuracy >= 0.0);
    Err(std::fmt::Error)
}

const TRAIN: &str = "/webhooks/trigger_training";

/// Returns a server with the endpoints of this suite.
fn new_server() -> WebhooksServer {
    WebhooksServer::empty()
        .endpoint(trigger_training::endpoint())
        .endpoint(
            an_endpoint_with_a_rather_long_name_that_has_to_fit_on_a_telephone_as_well::endpoint(),
        )
        .endpoint(report::endpoint())
}

async fn serve(server: WebhooksServer) -> ServerHandle {
    server.port(0).workers(1).start().await.unwrap()
}

/// Starts a server and opens its page as an authorized viewer.
async fn open(server: WebhooksServer) -> (ServerHandle, Browser) {
    let server = serve(server).await;
    let browser = Browser::open(&server.activity_url().unwrap()).await;
    (server, browser)
}

/// The same, and waits until the page follows the deliveries.
async fn open_live(server: WebhooksServer) -> (ServerHandle, Browser) {
    let (server, browser) = open(server).await;
    browser.wait_for_text("#live", "Live").await;
    (server, browser)
}

async fn close(browser: Browser, server: ServerHandle) {
    browser.end().await;
    server.stop().await;
}

/// The URL that opens the page of a program with [`PAGE_TOKEN`].
fn opening(url: &str) -> String {
    format!("{url}/?token={}", PAGE_TOKEN.1)
}

/// Delivers from outside, with the secret and this body.
fn deliver(server: &ServerHandle, path: &str, id: &str, body: &str) {
    let id = format!("Webhook-Id: {id}");
    let headers = ["Content-Type: application/json", "X-Webhook-Secret: hush", &id];
    request(server.local_url(), &format!("POST {path}"), &headers, body).unwrap();
}

fn sample(name: &str) -> String {
    serde_json::to_string(&dataset_commit().repo(name)).unwrap()
}

/// How many deliveries the page shows.
async fn shown(browser: &Browser) -> Value {
    browser.run("return document.querySelectorAll('#deliveries > li:not([hidden])').length").await
}

async fn wait_for_rows(browser: &Browser, count: usize) {
    browser
        .wait_until(&format!(
            "return document.querySelectorAll('#deliveries > li:not([hidden])').length === {count}"
        ))
        .await;
}

/// Waits for a page that holds this text, where no script can tell.
async fn wait_for_source(browser: &Browser, text: &str) {
    let deadline = std::time::Instant::now() + PATIENCE;
    while !browser.client.source().await.is_ok_and(|source| source.contains(text)) {
        assert!(std::time::Instant::now() < deadline, "{text}");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

async fn choose(browser: &Browser, selector: &str, value: &str) {
    let select = browser.client.find(Locator::Css(selector)).await.unwrap();
    select.select_by_value(value).await.unwrap();
}

async fn choose_label(browser: &Browser, selector: &str, label: &str) {
    let select = browser.client.find(Locator::Css(selector)).await.unwrap();
    select.select_by_label(label).await.unwrap();
}

async fn type_into(browser: &Browser, selector: &str, text: &str) {
    let field = browser.client.find(Locator::Css(selector)).await.unwrap();
    field.clear().await.unwrap();
    field.send_keys(text).await.unwrap();
}

/// Makes the page one that nobody sees, or brings it back.
fn hidden(hidden: bool) -> String {
    format!(
        "Object.defineProperty(document, 'hidden', {{ value: {hidden}, configurable: true }}); \
         document.dispatchEvent(new Event('visibilitychange'))"
    )
}

/// What checks a page for people who cannot see or point: <https://www.deque.com/axe/>.
fn axe() -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("accessibility/node_modules/axe-core/axe.min.js");
    std::fs::read_to_string(file).unwrap()
}

async fn check_accessibility(browser: &Browser, state: &str) {
    for (width, scheme) in [(1200, "light"), (1200, "dark"), (360, "light"), (360, "dark")] {
        browser.look(width, scheme).await;
        browser.run(&axe()).await;
        let check =
            "const done = arguments[0]; axe.run().then((found) => done(found.violations.map(
            ({ id, impact, nodes }) => [impact, id, ...nodes.map((node) => node.html)])));";
        let found = browser.client.execute_async(check, vec![]).await.unwrap();
        assert_eq!(found, json!([]), "{state} {width} {scheme}");
    }
}
