//! The page for everyone: light and dark, wide and narrow, by keys, with a screen reader.

use serde_json::json;
use tests::browser::Browser;
use tests::client::post;

use super::{TRAIN, check_accessibility, close, deliver, new_server, sample, serve, wait_for_rows};

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
    close(browser, server).await;
}
