//! The page in a real Chromium: what it shows, what it does, and how it looks.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on")]

use std::path::Path;

use fantoccini::Locator;
use serde_json::{Value, json};
use tests::browser::Browser;
use tests::client::{BY_SCRIPT, PAGE_TOKEN, PATIENCE, Viewer, post, request};
use tests::program::{Program, build};
use tests::proxy;
use tests::share::ShareServer;
use webhooks_runtime::maud::PreEscaped;
use webhooks_runtime::testing::{comment_created, dataset_commit};
use webhooks_runtime::{
    Blocks, ServerHandle, WebhookPayload, WebhooksServer, serde, web, webhook_endpoint,
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
struct Report {
    accuracy: f64,
}

/// Fails whatever comes.
#[webhook_endpoint]
async fn report(report: web::Json<Report>) -> Result<(), std::fmt::Error> {
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

async fn type_into(browser: &Browser, selector: &str, text: &str) {
    let field = browser.client.find(Locator::Css(selector)).await.unwrap();
    field.clear().await.unwrap();
    field.send_keys(text).await.unwrap();
}

#[tokio::test]
#[ignore = "needs chromium and chromedriver"]
async fn the_copy_button_copies_the_url() {
    let server = serve(new_server()).await;
    let browser = Browser::open(&server.activity_url().unwrap()).await;
    browser.press(&format!("button[aria-label='Copy the URL of {TRAIN}']")).await;
    browser.client.wait().for_element(Locator::XPath("//button[text()='Copied']")).await.unwrap();
    let read = "const done = arguments[0]; navigator.clipboard.readText().then(done, (e) => done(String(e)));";
    let copied = browser.client.execute_async(read, vec![]).await.unwrap();
    assert_eq!(copied, json!(format!("{}{TRAIN}", server.local_url())));
    browser.wait_until("return !document.body.innerText.includes('Copied')").await;
    browser.end().await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs chromium, chromedriver and curl"]
async fn the_curl_line_posts_the_sample_with_the_secret() {
    let server = serve(new_server().webhook_secret("hush")).await;
    let browser = Browser::open(&server.activity_url().unwrap()).await;
    browser
        .run("for (const details of document.querySelectorAll('details')) details.open = true")
        .await;
    browser.press(&format!("button[aria-label='Copy the curl command for {TRAIN}']")).await;
    browser.client.wait().for_element(Locator::XPath("//button[text()='Copied']")).await.unwrap();
    let read = "const done = arguments[0]; navigator.clipboard.readText().then(done, (e) => done(String(e)));";
    let line = browser.client.execute_async(read, vec![]).await.unwrap();
    let mut shell = std::process::Command::new("bash");
    let curl = shell.args(["-c", line.as_str().unwrap()]).env("WEBHOOK_SECRET", "hush").output();
    let answer = String::from_utf8(curl.unwrap().stdout).unwrap();
    assert_eq!(answer, r#"{"training_on":"me/sample"}"#, "{line}");
    browser.end().await;
    server.stop().await;
}

#[tokio::test]
#[ignore = "needs chromium and chromedriver"]
async fn a_sample_is_sent_from_the_form() {
    let server = serve(new_server().webhook_secret("hush")).await;
    let browser = Browser::open(&server.activity_url().unwrap()).await;
    choose(&browser, "#trigger-form [name=endpoint]", TRAIN).await;
    choose(&browser, "#trigger-form [name=sample]", "comment-created").await;
    let holds_comment = "return document.querySelector('#trigger-form textarea').value.includes('discussion.comment')";
    browser.wait_until(holds_comment).await;

    type_into(&browser, "#trigger-form [name=secret]", "guessed").await;
    browser.press("#trigger-form button.primary").await;
    browser.wait_for_text("#response", "403 Forbidden").await;
    browser.wait_for_text("#response", "Invalid webhook secret.").await;
    // The browser itself notes the status of each request that was refused.
    let complaints = browser.complaints().await;
    assert!(complaints.iter().all(|text| text.contains("status of 403")), "{complaints:?}");
    browser.pictures("form-rejected").await;

    type_into(&browser, "#trigger-form [name=secret]", "hush").await;
    browser.press("#trigger-form button.primary").await;
    browser.wait_for_text("#response", "200 OK").await;
    browser.wait_for_text("#response", "\"training_on\": \"me/sample\"").await;
    browser.pictures("form-succeeded").await;
    let address = browser.client.current_url().await.unwrap().to_string();
    assert!(!address.contains("hush"), "{address}");
    let stored = "return JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie])";
    assert_eq!(browser.run(stored).await, json!("[{},{},\"\"]"));
    browser.end().await;
    server.stop().await;
}

#[tokio::test]
#[ignore = "needs chromium and chromedriver"]
async fn the_form_works_without_scripts() {
    let server = serve(new_server().webhook_secret("hush")).await;
    let browser = Browser::start().await;
    browser.devtools("Emulation.setScriptExecutionDisabled", json!({ "value": true })).await;
    browser.client.goto(&server.activity_url().unwrap()).await.unwrap();
    choose(&browser, "#trigger-form [name=endpoint]", TRAIN).await;
    choose(&browser, "#trigger-form [name=sample]", "tag-deleted").await;
    browser.press("#trigger-form [value=load]").await;
    // Only the sample says so, not the schema.
    wait_for_source(&browser, "\"newSha\": null").await;
    type_into(&browser, "#trigger-form [name=secret]", "hush").await;
    browser.press("#trigger-form button.primary").await;
    wait_for_source(&browser, "200 OK</strong>").await;
    assert!(!browser.client.source().await.unwrap().contains("hush"));

    // What arrived is there, opens on a page of its own, and can be sent again.
    let row = browser.client.find(Locator::Css("#deliveries > li summary")).await.unwrap();
    row.click().await.unwrap();
    browser.press("#deliveries > li .detail a").await;
    wait_for_source(&browser, "Delivery 1").await;
    assert!(browser.client.source().await.unwrap().contains("refs/tags/v1.0"));
    browser.press("form.again button").await;
    let again = format!("{}/activity/2", server.local_url());
    browser.client.wait().for_url(&again.parse().unwrap()).await.unwrap();
    browser.client.goto(&format!("{}/?outcome=rejected", server.local_url())).await.unwrap();
    let none = browser.client.find(Locator::Css("#no-match")).await.unwrap();
    assert_eq!(none.text().await.unwrap(), "No delivery matches the filter.");
    browser.pictures_without_scripts("without-scripts").await;
    browser.end().await;
    server.stop().await;
}

#[tokio::test]
#[ignore = "needs chromium and chromedriver"]
async fn deliveries_arrive_open_and_are_sent_again_without_a_reload() {
    let server = serve(new_server().webhook_secret("hush")).await;
    let browser = Browser::open(&server.activity_url().unwrap()).await;
    browser.wait_for_text("#live", "Live").await;
    browser.wait_for_text("#none-yet", "No deliveries yet.").await;

    deliver(&server, TRAIN, "an-id", &sample("me/data"));
    wait_for_rows(&browser, 1).await;
    let row = browser.text("#deliveries > li").await;
    for part in ["200", "trigger_training", "update repo.content", "me/data", "an-id"] {
        assert!(row.contains(part), "{part}: {row}");
    }
    browser.wait_for_text("#announcement", "1 new delivery.").await;

    browser.press("#deliveries > li summary").await;
    browser.wait_for_text("#deliveries > li .detail", "\"name\": \"me/data\"").await;
    browser.wait_for_text("#deliveries > li .detail", "\"training_on\": \"me/data\"").await;
    browser.press("#deliveries > li form.again button").await;
    browser.wait_for_text("form.again button", "Sent: 200").await;
    wait_for_rows(&browser, 2).await;
    assert!(browser.text("#deliveries > li").await.contains("an-id"));
    browser.end().await;
    server.stop().await;
}

#[tokio::test]
#[ignore = "needs chromium and chromedriver"]
async fn deliveries_are_filtered_by_endpoint_and_outcome() {
    let server = serve(new_server()).await;
    deliver(&server, TRAIN, "1", &sample("me/data"));
    deliver(&server, TRAIN, "2", "{}");
    deliver(&server, "/webhooks/report", "3", r#"{"accuracy": 1}"#);
    let browser = Browser::open(&server.activity_url().unwrap()).await;
    browser.wait_for_text("#live", "Live").await;
    wait_for_rows(&browser, 3).await;
    choose(&browser, ".filter [name=endpoint]", TRAIN).await;
    assert_eq!(shown(&browser).await, json!(2));
    choose(&browser, ".filter [name=outcome]", "rejected").await;
    assert_eq!(shown(&browser).await, json!(1));
    // It holds for what arrives, too.
    deliver(&server, TRAIN, "4", &sample("me/data"));
    deliver(&server, TRAIN, "5", "{}");
    wait_for_rows(&browser, 2).await;
    choose(&browser, ".filter [name=endpoint]", "").await;
    choose(&browser, ".filter [name=outcome]", "failed").await;
    assert_eq!(shown(&browser).await, json!(1));
    assert!(browser.text("#deliveries > li:not([hidden])").await.contains("report"));
    browser.end().await;
    server.stop().await;
}

/// Makes the page one that nobody sees, or brings it back.
fn hidden(hidden: bool) -> String {
    format!(
        "Object.defineProperty(document, 'hidden', {{ value: {hidden}, configurable: true }}); \
         document.dispatchEvent(new Event('visibilitychange'))"
    )
}

#[tokio::test]
#[ignore = "needs chromium and chromedriver"]
async fn a_page_that_comes_back_misses_nothing() {
    let server = serve(new_server()).await;
    let browser = Browser::open(&server.activity_url().unwrap()).await;
    browser.wait_for_text("#live", "Live").await;
    deliver(&server, TRAIN, "1", &sample("me/data"));
    wait_for_rows(&browser, 1).await;
    browser.run(&hidden(true)).await;
    for id in ["2", "3", "4"] {
        deliver(&server, TRAIN, id, &sample("me/data"));
    }
    assert_eq!(shown(&browser).await, json!(1));
    browser.run(&hidden(false)).await;
    wait_for_rows(&browser, 4).await;
    let ids = "return [...document.querySelectorAll('#deliveries .id')].map((id) => id.innerText)";
    assert_eq!(browser.run(ids).await, json!(["4", "3", "2", "1"]));
    browser.end().await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs chromium and chromedriver"]
async fn the_public_url_is_shown_when_it_comes_without_a_reload() {
    // Its share server is there only after the page was opened.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = port.local_addr().unwrap();
    drop(port);
    let server = new_server().share(true).share_server(address.to_string());
    let server = serve(server).await;
    let browser = Browser::open(&server.activity_url().unwrap()).await;
    browser.wait_for_text("#live", "Live").await;
    assert!(browser.text("#where").await.contains("your own machine"));
    let _share_server = ShareServer::start_at(address).unwrap();
    browser.wait_for_text("#where", "reachable from the internet").await;
    let public = server.public_url().unwrap();
    assert_eq!(browser.text("#url-2").await, format!("{public}{TRAIN}"));
    let curl = "return document.getElementById('curl-2').textContent";
    let curl = browser.run(curl).await;
    assert!(curl.as_str().unwrap().starts_with(&format!("curl {public}{TRAIN} ")), "{curl}");
    assert!(browser.text("#steps").await.contains("because anyone can reach the program"));
    browser.end().await;
    server.stop().await;
}

#[tokio::test]
#[ignore = "needs chromium and chromedriver"]
async fn the_token_opens_the_deliveries_and_nothing_else_does() {
    let server = serve(new_server()).await;
    deliver(&server, TRAIN, "1", &sample("me/private"));
    let browser = Browser::open(server.local_url()).await;
    let page = browser.client.source().await.unwrap();
    for trace in ["id=\"activity", "events", "id=\"deliveries", "<form", "me/private"] {
        assert!(!page.contains(trace), "{trace}: {page}");
    }
    assert!(page.contains("open this page with its token"), "{page}");
    browser.pictures("outsider").await;

    browser.client.goto(&server.activity_url().unwrap()).await.unwrap();
    let address = browser.client.current_url().await.unwrap();
    assert_eq!((address.path(), address.query()), ("/", None));
    wait_for_rows(&browser, 1).await;
    browser.wait_for_text("#live", "Live").await;
    assert_eq!(browser.run("return document.cookie").await, json!(""));
    browser.client.refresh().await.unwrap();
    wait_for_rows(&browser, 1).await;
    browser.end().await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs chromium and chromedriver"]
async fn the_token_stays_in_no_history_whoever_linked_to_it() {
    let server = serve(new_server()).await;
    deliver(&server, TRAIN, "1", &sample("me/private"));
    let opening = server.activity_url().unwrap();
    let link = format!(
        "<link rel=\"icon\" href=\"data:,\"><h1>Another site</h1><a id=\"link\" href=\"{opening}\">Open</a>"
    );
    let other = WebhooksServer::empty().add_webhook("/none", async || "none");
    let page = move || std::future::ready(web::Html::new(link.clone()));
    let other = serve(other.ui(page)).await;
    let browser = Browser::start().await;
    // Another site: its name is another.
    let elsewhere = other.local_url().replace("127.0.0.1", "localhost");
    browser.client.goto(&elsewhere).await.unwrap();
    browser.press("#link").await;
    browser.wait_for_text("#live", "Live").await;
    wait_for_rows(&browser, 1).await;
    browser.client.goto(&opening).await.unwrap();
    browser.wait_for_text("#live", "Live").await;
    let history = browser.devtools("Page.getNavigationHistory", json!({})).await;
    let entries = history["entries"].as_array().unwrap().iter();
    let history = entries.map(|entry| format!("{}\n", entry["url"])).collect::<String>();
    let token = opening.rsplit('=').next().unwrap();
    assert!(history.contains(server.local_url()) && !history.contains(token), "{history}");
    assert_eq!(browser.run("return document.referrer").await, json!(""));
    browser.end().await;
    server.stop().await;
    other.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs chromium and chromedriver"]
async fn a_page_of_another_site_calls_no_function() {
    let server = serve(new_server()).await;
    let other = WebhooksServer::empty().add_webhook("/none", async || "none");
    let other = serve(other.ui(async || web::Html::new("<h1>Another site</h1>"))).await;
    let browser = Browser::start().await;
    let viewer = Viewer::open(server.activity_url());
    for site in [other.local_url().to_owned(), other.local_url().replace("127.0.0.1", "localhost")]
    {
        browser.client.goto(&site).await.unwrap();
        let call = format!(
            "const done = arguments[0]; fetch({}, {{ method: 'POST', mode: 'no-cors', body: '{{}}' }}).then(() => done('sent'), done)",
            json!(format!("{}{TRAIN}", server.local_url()))
        );
        browser.client.execute_async(&call, vec![]).await.unwrap();
    }
    let page = viewer.get("/").unwrap().body;
    assert_eq!(page.matches("data-number=").count(), 2, "both were sent");
    assert_eq!(page.matches("data-outcome=\"rejected\"").count(), 2, "{page}");
    let detail = viewer.get("/activity/2/detail").unwrap().body;
    assert!(detail.contains("403 Forbidden"), "{detail}");
    let _ = browser.complaints().await;
    browser.end().await;
    server.stop().await;
    other.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs chromium and chromedriver"]
async fn through_a_proxy_the_token_opens_a_page_that_is_whole() {
    let server = serve(new_server()).await;
    let behind = server.local_url().strip_prefix("http://").unwrap().parse().unwrap();
    let proxy = format!("http://{}", proxy::in_front_of(behind).await.unwrap());
    deliver(&server, TRAIN, "1", &sample("me/private"));
    let browser = Browser::open(&proxy).await;
    let page = browser.client.source().await.unwrap();
    assert!(page.contains(TRAIN) && !page.contains("id=\"activity\""), "{page}");

    let with_token = server.activity_url().unwrap().replace(server.local_url(), &proxy);
    browser.client.goto(&with_token).await.unwrap();
    browser.wait_for_text("#live", "Live").await;
    deliver(&server, TRAIN, "2", &sample("me/private"));
    wait_for_rows(&browser, 2).await;
    browser.press("#deliveries > li summary").await;
    browser.wait_for_text("#deliveries > li .detail", "me/private").await;
    browser.press("#deliveries > li form.again button").await;
    wait_for_rows(&browser, 3).await;
    browser.end().await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs chromium, chromedriver and nginx"]
async fn the_page_is_whole_under_any_path() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = ["--port", "0", "--public-url", "https://hooks.example/bot"];
    let program = build("quickstart", "dev");
    let program = Program::start(&program, &arguments, &[PAGE_TOKEN]).unwrap();
    let pass = format!("location /bot/ {{ proxy_pass {}/; }}", program.local_url());
    let (nginx, site) = proxy::nginx(folder.path(), &pass);
    let url = format!("{site}/bot");
    let browser = Browser::start().await;
    for scripts in [true, false] {
        let disabled = json!({ "value": !scripts });
        browser.devtools("Emulation.setScriptExecutionDisabled", disabled).await;
        browser.client.goto(&opening(&url)).await.unwrap();
        let page = browser.client.find(Locator::Css("#trigger-form")).await.unwrap();
        assert_eq!(browser.client.current_url().await.unwrap().as_str(), format!("{url}/"));
        assert!(page.is_displayed().await.unwrap());
        browser.press("#trigger-form button.primary").await;
        wait_for_source(&browser, "200 OK</strong>").await;
        browser.client.goto(&format!("{url}/")).await.unwrap();
        browser.press("#deliveries > li summary").await;
        if scripts {
            browser.wait_for_text("#live", "Live").await;
            browser.wait_for_text("#deliveries > li .detail", "Payload").await;
            browser.press("#deliveries > li form.again button").await;
            wait_for_rows(&browser, 2).await;
            choose(&browser, "#trigger-form [name=sample]", "tag-deleted").await;
            let loaded = "return document.querySelector('textarea').value.includes('refs/tags')";
            browser.wait_until(loaded).await;
        } else {
            browser.press("#deliveries > li .detail a").await;
            wait_for_source(&browser, "Delivery 3").await;
            browser.press("form.again button").await;
            let again = format!("{url}/activity/4");
            browser.client.wait().for_url(&again.parse().unwrap()).await.unwrap();
            browser.press("nav a").await;
            wait_for_source(&browser, "id=\"activity\"").await;
            assert_eq!(browser.client.current_url().await.unwrap().as_str(), format!("{url}/"));
        }
    }
    browser.devtools("Emulation.setScriptExecutionDisabled", json!({ "value": false })).await;
    browser.client.goto(&format!("{url}/docs")).await.unwrap();
    browser.wait_for_text("ul.endpoints", "trigger_training").await;
    browser.end().await;
    nginx.stop();
    program.stop();
}

#[tokio::test]
#[ignore = "needs chromium and chromedriver"]
async fn whatever_a_payload_holds_stays_text() {
    let server = serve(new_server()).await;
    let browser = Browser::open(&server.activity_url().unwrap()).await;
    browser.wait_for_text("#live", "Live").await;
    let hostile = "<script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">\"'`&amp;\r\n\u{202e}sdrawkcab\u{2066}\u{0}";
    let comment = comment_created().repo(hostile).text(hostile);
    deliver(&server, TRAIN, "\"><b>id</b>", &serde_json::to_string(&comment).unwrap());
    let long = comment_created().repo("me/long").text("long <i>".repeat(12_500));
    deliver(&server, TRAIN, "long", &serde_json::to_string(&long).unwrap());
    let wide = comment_created().repo("me/wide").text("w".repeat(60_000));
    deliver(&server, TRAIN, "wide", &serde_json::to_string(&wide).unwrap());
    wait_for_rows(&browser, 3).await;
    for number in [3, 2, 1] {
        browser.press(&format!("li[data-number='{number}'] summary")).await;
        browser.wait_for_text(&format!("li[data-number='{number}'] .detail"), "Payload").await;
    }
    let text = browser.text("li[data-number='1']").await;
    assert!(text.contains("<script>document.title='owned'</script>"), "{text}");
    assert!(text.contains("\"><b>id</b>"), "{text}");
    let cut = browser.text("li[data-number='2']").await;
    assert!(cut.contains("Truncated: the first 65536 of ") && cut.contains("me/long"), "{cut}");
    let injected = "return document.querySelectorAll('#activity script, #activity img, #activity b, #activity i').length";
    assert_eq!(browser.run(injected).await, json!(0));
    assert_eq!(browser.run("return document.title").await, json!("Webhooks · 3 endpoints"));
    browser.pictures("hostile").await;
    browser.end().await;
    server.stop().await;
}

#[tokio::test]
#[ignore = "needs chromium and chromedriver"]
async fn a_page_of_ones_own_is_made_of_the_same_blocks() {
    let ui = Blocks::new()
        .markdown("# Retraining bot\n\nTrains on **every** commit. <b>No HTML</b>\n\n| when | what |\n| --- | :-: |\n| push | train |")
        .endpoints()
        .trigger_form()
        .activity()
        .html(PreEscaped("<p id=\"mine\">Ask ops.</p>".to_owned()));
    let server = serve(new_server().ui(ui).webhook_secret("hush")).await;
    deliver(&server, TRAIN, "1", &sample("me/data"));
    let browser = Browser::open(&server.activity_url().unwrap()).await;
    browser.wait_for_text("#live", "Live").await;
    assert_eq!(browser.text("h1").await, "Retraining bot");
    assert!(browser.text("main").await.contains("<b>No HTML</b>"));
    assert_eq!(browser.text("#mine").await, "Ask ops.");
    wait_for_rows(&browser, 1).await;
    browser.pictures("own").await;
    browser.end().await;
    server.stop().await;
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

#[tokio::test]
#[ignore = "needs chromium, chromedriver and axe-core"]
async fn the_page_is_whole_for_everyone_in_light_and_dark_on_a_desk_and_on_a_phone() {
    let open = serve(new_server()).await;
    let guarded = serve(new_server().webhook_secret("hush")).await;
    let browser = Browser::open(&open.activity_url().unwrap()).await;
    browser.wait_for_text("#live", "Live").await;
    browser.pictures("at-rest").await;
    check_accessibility(&browser, "at rest").await;
    for (scheme, ground) in [("light", "rgb(251, 251, 250)"), ("dark", "rgb(14, 17, 22)")] {
        browser.look(1200, scheme).await;
        let styled = "return getComputedStyle(document.body).backgroundColor";
        assert_eq!(browser.run(styled).await, json!(ground), "the style sheet is there");
    }
    // A description is text, whatever it holds.
    assert_eq!(browser.run("return document.title").await, json!("Webhooks · 3 endpoints"));
    let text = browser.text("main").await;
    assert!(text.contains("<script>document.title = \"<b>owned</b>\"</script> & \"quotes\""));

    for id in 1..=25 {
        deliver(&guarded, TRAIN, &format!("65d0000000000000000000{id:02}"), &sample("me/data"));
    }
    deliver(&guarded, TRAIN, "65d0000000000000000000aa", "{}");
    deliver(&guarded, "/webhooks/report", "65d0000000000000000000bb", r#"{"accuracy": 1}"#);
    post(guarded.local_url(), TRAIN, "{}").unwrap();
    browser.client.goto(&guarded.activity_url().unwrap()).await.unwrap();
    wait_for_rows(&browser, 28).await;
    let unfold = "for (const details of document.querySelectorAll('.endpoints details, .schema, #deliveries > li:nth-child(2) details')) details.open = true";
    browser.run(unfold).await;
    browser.wait_for_text("#deliveries > li:nth-child(2) .detail", "Send again").await;
    browser.pictures("opened").await;
    check_accessibility(&browser, "opened").await;

    browser.client.goto(&format!("{}/activity/27", guarded.local_url())).await.unwrap();
    browser.wait_for_text("main", "Send again").await;
    browser.pictures("delivery").await;
    check_accessibility(&browser, "a delivery").await;
    browser.end().await;
    open.stop().await;
    guarded.stop().await;
}

#[tokio::test]
#[ignore = "needs chromium and chromedriver"]
async fn everything_can_be_reached_by_keys() {
    let server = serve(new_server()).await;
    deliver(&server, TRAIN, "1", &sample("me/data"));
    let browser = Browser::open(&server.activity_url().unwrap()).await;
    wait_for_rows(&browser, 1).await;
    let focus = "document.querySelector('#deliveries summary').focus()";
    browser.run(focus).await;
    let active = browser.client.active_element().await.unwrap();
    active.send_keys("\u{e007}").await.unwrap();
    browser.wait_for_text("#deliveries .detail", "Send again").await;
    let outline = "return getComputedStyle(document.activeElement).outlineStyle";
    assert_eq!(browser.run(outline).await, json!("solid"));
    browser.end().await;
    server.stop().await;
}

// ---- what runs in the background

/// A program with background functions that keeps their deliveries in this folder, and its address.
fn in_background(folder: &tempfile::TempDir) -> (Program, String) {
    let file = folder.path().join("kept.db");
    let arguments = ["--port", "0", "--store", file.to_str().unwrap()];
    let program = Program::start(&build("fixture-background", "dev"), &arguments, &[PAGE_TOKEN]);
    let program = program.unwrap();
    let url = program.local_url();
    (program, url)
}

/// The URL that opens the page of such a program.
fn opening(url: &str) -> String {
    format!("{url}/?token={}", PAGE_TOKEN.1)
}

/// Delivers, and gives what selects the delivery's row.
fn queue(url: &str, endpoint: &str, body: &str) -> String {
    let headers = ["Content-Type: application/json", &format!("Webhook-Id: of-{endpoint}")];
    let answer = request(url, &format!("POST /webhooks/{endpoint}"), &headers, body).unwrap();
    assert_eq!(answer.status, 202, "{answer:?}");
    format!("#background li[data-id='{}']", answer.json()["delivery"].as_str().unwrap())
}

async fn wait_for_state(browser: &Browser, row: &str, state: &str) {
    let row = json!(format!("{row}[data-state='{state}']"));
    browser.wait_until(&format!("return document.querySelector({row}) !== null")).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs chromium and chromedriver"]
async fn background_deliveries_change_their_state_without_a_reload() {
    let folder = tempfile::tempdir().unwrap();
    let (program, url) = in_background(&folder);
    let browser = Browser::open(&opening(&url)).await;
    browser.wait_for_text("#live", "Live").await;
    browser.wait_for_text("#background", "No background deliveries yet.").await;
    browser.run("window.mine = true").await;
    let slow = queue(&url, "alone", r#"{"milliseconds":2000}"#);
    wait_for_state(&browser, &slow, "running").await;
    let row = browser.text(&slow).await;
    for part in ["running", "alone", "attempt 1 of 10", slow.split('\'').nth(1).unwrap()] {
        assert!(row.contains(part), "{part}: {row}");
    }
    // One that is open stays open, has the focus, and is told of anew.
    browser.press(&format!("{slow} summary")).await;
    browser.wait_for_text(&format!("{slow} .detail"), "Running since").await;
    wait_for_state(&browser, &slow, "done").await;
    browser.wait_for_text(&format!("{slow} .detail"), "Ended").await;
    let focus = "return document.activeElement.closest('li')?.dataset.state ?? ''";
    assert_eq!(browser.run(focus).await, json!("done"));
    let later = queue(&url, "later", "{}");
    browser.wait_for_text(&later, "next at ").await;
    browser.wait_for_text(&later, "the Hub is being maintained").await;
    assert_eq!(browser.run("return window.mine").await, json!(true));
    browser.end().await;
    program.stop();
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs chromium and chromedriver"]
async fn a_dead_delivery_is_run_again_from_the_page() {
    let folder = tempfile::tempdir().unwrap();
    let (program, url) = in_background(&folder);
    let browser = Browser::open(&opening(&url)).await;
    browser.wait_for_text("#live", "Live").await;
    let dead = queue(&url, "gives_up", "{}");
    wait_for_state(&browser, &dead, "dead").await;
    browser.press(&format!("{dead} summary")).await;
    browser.wait_for_text(&format!("{dead} .failures"), "no such dataset").await;
    // What is said can be followed by other news at once.
    let listen = "window.said = []; const news = document.getElementById('announcement'); \
                  new MutationObserver(() => said.push(news.textContent)).observe(news, { childList: true })";
    browser.run(listen).await;
    browser.press(&format!("{dead} form.again button")).await;
    for news in ["It is queued again.", "A background delivery is dead."] {
        browser.wait_until(&format!("return said.includes({})", json!(news))).await;
    }
    let attempts = format!(
        "return document.querySelectorAll(\"{dead} .failures li\").length === 2 \
         && document.querySelector(\"{dead} form.again\") !== null"
    );
    browser.wait_until(&attempts).await;
    // The same where there is nothing but the delivery.
    let id = dead.split('\'').nth(1).unwrap();
    browser.client.goto(&format!("{url}/deliveries/{id}")).await.unwrap();
    browser.press("form.again button").await;
    let three = "return document.querySelectorAll('.failures li').length === 3";
    for _ in 0..100 {
        if browser.run(three).await == json!(true) {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        browser.client.refresh().await.unwrap();
    }
    assert_eq!(browser.run(three).await, json!(true));
    browser.end().await;
    program.stop();
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs chromium and chromedriver"]
async fn one_that_died_again_unseen_is_told_of_anew() {
    let folder = tempfile::tempdir().unwrap();
    let (program, url) = in_background(&folder);
    let browser = Browser::open(&opening(&url)).await;
    browser.wait_for_text("#live", "Live").await;
    let dead = queue(&url, "gives_up", "{}");
    wait_for_state(&browser, &dead, "dead").await;
    browser.press(&format!("{dead} summary")).await;
    browser.wait_for_text(&format!("{dead} .failures"), "no such dataset").await;
    browser.run(&hidden(true)).await;
    let id = dead.split('\'').nth(1).unwrap();
    let viewer = Viewer::of_program(&url);
    let again = viewer.request(&format!("POST /deliveries/{id}/retry"), &BY_SCRIPT, "").unwrap();
    assert_eq!(again.status, 200, "{again:?}");
    let deadline = std::time::Instant::now() + PATIENCE;
    let failures = |detail: &str| detail.matches(", started ").count();
    loop {
        let detail = viewer.get(&format!("/deliveries/{id}/detail")).unwrap().body;
        if failures(&detail) == 2 && detail.contains("Run again") {
            break;
        }
        assert!(std::time::Instant::now() < deadline, "{detail}");
    }
    // Its row looks as before: dead at the first attempt, with the same error.
    browser.run(&hidden(false)).await;
    let two = format!("return document.querySelectorAll(\"{dead} .failures li\").length === 2");
    browser.wait_until(&two).await;
    browser.end().await;
    program.stop();
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs chromium and chromedriver"]
async fn without_scripts_a_dead_delivery_is_opened_and_run_again() {
    let folder = tempfile::tempdir().unwrap();
    let (program, url) = in_background(&folder);
    let dead = queue(&url, "gives_up", "{}");
    let browser = Browser::start().await;
    browser.devtools("Emulation.setScriptExecutionDisabled", json!({ "value": true })).await;
    let deadline = std::time::Instant::now() + PATIENCE;
    loop {
        browser.client.goto(&opening(&url)).await.unwrap();
        if browser.client.source().await.unwrap().contains("data-state=\"dead\"") {
            break;
        }
        assert!(std::time::Instant::now() < deadline);
    }
    browser.press(&format!("{dead} summary")).await;
    browser.press(&format!("{dead} .detail a")).await;
    wait_for_source(&browser, "Background delivery").await;
    browser.press("form.again button").await;
    wait_for_source(&browser, "Background delivery").await;
    let id = dead.split('\'').nth(1).unwrap();
    let address = browser.client.current_url().await.unwrap();
    assert_eq!(address.path(), format!("/deliveries/{id}"));
    while browser.client.source().await.unwrap().matches(", started ").count() < 2 {
        assert!(std::time::Instant::now() < deadline);
        browser.client.refresh().await.unwrap();
    }
    browser.end().await;
    program.stop();
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs chromium, chromedriver and axe-core"]
async fn background_deliveries_are_whole_for_everyone() {
    let folder = tempfile::tempdir().unwrap();
    let (program, url) = in_background(&folder);
    let hostile = json!({ "error": format!("<script>document.title='owned'</script> \u{202e}sdrawkcab {}\nline", "w".repeat(500)) });
    let browser = Browser::open(&opening(&url)).await;
    browser.wait_for_text("#live", "Live").await;
    let done = queue(&url, "recovers", "{}");
    let failed = queue(&url, "fails", &sample("me/data"));
    let text = queue(&url, "says", &hostile.to_string());
    let waits = queue(&url, "later", "{}");
    let runs = queue(&url, "alone", r#"{"milliseconds":600000}"#);
    for (row, state) in [
        (&done, "done"),
        (&failed, "dead"),
        (&text, "dead"),
        (&waits, "queued"),
        (&runs, "running"),
    ] {
        wait_for_state(&browser, row, state).await;
    }
    browser.wait_for_text(&waits, "next at").await;
    browser.pictures("background").await;
    check_accessibility(&browser, "background").await;
    for row in [&failed, &text] {
        browser.press(&format!("{row} summary")).await;
        browser.wait_for_text(&format!("{row} .detail"), "Run again").await;
    }
    browser.pictures("background-opened").await;
    check_accessibility(&browser, "background, opened").await;
    let injected = "return document.querySelectorAll('#background script').length";
    assert_eq!(browser.run(injected).await, json!(0));
    let id = failed.split('\'').nth(1).unwrap();
    browser.client.goto(&format!("{url}/deliveries/{id}")).await.unwrap();
    browser.wait_for_text("main", "Run again").await;
    browser.pictures("background-delivery").await;
    check_accessibility(&browser, "a background delivery").await;
    browser.end().await;
    // What runs would be waited for.
    drop(program);
}
