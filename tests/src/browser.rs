//! A real Chromium, headless, for what only a browser can tell.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on")]
#![allow(clippy::missing_panics_doc, reason = "each panics when the browser doesn't do it")]

use std::path::Path;

use fantoccini::wd::WebDriverCompatibleCommand;
use fantoccini::{Client, ClientBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};

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
        let driver = Path::new("/usr/bin/chromedriver");
        let driver = Program::start(driver, &["--port=0"], &variables).unwrap();
        let line = driver.wait_for("started successfully on port");
        let port = line.rsplit(' ').next().unwrap().trim_end_matches('.');
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

    /// Issues a command of Chromium's driver and gives what it answers.
    pub async fn chromium(&self, path: &'static str, body: Value) -> Value {
        self.client.issue_cmd(Chromium { path, body }).await.unwrap()
    }

    /// Issues a command of Chromium's developer tools.
    pub async fn devtools(&self, command: &str, parameters: Value) {
        self.chromium("goog/cdp/execute", json!({ "cmd": command, "params": parameters })).await;
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

    /// Keeps a picture of the view where git ignores it, for people to look at.
    pub async fn picture(&self, name: &str) {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("screenshots");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(name), self.client.screenshot().await.unwrap()).unwrap();
    }

    /// Ends the browser. What it complained about on the way, a breach of the policy for instance,
    /// is a fault.
    pub async fn end(self) {
        let complaints = self.chromium("se/log", json!({ "type": "browser" })).await;
        assert_eq!(complaints, json!([]));
        self.client.close().await.unwrap();
        self.driver.stop();
    }
}
