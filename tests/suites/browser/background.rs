//! Background deliveries on the page.

use serde_json::json;
use tests::browser::Browser;
use tests::client::{BY_SCRIPT, PAGE_TOKEN, PATIENCE, Viewer, request};
use tests::program::Program;
use tests::programs::background;

use super::{check_accessibility, hidden, opening, sample, wait_for_source};

/// A program with background functions that keeps their deliveries in this folder, and its address.
pub(super) fn in_background(folder: &tempfile::TempDir) -> (Program, String) {
    let file = folder.path().join("kept.db");
    let arguments = ["--port", "0", "--store", file.to_str().unwrap()];
    let program = Program::start(&background(), &arguments, &[PAGE_TOKEN]);
    let program = program.unwrap();
    let url = program.local_url();
    (program, url)
}

/// Starts such a program and opens its page, once it follows the deliveries.
pub(super) async fn open_background() -> (tempfile::TempDir, Program, String, Browser) {
    let folder = tempfile::tempdir().unwrap();
    let (program, url) = in_background(&folder);
    let browser = Browser::open(&opening(&url)).await;
    browser.wait_for_text("#live", "Live").await;
    (folder, program, url, browser)
}

/// Delivers, and gives what selects the delivery's row.
pub(super) fn queue(url: &str, endpoint: &str, body: &str) -> String {
    queue_as(url, endpoint, "", body)
}

/// The same, for a delivery that is not the only one of its endpoint.
fn queue_as(url: &str, endpoint: &str, number: &str, body: &str) -> String {
    let id = format!("Webhook-Id: of-{endpoint}{number}");
    let headers = ["Content-Type: application/json", &id];
    let answer = request(url, &format!("POST /webhooks/{endpoint}"), &headers, body).unwrap();
    assert_eq!(answer.status, 202, "{answer:?}");
    format!("#background li[data-id='{}']", answer.json()["delivery"].as_str().unwrap())
}

pub(super) async fn wait_for_state(browser: &Browser, row: &str, state: &str) {
    let row = json!(format!("{row}[data-state='{state}']"));
    browser.wait_until(&format!("return document.querySelector({row}) !== null")).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs chromium and chromedriver"]
async fn background_deliveries_change_their_state_without_a_reload() {
    let (_folder, program, url, browser) = open_background().await;
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
    let (_folder, program, url, browser) = open_background().await;
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
    let (_folder, program, url, browser) = open_background().await;
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
    let deadline = std::time::Instant::now() + PATIENCE;
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
    let (_folder, program, url, browser) = open_background().await;
    let hostile = json!({ "error": format!("<script>document.title='owned'</script> \u{202e}sdrawkcab {}\nline", "w".repeat(500)) });
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
    browser.press("[data-pause='/webhooks/debounced'] button").await;
    browser.wait_for_text("#background .pauses", "debounced").await;
    let [older, newer] = ["1", "2"].map(|id| queue_as(&url, "debounced", id, &sample("me/data")));
    wait_for_state(&browser, &older, "superseded").await;
    browser.wait_for_text(&newer, "carries 1 older").await;
    browser.pictures("background").await;
    check_accessibility(&browser, "background").await;
    for (row, text) in [
        (&failed, "Run again"),
        (&text, "Run again"),
        (&runs, "Cancel"),
        (&older, "Superseded by"),
        (&newer, "endpoint paused"),
    ] {
        browser.press(&format!("{row} summary")).await;
        browser.wait_for_text(&format!("{row} .detail"), text).await;
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
