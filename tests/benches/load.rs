//! The load: `wrk`, with a delivery like the Hub's.

use std::error::Error;
use std::io;

use serde_json::Value;
use tempfile::TempDir;
use webhooks_runtime::testing::{comment_created, dataset_commit};

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

/// The same with an id of its own for each delivery, put into a request that was made once: what the load
/// costs is not to be seen in what the server does.
const DELIVER_IDS: &str = r#"
local before, after
init = function(args)
  wrk.headers["Webhook-Id"] = "@@@@@@@@"
  local request = wrk.format()
  local at, to = request:find("@@@@@@@@", 1, true)
  before, after = request:sub(1, at - 1), request:sub(to + 1)
  math.randomseed(os.time())
end
local random, format, sent = math.random, string.format, 0
request = function()
  sent = sent + 1
  return before .. format("%08x-%08x-%08x", random(0, 0x7fffffff), random(0, 0x7fffffff), sent) .. after
end
"#;

/// The same to one of a thousand repos, also made beforehand.
const DELIVER_KEYS: &str = r#"
local before, after = nil, {}
init = function(args)
  wrk.headers["Webhook-Id"] = "@@@@@@@@"
  local request = wrk.format()
  local at, to = request:find("@@@@@@@@", 1, true)
  before = request:sub(1, at - 1)
  for repo = 1, 1000 do
    after[repo] = request:sub(to + 1):gsub("REPO", string.format("%04d", repo - 1))
  end
  math.randomseed(os.time())
end
local random, format, sent = math.random, string.format, 0
request = function()
  sent = sent + 1
  return before .. format("%08x-%08x-%08x", random(0, 0x7fffffff), random(0, 0x7fffffff), sent) .. after[random(1000)]
end
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

/// One request for each connection.
const CLOSE: &str = r#"wrk.headers["Connection"] = "close"
"#;

/// What the deliveries of a load report. Each has an id of its own.
#[derive(Clone, Copy)]
pub(crate) enum LoadEvent {
    /// A comment.
    Comments,
    /// A commit to one of 1,000 repos.
    Commits,
}

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
        let ids = DELIVER.replace("SECRET", SECRET).replace("BODY", &body) + DELIVER_IDS + FIGURES;
        std::fs::write(folder.path().join("ids.lua"), ids)?;
        let commit = serde_json::to_string(&dataset_commit().repo("openai/gsm8k-REPO"))?;
        let keys = DELIVER.replace("SECRET", SECRET).replace("BODY", &commit);
        std::fs::write(folder.path().join("keys.lua"), keys + DELIVER_KEYS + FIGURES)?;
        std::fs::write(folder.path().join("get.lua"), FIGURES)?;
        // A 404 is what it gets.
        let close = CLOSE.to_owned() + &FIGURES.replace(" + errors.status", "");
        std::fs::write(folder.path().join("close.lua"), close)?;
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
        self.wrk("deliver.lua", url, host, CONNECTIONS, seconds)
    }

    /// Loads the server with deliveries of which each has an id of its own.
    pub(crate) fn deliver(
        &self,
        url: &str,
        deliveries: LoadEvent,
        connections: u32,
        seconds: u32,
    ) -> Result<Answered, Box<dyn Error>> {
        let script = match deliveries {
            LoadEvent::Comments => "ids.lua",
            LoadEvent::Commits => "keys.lua",
        };
        self.wrk(script, url, None, connections, seconds)
    }

    /// Sends this many deliveries, or some more.
    pub(crate) fn this_many(
        &self,
        url: &str,
        deliveries: LoadEvent,
        connections: u32,
        count: u64,
    ) -> Result<(), Box<dyn Error>> {
        let mut sent = 0;
        while sent < count {
            let seconds = if count - sent > 100_000 { 5 } else { 1 };
            sent += self.deliver(url, deliveries, connections, seconds)?.requests;
        }
        Ok(())
    }

    /// Gets what is at `url`, again and again.
    pub(crate) fn get(&self, url: &str, seconds: u32) -> Result<Answered, Box<dyn Error>> {
        self.wrk("get.lua", url, None, CONNECTIONS, seconds)
    }

    /// Gets what is at `url`, with a new connection each time, whatever the status.
    pub(crate) fn connections(&self, url: &str, seconds: u32) -> Result<Answered, Box<dyn Error>> {
        self.wrk("close.lua", url, None, CONNECTIONS, seconds)
    }

    fn wrk(
        &self,
        script: &str,
        url: &str,
        host: Option<&str>,
        connections: u32,
        seconds: u32,
    ) -> Result<Answered, Box<dyn Error>> {
        let host = host.map(|host| ["--header".to_owned(), format!("Host: {host}")]);
        let output = pinned(LOAD_CORE, "wrk")
            .args(host.iter().flatten())
            .args(["--threads", "1", "--latency", "--connections", &connections.to_string()])
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
