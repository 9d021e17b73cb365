//! The list of deliveries.

use serde_json::json;
use tests::browser::Browser;

use super::{
    TRAIN, choose, choose_label, close, deliver, hidden, new_server, open_live, sample, serve,
    shown, wait_for_rows,
};

#[tokio::test]
#[ignore = "needs chromium and chromedriver"]
async fn deliveries_arrive_open_and_are_sent_again_without_a_reload() {
    let (server, browser) = open_live(new_server().webhook_secret("hush")).await;
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
    close(browser, server).await;
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
    choose_label(&browser, ".filter [name=outcome]", "rejected").await;
    assert_eq!(shown(&browser).await, json!(1));
    // It holds for what arrives, too.
    deliver(&server, TRAIN, "4", &sample("me/data"));
    deliver(&server, TRAIN, "5", "{}");
    wait_for_rows(&browser, 2).await;
    choose(&browser, ".filter [name=endpoint]", "").await;
    choose_label(&browser, ".filter [name=outcome]", "failed").await;
    assert_eq!(shown(&browser).await, json!(1));
    assert!(browser.text("#deliveries > li:not([hidden])").await.contains("report"));
    close(browser, server).await;
}

#[tokio::test]
#[ignore = "needs chromium and chromedriver"]
async fn a_page_that_comes_back_misses_nothing() {
    let (server, browser) = open_live(new_server()).await;
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
    close(browser, server).await;
}
