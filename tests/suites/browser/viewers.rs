//! The token, other sites, and proxies.

use fantoccini::Locator;
use serde_json::json;
use tests::browser::Browser;
use tests::client::{PAGE_TOKEN, Viewer};
use tests::program::Program;
use tests::programs::quickstart;
use tests::proxy;
use webhooks_runtime::{WebhooksServer, web};

use super::{
    TRAIN, choose, close, deliver, new_server, opening, sample, serve, wait_for_rows,
    wait_for_source,
};

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
    close(browser, server).await;
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
    close(browser, server).await;
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
    close(browser, server).await;
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
    close(browser, server).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs chromium, chromedriver and nginx"]
async fn the_page_is_whole_under_any_path() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = ["--port", "0", "--public-url", "https://hooks.example/bot"];
    let program = quickstart();
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
