//! The load: `wrk`, with a delivery like the Hub's.

use std::error::Error;
use std::io;

use serde_json::Value;
use tempfile::TempDir;
use webhooks_runtime::testing::comment_created;

use crate::server::{LOAD_CORE, SECRET, pinned};

/// How many connections send requests, each one after the other.
pub(crate) const CONNECTIONS: u32 = 32;

/// The size of the payload that is sent, in bytes.
const PAYLOAD_BYTES: usize = 1_300;

/// What wrk does: the same request again and again.
const DELIVER: &str = r#"
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.headers["X-Webhook-Secret"] = "SECRET"
wrk.headers["Webhook-Id"] = "65d0000000000000000000aa"
wrk.body = [[BODY]]
"#;

/// What it prints at the end: one line of figures.
const FIGURES: &str = r#"
done = function(summary, latency)
  local errors = summary.errors
  local failed = errors.connect + errors.read + errors.write + errors.timeout + errors.status
  print(string.format('{"requests": %d, "microseconds": %d, "failed": %d, "p50": %d, "p99": %d}',
    summary.requests, summary.duration, failed, latency:percentile(50), latency:percentile(99)))
end
"#;

pub(crate) struct Load {
    folder: TempDir,
    payload_bytes: usize,
}

/// What came of one run.
pub(crate) struct Answered {
    pub(crate) requests: u64,
    /// Requests per second.
    pub(crate) rate: f64,
    /// The median of the time to the answer, in milliseconds.
    pub(crate) p50_ms: f64,
    /// The 99th percentile of the time to the answer, in milliseconds.
    pub(crate) p99_ms: f64,
}

impl Load {
    pub(crate) fn new() -> Result<Self, Box<dyn Error>> {
        let body = payload()?;
        let folder = tempfile::tempdir()?;
        let deliver = DELIVER.replace("SECRET", SECRET).replace("BODY", &body) + FIGURES;
        std::fs::write(folder.path().join("deliver.lua"), deliver)?;
        std::fs::write(folder.path().join("get.lua"), FIGURES)?;
        Ok(Self { folder, payload_bytes: body.len() })
    }

    pub(crate) fn payload_bytes(&self) -> usize {
        self.payload_bytes
    }

    /// Loads the server at `url`, which may have many hosts, for some seconds. Any answer but 200 is an
    /// error.
    pub(crate) fn run(
        &self,
        url: &str,
        host: Option<&str>,
        seconds: u32,
    ) -> Result<Answered, Box<dyn Error>> {
        self.wrk("deliver.lua", url, host, seconds)
    }

    /// Gets what is at `url`, again and again.
    pub(crate) fn get(&self, url: &str, seconds: u32) -> Result<Answered, Box<dyn Error>> {
        self.wrk("get.lua", url, None, seconds)
    }

    fn wrk(
        &self,
        script: &str,
        url: &str,
        host: Option<&str>,
        seconds: u32,
    ) -> Result<Answered, Box<dyn Error>> {
        let host = host.map(|host| ["--header".to_owned(), format!("Host: {host}")]);
        let output = pinned(LOAD_CORE, "wrk")
            .args(host.iter().flatten())
            .args(["--threads", "1", "--latency", "--connections", &CONNECTIONS.to_string()])
            .args(["--duration", &format!("{seconds}s"), "--script"])
            .arg(self.folder.path().join(script))
            .arg(url)
            .output()?;
        let text = String::from_utf8_lossy(&output.stdout);
        let figures = text.lines().find_map(|line| serde_json::from_str::<Value>(line).ok());
        let figures = figures.ok_or_else(|| {
            io::Error::other(format!("wrk: {}{text}", String::from_utf8_lossy(&output.stderr)))
        })?;
        let number = |name: &str| figures[name].as_u64().unwrap_or_default();
        if number("failed") > 0 {
            return Err(format!("{} of the requests to {url} failed", number("failed")).into());
        }
        Ok(Answered {
            requests: number("requests"),
            rate: number("requests") as f64 / (number("microseconds") as f64 / 1e6),
            p50_ms: number("p50") as f64 / 1e3,
            p99_ms: number("p99") as f64 / 1e3,
        })
    }
}

/// A comment in a pull request, as long as it takes.
fn payload() -> serde_json::Result<String> {
    let comment = |text: &str| {
        let sample = comment_created().repo("openai/gsm8k").repo_type("dataset").pull_request();
        serde_json::to_string(&sample.text(text))
    };
    let empty = comment("")?.len();
    let words = "Which seed was used for this run, and does it hold with another one? ";
    let text: String = words.chars().cycle().take(PAYLOAD_BYTES.saturating_sub(empty)).collect();
    comment(&text)
}
