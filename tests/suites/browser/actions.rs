//! The buttons of background deliveries and their endpoints.

use std::time::{Duration, Instant};

use serde_json::json;
use tests::browser::Browser;
use tests::client::{BY_SCRIPT, PATIENCE, Viewer};

use super::background::{in_background, open_background, queue, wait_for_state};
use super::{hidden, opening, wait_for_source};

const LONG: &str = r#"{"milliseconds":600000}"#;

fn id_of(row: &str) -> &str {
    row.split('\'').nth(1).unwrap()
}

async fn wait_for_focus(browser: &Browser, text: &str) {
    let text = json!(text);
    browser.wait_until(&format!("return document.activeElement.innerText === {text}")).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs chromium and chromedriver"]
async fn a_running_delivery_is_cancelled_and_run_again_in_its_row() {
    let (_folder, program, url, browser) = open_background().await;
    let row = queue(&url, "alone", LONG);
    wait_for_state(&browser, &row, "running").await;
    browser.press(&format!("{row} summary")).await;
    let cancel = format!("{row} form.cancel button");
    browser.wait_for_text(&cancel, "Cancel").await;
    browser.press(&cancel).await;
    browser.wait_for_text("#announcement", "It is being stopped").await;
    wait_for_state(&browser, &row, "cancelled").await;
    // The button that has taken the place of the pressed one has the focus.
    wait_for_focus(&browser, "Run again").await;
    browser.press(&format!("{row} form.again button")).await;
    wait_for_state(&browser, &row, "running").await;
    wait_for_focus(&browser, "Cancel").await;
    browser.end().await;
    drop(program);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs chromium and chromedriver"]
async fn a_button_without_effect_shows_the_reason() {
    let (_folder, program, url, browser) = open_background().await;
    let row = queue(&url, "alone", LONG);
    wait_for_state(&browser, &row, "running").await;
    browser.press(&format!("{row} summary")).await;
    browser.wait_for_text(&format!("{row} form.cancel button"), "Cancel").await;
    // The page does not know yet that another viewer was faster.
    browser.run(&hidden(true)).await;
    let viewer = Viewer::of_program(&url);
    let path = format!("/deliveries/{}", id_of(&row));
    viewer.request(&format!("POST {path}/cancel"), &BY_SCRIPT, "").unwrap();
    let deadline = Instant::now() + PATIENCE;
    while !viewer.get(&path).unwrap().body.contains("Run again") {
        assert!(Instant::now() < deadline);
    }
    browser.press(&format!("{row} form.cancel button")).await;
    browser.wait_for_text(&format!("{row} .problem"), "This delivery is cancelled").await;
    browser.run(&hidden(false)).await;
    browser.wait_for_text(&format!("{row} form.again button"), "Run again").await;
    // The browser reports every response that is an error.
    let complaints = browser.complaints().await;
    assert!(complaints.len() == 1 && complaints[0].contains("409"), "{complaints:?}");
    browser.end().await;
    program.stop();
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs chromium and chromedriver"]
async fn the_page_of_one_delivery_follows_it() {
    let (_folder, program, url, browser) = open_background().await;
    let row = queue(&url, "alone", LONG);
    wait_for_state(&browser, &row, "running").await;
    browser.client.goto(&format!("{url}/deliveries/{}", id_of(&row))).await.unwrap();
    browser.run("window.mine = true").await;
    browser.press("form.cancel button").await;
    browser.wait_for_text("[data-part=facts]", "cancelled").await;
    wait_for_focus(&browser, "Run again").await;
    browser.press("form.again button").await;
    browser.wait_for_text("[data-part=facts]", "running").await;
    // Its links and forms still lead somewhere.
    browser.press("form.cancel button").await;
    browser.wait_for_text("[data-part=facts]", "cancelled").await;
    assert_eq!(browser.run("return window.mine").await, json!(true));
    browser.end().await;
    program.stop();
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs chromium and chromedriver"]
async fn the_page_of_one_delivery_follows_what_others_do_to_it() {
    let (_folder, program, url, browser) = open_background().await;
    // Blocks its thread, so that it goes on until it ends by itself.
    let row = queue(&url, "blocks", r#"{"milliseconds":8000}"#);
    wait_for_state(&browser, &row, "running").await;
    let id = id_of(&row);
    browser.client.goto(&format!("{url}/deliveries/{id}")).await.unwrap();
    browser.run("window.mine = true").await;
    let viewer = Viewer::of_program(&url);
    let post = |path: &str| {
        let done = viewer.request(&format!("POST {path}"), &BY_SCRIPT, "").unwrap();
        assert_eq!(done.status, 200, "{done:?}");
    };
    post(&format!("/deliveries/{id}/cancel"));
    browser.wait_for_text("[data-part=facts]", "stopping").await;
    browser.wait_for_text("form.cancel button", "Stopping …").await;
    browser.wait_for_text("[data-part=facts]", "done").await;
    // Also after it has ended.
    post(&format!("/deliveries/{id}/rerun"));
    browser.wait_for_text("[data-part=facts]", "running").await;
    browser.wait_for_text("[data-part=facts]", "done").await;
    post("/endpoints/pause?endpoint=/webhooks/blocks");
    post(&format!("/deliveries/{id}/rerun"));
    browser.wait_for_text("[data-part=facts]", "endpoint paused").await;
    post("/endpoints/resume?endpoint=/webhooks/blocks");
    browser.wait_for_text("[data-part=facts]", "running").await;
    assert_eq!(browser.run("return window.mine").await, json!(true));
    browser.end().await;
    drop(program);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs chromium and chromedriver"]
async fn an_endpoint_is_paused_and_resumed_without_a_reload() {
    let (_folder, program, url, browser) = open_background().await;
    let endpoint = "[data-pause='/webhooks/quick']";
    browser.press(&format!("{endpoint} button")).await;
    browser.wait_for_text(endpoint, "Paused just now").await;
    wait_for_focus(&browser, "Resume").await;
    browser.wait_for_text("#announcement", "/webhooks/quick is paused.").await;
    browser.wait_for_text("#background .pauses", "quick since ").await;
    let row = queue(&url, "quick", "{}");
    browser.wait_for_text(&row, "paused").await;
    wait_for_state(&browser, &row, "queued").await;
    browser.press("#background .pauses button").await;
    wait_for_state(&browser, &row, "done").await;
    browser.wait_for_text(endpoint, "Pause").await;
    assert!(!browser.text("main").await.contains("Paused"));
    // The button is gone with the pause, so what it belonged to has the focus.
    let focus = "return document.activeElement.id";
    assert_eq!(browser.run(focus).await, json!("background"));
    browser.end().await;
    program.stop();
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs chromium and chromedriver"]
async fn the_pause_of_an_unknown_endpoint_says_so() {
    let (_folder, program, _url, browser) = open_background().await;
    // Presses the button again if the page has replaced it meanwhile.
    let press = "
        const endpoint = document.querySelector(\"[data-pause='/webhooks/quick']\");
        const problem = 'The program no longer has this background endpoint.';
        if (endpoint.querySelector('.problem')?.innerText.includes(problem)) return true;
        const form = endpoint.querySelector('form');
        if (!form.dataset.pressed) {
            form.dataset.pressed = true;
            form.action = 'endpoints/pause?endpoint=/webhooks/renamed';
            form.querySelector('button').click();
        }
        return false";
    browser.wait_until(press).await;
    // The browser reports every response that is an error.
    let complaints = browser.complaints().await;
    let are_expected = complaints.iter().all(|complaint| complaint.contains("404"));
    assert!(!complaints.is_empty() && are_expected, "{complaints:?}");
    browser.end().await;
    program.stop();
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs chromium and chromedriver"]
async fn without_scripts_a_delivery_is_cancelled_and_its_endpoint_paused() {
    let folder = tempfile::tempdir().unwrap();
    let (program, url) = in_background(&folder);
    let browser = Browser::start().await;
    browser.devtools("Emulation.setScriptExecutionDisabled", json!({ "value": true })).await;
    browser.client.goto(&opening(&url)).await.unwrap();
    browser.press("[data-pause='/webhooks/alone'] button").await;
    wait_for_source(&browser, "Paused just now").await;
    let address = browser.client.current_url().await.unwrap();
    assert_eq!((address.path(), address.fragment()), ("/", Some("endpoints")));
    let row = queue(&url, "alone", LONG);
    browser.press("[data-pause='/webhooks/alone'] button").await;
    let id = id_of(&row);
    let deadline = Instant::now() + PATIENCE;
    while !browser.client.source().await.unwrap().contains("Running since") {
        assert!(Instant::now() < deadline);
        tokio::time::sleep(Duration::from_millis(50)).await;
        browser.client.goto(&format!("{url}/deliveries/{id}")).await.unwrap();
    }
    browser.press("form.cancel button").await;
    while !browser.client.source().await.unwrap().contains("Run again") {
        assert!(Instant::now() < deadline);
        browser.client.refresh().await.unwrap();
    }
    let address = browser.client.current_url().await.unwrap();
    assert_eq!(address.path(), format!("/deliveries/{id}"));
    browser.end().await;
    program.stop();
}
