//! What is copied from the page: URLs and curl lines.

use fantoccini::Locator;
use serde_json::json;
use tests::share::TestShareServer;

use super::{TRAIN, close, new_server, open, open_live};

#[tokio::test]
#[ignore = "needs chromium and chromedriver"]
async fn the_copy_button_copies_the_url() {
    let (server, browser) = open(new_server()).await;
    browser.press(&format!("button[aria-label='Copy the URL of {TRAIN}']")).await;
    browser.client.wait().for_element(Locator::XPath("//button[text()='Copied']")).await.unwrap();
    let read = "const done = arguments[0]; navigator.clipboard.readText().then(done, (e) => done(String(e)));";
    let copied = browser.client.execute_async(read, vec![]).await.unwrap();
    assert_eq!(copied, json!(format!("{}{TRAIN}", server.local_url())));
    browser.wait_until("return !document.body.innerText.includes('Copied')").await;
    close(browser, server).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs chromium, chromedriver and curl"]
async fn the_curl_line_posts_the_sample_with_the_secret() {
    let (server, browser) = open(new_server().webhook_secret("hush")).await;
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
    close(browser, server).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs chromium and chromedriver"]
async fn the_public_url_is_shown_when_it_comes_without_a_reload() {
    // Its share server is there only after the page was opened.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = port.local_addr().unwrap();
    drop(port);
    let server = new_server().share(true).share_server(address.to_string());
    let (server, browser) = open_live(server).await;
    assert!(browser.text("#where").await.contains("no public URL"));
    let _share_server = TestShareServer::start_at(address).unwrap();
    browser.wait_for_text("#where", "reachable from the internet").await;
    let public = server.public_url().unwrap();
    assert_eq!(browser.text("#url-2").await, format!("{public}{TRAIN}"));
    let curl = "return document.getElementById('curl-2').textContent";
    let curl = browser.run(curl).await;
    assert!(curl.as_str().unwrap().starts_with(&format!("curl {public}{TRAIN} ")), "{curl}");
    assert!(browser.text("#steps").await.contains("because anyone can reach the program"));
    close(browser, server).await;
}
