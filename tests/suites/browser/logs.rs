//! What functions log, live on the page.

use serde_json::json;
use tests::browser::Browser;

use super::background::{in_background, open_background, queue, wait_for_state};
use super::{check_accessibility, opening, wait_for_source};

/// Runs for minutes, with a line every 50 ms.
const LONG: &str = r#"{"lines":10000,"milliseconds":50}"#;

/// The number of lines that a log shows.
fn lines(log: &str) -> String {
    format!("document.querySelectorAll(`{log} .line`).length")
}

async fn wait_for_lines(browser: &Browser, log: &str, more_than: u32) {
    browser.wait_until(&format!("return {} > {more_than}", lines(log))).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs chromium and chromedriver"]
async fn new_lines_appear_and_nothing_else_moves() {
    let (_folder, program, url, browser) = open_background().await;
    let row = queue(&url, "narrates", LONG);
    wait_for_state(&browser, &row, "running").await;
    browser.press(&format!("{row} summary")).await;
    let log = format!("{row} .log");
    wait_for_lines(&browser, &log, 60).await;
    assert!(!browser.text(&row).await.contains("Reload the page"));
    // It follows its end while nobody has scrolled back.
    let find = format!("const log = document.querySelector(`{log}`);");
    let at_end = format!("{find} return log.scrollHeight - log.scrollTop - log.clientHeight < 2");
    browser.wait_until(&at_end).await;
    // A viewer scrolls back, selects something, and has the focus in it.
    let read = "log.focus(); log.scrollTop = 40; getSelection().selectAllChildren(log.querySelector('.line')); \
                window.first = log.querySelector('.line')";
    browser.run(&format!("{find} {read}")).await;
    let seen = browser.run(&format!("return {}", lines(&log))).await.as_u64().unwrap();
    wait_for_lines(&browser, &log, u32::try_from(seen).unwrap() + 60).await;
    let same = "return document.activeElement === log && log.scrollTop === 40 \
                && log.querySelector('.line') === first && getSelection().toString().includes('epoch=1')";
    assert_eq!(browser.run(&format!("{find} {same}")).await, json!(true));
    // When its state changes, the log stays.
    browser
        .run(&format!("{find} log.querySelector('.line').scrollIntoView(); log.scrollTop = 40"))
        .await;
    let cancel = format!("document.querySelector(`{row} form.cancel`).requestSubmit()");
    browser.run(&cancel).await;
    wait_for_state(&browser, &row, "cancelled").await;
    browser.wait_for_text(&format!("{row} form.again button"), "Run again").await;
    assert_eq!(browser.run(&format!("{find} {same}")).await, json!(true));
    browser.wait_until(&format!("{find} return 'ended' in log.dataset")).await;
    browser.end().await;
    drop(program);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs chromium and chromedriver"]
async fn a_log_ends_with_its_last_line_also_where_it_starts_again() {
    let (_folder, program, url, browser) = open_background().await;
    let row = queue(&url, "narrates", r#"{"lines":5,"milliseconds":300}"#);
    wait_for_state(&browser, &row, "running").await;
    let id = row.split('\'').nth(1).unwrap();
    browser.client.goto(&format!("{url}/deliveries/{id}")).await.unwrap();
    browser.wait_for_text("[data-part=facts]", "done").await;
    browser.wait_for_text(".log", "ERROR the loss is not a number attempt=1").await;
    assert_eq!(browser.run(&format!("return {}", lines(".log"))).await, json!(7));
    browser.press("form.again button").await;
    browser.wait_for_text(".log", "Next attempt").await;
    browser.wait_until(&format!("return {} === 14", lines(".log"))).await;
    browser.wait_until("return 'ended' in document.querySelector('.log').dataset").await;
    browser.end().await;
    program.stop();
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs chromium and chromedriver"]
async fn many_lines_are_announced_together() {
    let (_folder, program, url, browser) = open_background().await;
    let row = queue(&url, "narrates", LONG);
    wait_for_state(&browser, &row, "running").await;
    let listen = "window.said = []; const news = document.getElementById('announcement'); \
                  new MutationObserver(() => said.push(news.textContent)).observe(news, { childList: true })";
    browser.run(listen).await;
    // However slow the machine is, the time for the next announcement does not come by itself.
    browser.run("const now = Date.now(); Date.now = () => now").await;
    browser.press(&format!("{row} summary")).await;
    let log = format!("{row} .log");
    wait_for_lines(&browser, &log, 60).await;
    let said = "return said.filter((text) => text.includes('new log line')).length";
    browser.wait_until(&format!("{said} === 1")).await;
    let seen = browser.run(&format!("return {}", lines(&log))).await.as_u64().unwrap();
    wait_for_lines(&browser, &log, u32::try_from(seen).unwrap() + 60).await;
    assert_eq!(browser.run(said).await, json!(1));
    browser.run("const now = Date.now(); Date.now = () => now + 10_000").await;
    browser.wait_until(&format!("{said} === 2")).await;
    let live = format!("return document.querySelector(`{log}`).ariaLive");
    assert_eq!(browser.run(&live).await, json!("off"));
    browser.end().await;
    drop(program);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs chromium, chromedriver and axe-core"]
async fn a_log_is_accessible() {
    let (_folder, program, url, browser) = open_background().await;
    let text = format!("loss=0.25 <b>{}</b> \u{d55c}\u{ad6d}\u{c5b4}", "w".repeat(300));
    let body = json!({ "lines": 20, "milliseconds": 10, "fails": true, "text": text });
    let row = queue(&url, "narrates", &body.to_string());
    wait_for_state(&browser, &row, "done").await;
    browser.press(&format!("{row} summary")).await;
    browser.wait_for_text(&format!("{row} .log"), "attempt=2").await;
    browser.pictures("log").await;
    check_accessibility(&browser, "a log").await;
    let id = row.split('\'').nth(1).unwrap();
    browser.client.goto(&format!("{url}/deliveries/{id}")).await.unwrap();
    browser.wait_for_text(".log", "attempt=2").await;
    browser.pictures("log-delivery").await;
    check_accessibility(&browser, "a log on the page of its delivery").await;
    browser.end().await;
    program.stop();
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs chromium and chromedriver"]
async fn without_scripts_a_log_is_that_of_the_load() {
    let folder = tempfile::tempdir().unwrap();
    let (program, url) = in_background(&folder);
    let row = queue(&url, "narrates", LONG);
    let browser = Browser::start().await;
    browser.devtools("Emulation.setScriptExecutionDisabled", json!({ "value": true })).await;
    browser.client.goto(&opening(&url)).await.unwrap();
    browser
        .client
        .goto(&format!("{url}/deliveries/{}", row.split('\'').nth(1).unwrap()))
        .await
        .unwrap();
    wait_for_source(&browser, "Reload the page to see the lines that follow.").await;
    for epoch in ["trained epoch=1<", "trained epoch=30<"] {
        while !browser.client.source().await.unwrap().contains(epoch) {
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            browser.client.refresh().await.unwrap();
        }
    }
    browser.pictures_without_scripts("log-without-scripts").await;
    browser.end().await;
    drop(program);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs chromium and chromedriver"]
async fn a_log_that_could_not_be_read_is_loaded_again() {
    let (_folder, program, url, browser) = open_background().await;
    let row = queue(&url, "narrates", r#"{"lines":3}"#);
    wait_for_state(&browser, &row, "done").await;
    browser.press(&format!("{row} summary")).await;
    let log = format!("{row} .log");
    wait_for_lines(&browser, &log, 4).await;
    // As the page renders it when the store does not respond.
    let unread = format!("{row} [data-part=log]");
    let forget = "innerHTML = '<p>The log could not be read.</p><div class=\"log\" hidden data-unread></div>'";
    browser.run(&format!("document.querySelector(`{unread}`).{forget}")).await;
    wait_for_lines(&browser, &log, 4).await;
    assert!(!browser.text(&unread).await.contains("could not be read"));
    browser.end().await;
    program.stop();
}
