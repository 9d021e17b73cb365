//! The form that sends a sample.

use fantoccini::Locator;
use serde_json::json;
use tests::browser::Browser;

use super::{TRAIN, choose, close, new_server, open, serve, type_into, wait_for_source};

#[tokio::test]
#[ignore = "needs chromium and chromedriver"]
async fn a_sample_is_sent_from_the_form() {
    let (server, browser) = open(new_server().webhook_secret("hush")).await;
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
    close(browser, server).await;
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
    close(browser, server).await;
}
