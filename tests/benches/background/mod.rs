//! Background deliveries: how many are accepted, beside the same endpoint without `background` and with keys, how soon
//! and how fast they are run, and what it costs when a million of them wait.

mod drain;
mod report;
mod served;

use std::error::Error;
use std::time::{Duration, Instant};

use serde_json::Value;
use tests::client::request;

use crate::load::{Load, LoadEvent};
use crate::server::SECRET;
use crate::table::Table;
use drain::DrainRates;
pub(crate) use served::{BenchPostgres, BenchStore, Served};

/// How many connections send deliveries.
const CONNECTIONS: u32 = 64;

/// Effort for one measurement.
pub(crate) struct BackgroundEffort {
    pub(crate) rounds: usize,
    pub(crate) seconds: u32,
    /// How often is drained, and how many.
    pub(crate) drains: (usize, u64),
    /// How many wait when it is measured what waiting ones cost.
    pub(crate) waiting: u64,
    /// How many are sent to an idle server, one after the other.
    pub(crate) timed: usize,
}

/// How many were accepted in each round, in deliveries per second.
#[derive(Default)]
struct AcceptRates {
    /// Without `background`.
    answered: Vec<f64>,
    file: KeyRates,
    postgres: KeyRates,
    file_p99s: Vec<f64>,
    /// With none waiting, and with many.
    empty: Vec<f64>,
    full: Vec<f64>,
}

/// How many were accepted by the same server with and without keys.
#[derive(Default)]
struct KeyRates {
    /// The deliveries that `answered` gets as well.
    accepted: Vec<f64>,
    /// Commits to 1,000 repos: without keys, with the repos as keys, and of each only the newest.
    plain: Vec<f64>,
    keyed: Vec<f64>,
    newest: Vec<f64>,
}

/// Everything that is measured.
struct BackgroundMeasurements {
    accepted: AcceptRates,
    /// From arrival to the function's start, in milliseconds.
    waited: Vec<f64>,
    file: DrainRates,
    postgres: DrainRates,
    /// With many waiting, in MiB.
    memory: f64,
}

/// Measures and gives the tables.
pub(crate) fn measure(
    load: &Load,
    effort: &BackgroundEffort,
    progress: impl Fn(&str),
) -> Result<Vec<Table>, Box<dyn Error>> {
    let postgres = BenchPostgres::start()?;
    let mut accepted = AcceptRates::default();
    for round in 0..effort.rounds {
        progress(&format!("background deliveries, round {} of {}", round + 1, effort.rounds));
        // Its folder is removed when this is dropped.
        let store = BenchStore::file()?;
        let served = Served::start(&store)?;
        let ids = |url: &str| load.deliver(url, LoadEvent::Comments, CONNECTIONS, effort.seconds);
        accepted.answered.push(ids(&served.url("answered"))?.rate);
        let kept = ids(&served.url("kept"))?;
        accepted.file.accepted.push(kept.rate);
        accepted.file_p99s.push(kept.p99_ms);
        drop(served);
        let database = BenchStore::postgres(&postgres, &format!("round_{round}"))?;
        let served = Served::start(&database)?;
        accepted.postgres.accepted.push(ids(&served.url("kept"))?.rate);
        drop(served);
        with_keys(load, effort, &BenchStore::file()?, &mut accepted.file)?;
        let database = BenchStore::postgres(&postgres, &format!("keys_{round}"))?;
        with_keys(load, effort, &database, &mut accepted.postgres)?;
    }

    progress("the time to the function's start");
    let waited = waits(effort.timed)?;
    let (file, database) = drain::measure(load, &postgres, effort.drains, &progress)?;
    progress("what waiting ones cost");
    let memory = many(load, effort, &mut accepted)?;
    progress("");
    let measured = BackgroundMeasurements { accepted, waited, file, postgres: database, memory };
    Ok(vec![report::ratios(&measured), report::figures(&measured)])
}

/// Accepts the same deliveries without keys and with them.
fn with_keys(
    load: &Load,
    effort: &BackgroundEffort,
    store: &BenchStore,
    rates: &mut KeyRates,
) -> Result<(), Box<dyn Error>> {
    let served = Served::start(store)?;
    for (endpoint, rates) in
        [("kept", &mut rates.plain), ("keyed", &mut rates.keyed), ("newest", &mut rates.newest)]
    {
        let url = served.url(endpoint);
        let accepted = load.deliver(&url, LoadEvent::Commits, CONNECTIONS, effort.seconds)?;
        rates.push(accepted.rate);
    }
    Ok(())
}

/// From arrival to the start of the function on an idle server, in milliseconds.
fn waits(count: usize) -> Result<Vec<f64>, Box<dyn Error>> {
    let store = BenchStore::file()?;
    let served = Served::start(&store)?;
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

/// Accepts with none waiting and with many, and gives the memory with many, in MiB.
fn many(
    load: &Load,
    effort: &BackgroundEffort,
    rates: &mut AcceptRates,
) -> Result<f64, Box<dyn Error>> {
    let store = BenchStore::file()?;
    let full = Served::start(&store)?;
    let ids = |url: &str| load.deliver(url, LoadEvent::Comments, CONNECTIONS, effort.seconds);
    load.this_many(&full.url("waits"), LoadEvent::Comments, CONNECTIONS, effort.waiting)?;
    let memory = full.running.memory()?;
    for _ in 0..effort.rounds {
        let store = BenchStore::file()?;
        let empty = Served::start(&store)?;
        rates.empty.push(ids(&empty.url("waits"))?.rate);
        drop(empty);
        rates.full.push(ids(&full.url("waits"))?.rate);
    }
    Ok(memory)
}
