//! How many deliveries are run in a second when they wait already.

use std::error::Error;
use std::time::{Duration, Instant};

use super::CONNECTIONS;
use super::served::{BenchPostgres, BenchStore, Served};
use crate::load::{Load, LoadEvent};

/// How many run at the same time.
const AT_ONCE: u64 = 16;

/// How long all of them may take.
const PATIENCE: Duration = Duration::from_secs(600);

/// What the server logs while it drains: warnings, a line of its own for each attempt, and one of the function too.
const QUIET: &[(&str, &str)] = &[];
const LINES: &[(&str, &str)] = &[("RUST_LOG", "info")];
const LINES_OF_FUNCTION: &[(&str, &str)] = &[("RUST_LOG", "info"), ("LOG_LINE", "1")];

/// What is drained: the endpoint, and what is logged.
type DrainSetup = (&'static str, &'static [(&'static str, &'static str)]);

const SETUPS: [DrainSetup; 5] = [
    ("gated", QUIET),
    ("gated", LINES),
    ("gated", LINES_OF_FUNCTION),
    ("gated_keyed", QUIET),
    ("gated_newest", QUIET),
];

/// What was drained in each round, in deliveries per second.
#[derive(Default)]
pub(super) struct DrainRates {
    pub(super) quiet: Vec<f64>,
    pub(super) lines: Vec<f64>,
    /// With a line of the function for each attempt too.
    pub(super) lines_of_function: Vec<f64>,
    /// With 1,000 keys.
    pub(super) keyed: Vec<f64>,
    /// With 1,000 keys, of which only the newest delivery is run. The deliveries that it carries count.
    pub(super) newest: Vec<f64>,
}

impl DrainRates {
    fn of(&mut self, setup: usize) -> &mut Vec<f64> {
        match setup {
            0 => &mut self.quiet,
            1 => &mut self.lines,
            2 => &mut self.lines_of_function,
            3 => &mut self.keyed,
            _ => &mut self.newest,
        }
    }
}

/// Drains this many in each round, from files and from PostgreSQL.
pub(super) fn measure(
    load: &Load,
    postgres: &BenchPostgres,
    (rounds, count): (usize, u64),
    progress: impl Fn(&str),
) -> Result<(DrainRates, DrainRates), Box<dyn Error>> {
    let (mut file, mut database) = (DrainRates::default(), DrainRates::default());
    for round in 0..rounds {
        for (setup, it) in SETUPS.into_iter().enumerate() {
            progress(&format!(
                "drain {} of {}",
                round * SETUPS.len() + setup + 1,
                rounds * SETUPS.len()
            ));
            file.of(setup).push(drain(load, &BenchStore::file()?, it, count)?);
            let store = BenchStore::postgres(postgres, &format!("drain_{round}_{setup}"))?;
            database.of(setup).push(drain(load, &store, it, count)?);
        }
    }
    Ok((file, database))
}

/// How many waiting deliveries, which a load left behind, are run in a second.
fn drain(
    load: &Load,
    store: &BenchStore,
    (endpoint, variables): DrainSetup,
    count: u64,
) -> Result<f64, Box<dyn Error>> {
    // Some run and never end, all others wait …
    let served = Served::start_with(store, &[("HOLD", "1")])?;
    load.this_many(&served.url(endpoint), LoadEvent::Commits, CONNECTIONS, count)?;
    drop(served);
    store.end_leases()?;
    // … and at the next start they do nothing. The ones that were running are recovered later.
    let served = Served::start_with(store, variables)?;
    let deadline = Instant::now() + PATIENCE;
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
