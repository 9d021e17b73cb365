//! The servers that are compared, each a process of its own.

use std::error::Error;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Read, Seek};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tests::client::{PAGE_TOKEN, Viewer, request};
use tests::program::build;
use webhooks_runtime::testing::dataset_commit;

use crate::PROFILE;

/// The secret that every server knows and every request brings.
pub(crate) const SECRET: &str = "a-secret-of-the-benchmark";

/// Where every server has its endpoint.
pub(crate) const PATH: &str = "/webhooks/trigger_training";

/// The core that serves.
pub(crate) const SERVER_CORE: &str = "0";

/// The core that makes the load.
pub(crate) const LOAD_CORE: &str = "1";

/// How long a server may take to start.
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    ByHand,
    Ours,
    Thousand,
    /// Has a filter that every delivery of the load matches.
    Filtered,
    /// Has a filter that no delivery of the load matches.
    Skipping,
    Logging,
    /// Keeps no deliveries.
    Forgetful,
    /// Keeps deliveries, while pages follow them.
    Followed,
    Original,
}

/// How many pages follow the deliveries.
const FOLLOWERS: usize = 3;

pub(crate) struct MeasuredServer {
    pub(crate) kind: Kind,
    pub(crate) name: &'static str,
    program: PathBuf,
    argument: Option<PathBuf>,
    /// What `RUST_LOG` is.
    log: &'static str,
}

impl MeasuredServer {
    /// Builds them all. The Python original is among them when `PEER_PYTHON` names a Python that has
    /// it.
    pub(crate) fn all() -> io::Result<Vec<Self>> {
        let ours = build("fixture-measured", PROFILE);
        let rust = |kind, name, program, log| Self { kind, name, program, argument: None, log };
        let mut servers = vec![
            rust(Kind::ByHand, "actix-web by hand", build("fixture-by-hand", PROFILE), "warn"),
            rust(Kind::Ours, "webhooks-runtime", ours.clone(), "warn"),
            rust(
                Kind::Thousand,
                "… with 1,000 endpoints",
                build("fixture-thousand", PROFILE),
                "warn",
            ),
            rust(Kind::Filtered, "… with a filter that matches", ours.clone(), "warn"),
            rust(Kind::Skipping, "… with a filter that skips", ours.clone(), "warn"),
            rust(Kind::Logging, "… with a log line for each delivery", ours.clone(), "info"),
            rust(Kind::Forgetful, "… that keeps no deliveries", ours.clone(), "warn"),
            rust(Kind::Followed, "… with three pages following the deliveries", ours, "warn"),
        ];
        if let Some(python) = std::env::var_os("PEER_PYTHON") {
            servers.push(Self {
                kind: Kind::Original,
                name: "huggingface_hub (Python)",
                program: python.into(),
                argument: Some(Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/original.py")),
                log: "",
            });
        }
        Ok(servers)
    }

    /// Starts the server and waits for its first 200.
    pub(crate) fn start(&self) -> Result<StartedServer, Box<dyn Error>> {
        let forgetful = (self.kind == Kind::Forgetful).then_some(("ACTIVITY", "off"));
        let mut command = pinned(SERVER_CORE, &self.program);
        let filtered = match self.kind {
            Kind::Filtered => Some(("FILTER", "on")),
            Kind::Skipping => Some(("FILTER", "skip")),
            _ => None,
        };
        command.args(&self.argument).envs(forgetful).envs(filtered).env("RUST_LOG", self.log);
        let mut running = launch(command, self.name, PATH)?;
        if self.kind == Kind::Followed {
            let base = running.url.trim_end_matches(PATH).to_owned();
            for _ in 0..FOLLOWERS {
                running.followers.push(follow(&base)?);
            }
        }
        Ok(running)
    }
}

/// Starts a server and waits for the first 200 of the endpoint at this path.
pub(crate) fn launch(
    mut command: Command,
    name: &str,
    path: &str,
) -> Result<StartedServer, Box<dyn Error>> {
    let body = serde_json::to_string(&dataset_commit())?;
    let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let mut output = tempfile::tempfile()?;
    let started = Instant::now();
    let child = command
        .env("WEBHOOK_SECRET", SECRET)
        .env("GRADIO_SERVER_PORT", port.to_string())
        .env("GRADIO_ANALYTICS_ENABLED", "False")
        .env("GRADIO_SHARE", "False")
        .envs([PAGE_TOKEN])
        .stdin(Stdio::null())
        .stdout(output.try_clone()?)
        .stderr(output.try_clone()?)
        .spawn()?;
    let base = format!("http://127.0.0.1:{port}");
    let url = format!("{base}{path}");
    let mut running = StartedServer { child, url, milliseconds: 0.0, followers: Vec::new() };
    while !answers(&base, path, &body) {
        if running.child.try_wait()?.is_some() || started.elapsed() > PATIENCE {
            return Err(format!("{name} doesn't start: {}", whole(&mut output)?).into());
        }
        std::thread::sleep(Duration::from_micros(200));
    }
    running.milliseconds = started.elapsed().as_secs_f64() * 1e3;
    Ok(running)
}

/// A server that runs. It is ended when it is dropped.
///
/// It prints into a file: the threads with which `tests::program` reads along would take from the
/// cores that are measured.
pub(crate) struct StartedServer {
    child: Child,
    pub(crate) url: String,
    /// From the start of the process to the first 200.
    pub(crate) milliseconds: f64,
    followers: Vec<Child>,
}

impl StartedServer {
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Its resident memory, in MiB.
    pub(crate) fn memory(&self) -> Result<f64, Box<dyn Error>> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kibibytes = resident.and_then(|text| text.trim().strip_suffix(" kB"));
        Ok(kibibytes.ok_or("no VmRSS")?.parse::<f64>()? / 1024.0)
    }
}

impl Drop for StartedServer {
    fn drop(&mut self) {
        for process in self.followers.iter_mut().chain([&mut self.child]) {
            // An error says that it has ended already.
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

/// Takes all that a page is sent that follows the deliveries.
fn follow(base: &str) -> io::Result<Child> {
    pinned(LOAD_CORE, "curl")
        .args(["--silent", "--no-buffer", "--fail", "--output", "/dev/null"])
        .args(["--header", &Viewer::of_program(base).cookie])
        .arg(format!("{base}/events"))
        .spawn()
}

/// Whether a delivery is answered with 200.
fn answers(base: &str, path: &str, body: &str) -> bool {
    let secret = format!("X-Webhook-Secret: {SECRET}");
    let headers = [secret.as_str(), "Content-Type: application/json"];
    request(base, &format!("POST {path}"), &headers, body).is_ok_and(|answer| answer.status == 200)
}

/// All that a server has printed.
fn whole(output: &mut File) -> io::Result<String> {
    let mut text = String::new();
    output.rewind()?;
    output.read_to_string(&mut text)?;
    Ok(text)
}

/// A program that stays on one core.
pub(crate) fn pinned(core: &str, program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new("taskset");
    command.args(["--cpu-list", core]).arg(program);
    command
}
