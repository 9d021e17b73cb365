//! Background deliveries: how many are accepted, beside the same endpoint without `background`, how soon
//! they are run, and what it costs when a million of them wait.

use std::error::Error;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;
use tests::client::{get, request};
use tests::program::build;

use crate::PROFILE;
use crate::load::Load;
use crate::numbers::{median, ratio, thousands};
use crate::server::{SECRET, SERVER_CORE, StartedServer, launch, pinned};
use crate::table::Table;

/// How many connections send deliveries.
const CONNECTIONS: u32 = 64;

/// How many run at the same time, where nothing else is said.
const AT_ONCE: u64 = 16;

/// Effort for one measurement.
pub(crate) struct BackgroundEffort {
    pub(crate) rounds: usize,
    pub(crate) seconds: u32,
    /// How many are drained.
    pub(crate) drained: u64,
    /// How many wait when it is measured what waiting ones cost.
    pub(crate) waiting: u64,
    /// How many are sent to an idle server, one after the other.
    pub(crate) timed: usize,
}

/// A PostgreSQL server of the benchmark's own. It is stopped when this is dropped.
struct BenchPostgres {
    folder: TempDir,
    url: String,
}

impl BenchPostgres {
    fn start() -> Result<Self, Box<dyn Error>> {
        let folder = tempfile::tempdir()?;
        let output = script("start", folder.path()).output()?;
        let url = String::from_utf8(output.stdout)?.trim().to_owned();
        if url.is_empty() {
            return Err(String::from_utf8_lossy(&output.stderr).into_owned().into());
        }
        Ok(Self { folder, url })
    }

    /// The URL of a new database.
    fn database(&self, name: &str) -> Result<String, Box<dyn Error>> {
        let made = Command::new("psql")
            .args(["--quiet", "--dbname", &self.url, "--command"])
            .arg(format!("CREATE DATABASE {name}"))
            .status()?;
        if !made.success() {
            return Err("psql makes no database".into());
        }
        let server = self.url.rsplit_once('/').map_or("", |(server, _)| server);
        Ok(format!("{server}/{name}"))
    }
}

impl Drop for BenchPostgres {
    fn drop(&mut self) {
        let _ = script("stop", self.folder.path()).status();
    }
}

fn script(command: &str, folder: &Path) -> Command {
    let mut script = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("postgres"));
    script.arg(command).arg(folder);
    script
}

/// What was measured in each round, in deliveries per second.
#[derive(Default)]
struct Rates {
    answered: Vec<f64>,
    file: Vec<f64>,
    postgres: Vec<f64>,
    file_p99s: Vec<f64>,
    empty: Vec<f64>,
    full: Vec<f64>,
}

/// A server with a store of its own.
struct Served {
    running: StartedServer,
    base: String,
    _folder: TempDir,
}

impl Served {
    /// Starts one with this store, or with a new file.
    fn start(store: Option<&str>) -> Result<Self, Box<dyn Error>> {
        Self::start_with(store, &[])
    }

    fn start_with(store: Option<&str>, variables: &[(&str, &str)]) -> Result<Self, Box<dyn Error>> {
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("webhooks.db");
        let store = store.map_or_else(|| file.display().to_string(), str::to_owned);
        let program = build("fixture-kept", PROFILE);
        let mut command = pinned(SERVER_CORE, &program);
        command.args(["--store", &store]).env("RUST_LOG", "warn");
        command.envs(variables.iter().copied());
        let running = launch(command, "fixture-kept", "/webhooks/answered")?;
        let base = running.url.trim_end_matches("/webhooks/answered").to_owned();
        Ok(Self { running, base, _folder: folder })
    }

    fn url(&self, endpoint: &str) -> String {
        format!("{}/webhooks/{endpoint}", self.base)
    }

    /// What the program has counted.
    fn figures(&self) -> Result<Value, Box<dyn Error>> {
        Ok(get(&self.base, "/figures")?.json())
    }
}

