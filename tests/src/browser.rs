//! A real Chromium, headless, for what only a browser can tell.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on")]
#![allow(clippy::missing_panics_doc, reason = "each panics when the browser doesn't do it")]

use std::path::Path;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use fantoccini::wd::WebDriverCompatibleCommand;
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};

use crate::client::PATIENCE;
use crate::program::Program;

/// A command of Chromium's driver that WebDriver's standard doesn't have.
#[derive(Debug)]
struct Chromium {
    path: &'static str,
    body: Value,
}

impl WebDriverCompatibleCommand for Chromium {
    fn endpoint(
        &self,
        base: &url::Url,
        session: Option<&str>,
    ) -> Result<url::Url, url::ParseError> {
        base.join(&format!("session/{}/{}", session.unwrap_or_default(), self.path))
    }

    fn method_and_body(&self, _: &url::Url) -> (http::Method, Option<String>) {
        (http::Method::POST, Some(self.body.to_string()))
    }
}

/// Starts Chromium's driver, and returns it with its port. It listens on a free port of one address family and on the same
/// port of the other one, which another program may have: then it ends, and is started again.
fn start_driver(variables: &[(&str, &str)]) -> (Program, String) {
    let start = || {
        let driver = Path::new("/usr/bin/chromedriver");
        let driver = Program::start(driver, &["--port=0"], variables).unwrap();
        let line = driver.try_wait_for("started successfully on port")?;
        let port = line.rsplit(' ').next()?.trim_end_matches('.').to_owned();
        Some((driver, port))
    };
    (0..3).find_map(|_| start()).unwrap()
}

/// A Chromium with a fresh profile, and the driver that it hangs on.
#[derive(Debug)]
pub struct Browser {
    /// What drives it.
    pub client: Client,
    driver: Program,
    _profile: tempfile::TempDir,
}

impl Browser {
    /// Starts one.
    pub async fn start() -> Self {
        let profile = tempfile::tempdir().unwrap();
        let home = profile.path().to_str().unwrap();
        let path = std::env::var("PATH").unwrap();
        let variables = [("PATH", path.as_str()), ("HOME", home)];
        let (driver, port) = start_driver(&variables);
        let options = json!({
            "args": [
                "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking",
                "--disable-component-update", "--disable-sync", "--hide-scrollbars",
                format!("--user-data-dir={home}/profile"),
            ],
            "prefs": { "profile.content_settings.exceptions.clipboard": { "*": { "setting": 1 } } },
        });
        let capabilities =
            json!({ "goog:chromeOptions": options, "goog:loggingPrefs": { "browser": "ALL" } });
        let client = ClientBuilder::new(HttpConnector::new())
            .capabilities(capabilities.as_object().unwrap().clone())
            .connect(&format!("http://127.0.0.1:{port}"))
            .await
            .unwrap();
        Self { client, driver, _profile: profile }
    }

    /// Starts one and opens a page in it.
    pub async fn open(url: &str) -> Self {
        let browser = Self::start().await;
        browser.client.goto(url).await.unwrap();
        browser
    }

    /// Issues a command of Chromium's driver and gives what it answers.
    pub async fn chromium(&self, path: &'static str, body: Value) -> Value {
        self.client.issue_cmd(Chromium { path, body }).await.unwrap()
    }

    /// Issues a command of Chromium's developer tools and gives what it answers.
    pub async fn devtools(&self, command: &str, parameters: Value) -> Value {
        self.chromium("goog/cdp/execute", json!({ "cmd": command, "params": parameters })).await
    }

    /// Runs a script in the page and gives what it returns.
    pub async fn run(&self, script: &str) -> Value {
        self.client.execute(script, vec![]).await.unwrap()
    }

    /// Sets the width of the view in pixels, and light or dark.
    pub async fn look(&self, width: u32, scheme: &str) {
        let size =
            json!({ "width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500 });
        self.devtools("Emulation.setDeviceMetricsOverride", size).await;
        let scheme = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        self.devtools("Emulation.setEmulatedMedia", scheme).await;
    }

    /// A picture of the whole page, as PNG.
    pub async fn photograph(&self) -> Vec<u8> {
        let whole = json!({ "captureBeyondViewport": true });
        let picture = self.devtools("Page.captureScreenshot", whole).await;
        BASE64.decode(picture["data"].as_str().unwrap()).unwrap()
    }

    /// Keeps a picture of the whole page where git ignores it, for people to look at.
    pub async fn picture(&self, name: &str) {
        let picture = self.photograph().await;
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("screenshots");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(name), picture).unwrap();
    }

    /// Pictures of the page on a desk and on a phone, in light and dark. Nothing may stand out of
    /// their width.
    pub async fn pictures(&self, name: &str) {
        for (width, scheme) in [(1200, "light"), (1200, "dark"), (360, "light"), (360, "dark")] {
            self.look(width, scheme).await;
            self.picture(&format!("{name}-{scheme}-{width}.png")).await;
            let wide =
                "const page = document.documentElement; return page.scrollWidth - page.clientWidth";
            assert_eq!(self.run(wide).await, json!(0), "{name} {width} {scheme}");
        }
        self.look(1200, "light").await;
    }

    /// The same where scripts are off, so that nothing can be measured.
    pub async fn pictures_without_scripts(&self, name: &str) {
        for (width, scheme) in [(1200, "light"), (360, "dark")] {
            self.look(width, scheme).await;
            self.picture(&format!("{name}-{scheme}-{width}.png")).await;
        }
    }

    /// Waits until a script returns true.
    pub async fn wait_until(&self, script: &str) {
        let deadline = Instant::now() + PATIENCE;
        while self.run(script).await != json!(true) {
            assert!(Instant::now() < deadline, "{script}: {}", self.text("main").await);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until the element holds this text.
    pub async fn wait_for_text(&self, selector: &str, text: &str) {
        let (selector, text) = (json!(selector), json!(text));
        let script = format!(
            "return document.querySelector({selector})?.innerText.includes({text}) ?? false"
        );
        self.wait_until(&script).await;
    }

    /// The text of an element, as it is seen.
    pub async fn text(&self, selector: &str) -> String {
        let script = format!("return document.querySelector({})?.innerText", json!(selector));
        self.run(&script).await.as_str().unwrap_or_default().to_owned()
    }

    /// Presses an element.
    pub async fn press(&self, selector: &str) {
        let element = self.client.find(Locator::Css(selector)).await.unwrap();
        element.click().await.unwrap();
    }

    /// Whatever the browser has complained about since the last time: a fault of a script, a breach of
    /// the policy, a request that was refused.
    pub async fn complaints(&self) -> Vec<String> {
        let complaints = self.chromium("se/log", json!({ "type": "browser" })).await;
        let complaints = complaints.as_array().cloned().unwrap_or_default();
        complaints.iter().map(|complaint| complaint["message"].to_string()).collect()
    }

    /// Ends the browser. What it complained about on the way is a fault.
    pub async fn end(self) {
        assert_eq!(self.complaints().await, [""; 0]);
        self.client.close().await.unwrap();
        self.driver.stop();
    }
}
