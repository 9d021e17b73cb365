//! Content of others: payloads, and custom pages.

use serde_json::json;
use tests::browser::Browser;
use webhooks_runtime::Blocks;
use webhooks_runtime::maud::PreEscaped;
use webhooks_runtime::testing::comment_created;

use super::{TRAIN, close, deliver, new_server, open_live, sample, serve, wait_for_rows};

#[tokio::test]
#[ignore = "needs chromium and chromedriver"]
async fn whatever_a_payload_holds_stays_text() {
    let (server, browser) = open_live(new_server()).await;
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
    close(browser, server).await;
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
    close(browser, server).await;
}