/// Measures and gives the tables.
pub(crate) fn measure(
    load: &Load,
    effort: &BackgroundEffort,
    progress: impl Fn(&str),
) -> Result<Vec<Table>, Box<dyn Error>> {
    let postgres = BenchPostgres::start()?;
    let mut rates = Rates::default();
    for round in 0..effort.rounds {
        progress(&format!("background deliveries, round {} of {}", round + 1, effort.rounds));
        let served = Served::start(None)?;
        let answered = load.ids(&served.url("answered"), CONNECTIONS, effort.seconds)?;
        rates.answered.push(answered.rate);
        let kept = load.ids(&served.url("kept"), CONNECTIONS, effort.seconds)?;
        rates.file.push(kept.rate);
        rates.file_p99s.push(kept.p99_ms);
        drop(served);
        let database = postgres.database(&format!("round_{round}"))?;
        let served = Served::start(Some(&database))?;
        let kept = load.ids(&served.url("kept"), CONNECTIONS, effort.seconds)?;
        rates.postgres.push(kept.rate);
    }

    progress("the time to the function's start");
    let waited = waits(effort.timed)?;
    progress("the drain");
    let drain = drains(load, effort.drained)?;
    progress("what waiting ones cost");
    let memory = many(load, effort, &mut rates)?;
    progress("");

    let mut ratios = Table::new(&["background deliveries", "median", "lowest", "highest"]);
    for (name, one, other) in [
        ("accepted/s: in a file / answered by the function", &rates.file, &rates.answered),
        ("accepted/s: in PostgreSQL / answered by the function", &rates.postgres, &rates.answered),
        ("accepted/s: with a million waiting / with none", &rates.full, &rates.empty),
    ] {
        let ratio = ratio(one, other);
        let number = |value: f64| format!("{value:.3}");
        ratios.row([
            name.to_owned(),
            number(ratio.median),
            number(ratio.lowest),
            number(ratio.highest),
        ]);
    }
    let mut figures = Table::new(&["background deliveries", "median"]);
    for (name, value) in [
        ("accepted/s, in a file, 64 connections", thousands(median(&rates.file))),
        ("… p99, ms", format!("{:.2}", median(&rates.file_p99s))),
        ("accepted/s, in PostgreSQL, 64 connections", thousands(median(&rates.postgres))),
        ("from arrival to the function's start, idle, ms", format!("{:.2}", median(&waited))),
        ("drained/s, functions that do nothing", thousands(drain)),
        ("memory with a million waiting, MiB", format!("{memory:.1}")),
    ] {
        figures.row([name.to_owned(), value]);
    }
    Ok(vec![ratios, figures])
}

/// From arrival to the start of the function on an idle server, in milliseconds.
fn waits(count: usize) -> Result<Vec<f64>, Box<dyn Error>> {
    let served = Served::start(None)?;
    for sent in 0..count {
        let id = format!("Webhook-Id: {sent}");
        deliver(&served, "timed", &id)?;
        // Idle again.
        std::thread::sleep(Duration::from_millis(5));
    }
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let figures = served.figures()?;
        let waited = figures["waited"].as_array().cloned().unwrap_or_default();
        if waited.len() == count {
            let milliseconds = |micros: &Value| micros.as_f64().unwrap_or_default() / 1e3;
            return Ok(waited.iter().map(milliseconds).collect());
        }
        if Instant::now() > deadline {
            return Err("not all were run".into());
        }
    }
}

fn deliver(served: &Served, endpoint: &str, id: &str) -> Result<(), Box<dyn Error>> {
    let secret = format!("X-Webhook-Secret: {SECRET}");
    let headers = [secret.as_str(), "Content-Type: application/json", id];
    let answer = request(&served.base, &format!("POST /webhooks/{endpoint}"), &headers, "{}")?;
    if answer.status == 202 { Ok(()) } else { Err(format!("{answer:?}").into()) }
}

/// How many are run in a second when they wait already: those that a load left behind.
fn drains(load: &Load, count: u64) -> Result<f64, Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("webhooks.db").display().to_string();
    // Some run and never end, all others wait …
    let served = Served::start_with(Some(&file), &[("HOLD", "1")])?;
    load.this_many(&served.url("gated"), CONNECTIONS, count)?;
    drop(served);
    // … and at the next start they do nothing. Those that ran come back later.
    let served = Served::start(Some(&file))?;
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let figures = served.figures()?;
        let (run, seconds) = (figures["run"].as_u64(), figures["seconds"].as_f64());
        if let (Some(run), Some(seconds)) = (run, seconds)
            && run + AT_ONCE >= count
        {
            return Ok(run as f64 / seconds);
        }
        if Instant::now() > deadline {
            return Err(format!("not all were run: {figures}").into());
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Accepts with none waiting and with many, and gives the memory with many, in MiB.
fn many(load: &Load, effort: &BackgroundEffort, rates: &mut Rates) -> Result<f64, Box<dyn Error>> {
    let full = Served::start(None)?;
    load.this_many(&full.url("waits"), CONNECTIONS, effort.waiting)?;
    let memory = full.running.memory()?;
    for _ in 0..effort.rounds {
        let empty = Served::start(None)?;
        rates.empty.push(load.ids(&empty.url("waits"), CONNECTIONS, effort.seconds)?.rate);
        drop(empty);
        rates.full.push(load.ids(&full.url("waits"), CONNECTIONS, effort.seconds)?.rate);
    }
    Ok(memory)
}
