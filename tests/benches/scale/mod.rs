//! How far one process and one PostgreSQL go: measured points, and what a model of a few constants says of them.
//!
//! The constants are measured in some points. All other points are predicted from them: other numbers of connections and
//! replicas, functions that take longer, other values of `concurrency`.

mod cpu;
mod report;

use std::error::Error;
use std::thread;
use std::time::{Duration, Instant};

use crate::background::{BenchPostgres, BenchStore, Served};
use crate::load::{Load, LoadEvent};
use crate::print::{progress, say};
use crate::server::LOAD_CORE;
use cpu::ServerProcesses;
use tests::scale::check_predictions;

/// How long a load and a measured window last.
const SECONDS: u32 = 5;

/// How long it may take until all replicas run functions.
const PATIENCE: Duration = Duration::from_secs(60);

/// A point of accepting.
struct AcceptPoint {
    replicas: u32,
    /// How many connections send deliveries, to all replicas together.
    connections: u32,
    gives_constants: bool,
}

/// The points that give the constants of accepting. They are in the middle: a batch of the store costs less for each
/// delivery the larger it is, so constants from the ends would be further off between them.
const FEW_CONNECTIONS: u32 = 4;
const MANY_CONNECTIONS: u32 = 64;

const ACCEPTS: [AcceptPoint; 6] = [
    accept(1, 1, false),
    accept(1, FEW_CONNECTIONS, true),
    accept(1, 16, false),
    accept(1, MANY_CONNECTIONS, true),
    accept(1, 256, false),
    accept(2, MANY_CONNECTIONS, false),
];

/// A point of running.
struct RunPoint {
    replicas: u32,
    endpoint: &'static str,
    concurrency: u32,
    /// How long a function takes, in milliseconds.
    takes: u32,
}

/// Functions that do nothing give the constants, for each number of replicas.
const RUNS: [RunPoint; 12] = [
    run(1, "gated", 16, 0),
    run(2, "gated", 16, 0),
    run(4, "gated", 16, 0),
    run(1, "gated", 16, 20),
    run(2, "gated", 16, 20),
    run(4, "gated", 16, 20),
    run(1, "gated", 16, 100),
    run(2, "gated", 16, 100),
    run(4, "gated", 16, 100),
    run(1, "gated_64", 64, 100),
    run(2, "gated_64", 64, 100),
    run(4, "gated_64", 64, 100),
];

const fn accept(replicas: u32, connections: u32, gives_constants: bool) -> AcceptPoint {
    AcceptPoint { replicas, connections, gives_constants }
}

const fn run(replicas: u32, endpoint: &'static str, concurrency: u32, takes: u32) -> RunPoint {
    RunPoint { replicas, endpoint, concurrency, takes }
}

/// What was measured at one point, a value for each round.
#[derive(Clone, Default)]
struct Measurements {
    /// Deliveries a second.
    rates: Vec<f64>,
    /// CPU time of a delivery in the program and in PostgreSQL, in seconds.
    program: Vec<f64>,
    database: Vec<f64>,
}

/// The setup in which everything is measured.
struct Machine<'a> {
    load: &'a Load,
    postgres: &'a BenchPostgres,
    processes: ServerProcesses,
}

impl Machine<'_> {
    /// The CPU time of the replicas and of PostgreSQL until now, in seconds.
    fn cpu_times(&self, replicas: &[Served]) -> Result<(f64, f64), Box<dyn Error>> {
        let program = replicas.iter().map(|it| cpu::seconds_of(it.running.pid())).sum();
        Ok((program, self.processes.seconds()?))
    }

    /// Records what happened since `before`.
    fn record(
        &self,
        measured: &mut Measurements,
        replicas: &[Served],
        before: (f64, f64),
        (deliveries, seconds): (f64, f64),
    ) -> Result<(), Box<dyn Error>> {
        let now = self.cpu_times(replicas)?;
        measured.rates.push(deliveries / seconds);
        measured.program.push((now.0 - before.0) / deliveries);
        measured.database.push((now.1 - before.1) / deliveries);
        Ok(())
    }

    /// Accepts deliveries that all wait, by replicas that are sent the same number of them.
    fn accept(
        &self,
        name: &str,
        point: &AcceptPoint,
        measured: &mut Measurements,
    ) -> Result<(), Box<dyn Error>> {
        let store = BenchStore::postgres(self.postgres, name)?;
        let replicas = start(&store, point.replicas, &[])?;
        let connections = point.connections / point.replicas;
        let before = self.cpu_times(&replicas)?;
        let rates = thread::scope(|scope| {
            let send = |served: &Served| {
                let url = served.url("waits");
                scope.spawn(move || {
                    let sent = self.load.deliver(&url, LoadEvent::Comments, connections, SECONDS);
                    sent.map(|sent| (sent.requests, sent.rate)).map_err(|error| error.to_string())
                })
            };
            let senders: Vec<_> = replicas.iter().map(send).collect();
            let sent = senders.into_iter().map(|it| it.join().map_err(|_| "a sender panicked")?);
            sent.collect::<Result<Vec<_>, String>>()
        })?;
        let deliveries = rates.iter().map(|(requests, _)| *requests as f64).sum::<f64>();
        let rate = rates.iter().map(|(_, rate)| rate).sum::<f64>();
        self.record(measured, &replicas, before, (deliveries, deliveries / rate))
    }

    /// Runs functions of deliveries that wait already.
    fn run(
        &self,
        store: &BenchStore,
        point: &RunPoint,
        measured: &mut Measurements,
    ) -> Result<(), Box<dyn Error>> {
        store.end_leases()?;
        let (takes, only) = (point.takes.to_string(), point.endpoint);
        let replicas = start(store, point.replicas, &[("TAKES_MS", &takes), ("ONLY", only)])?;
        let run = || -> Result<u64, Box<dyn Error>> {
            let figures = replicas.iter().map(Served::figures);
            figures.map(|it| Ok(it?["run"].as_u64().unwrap_or_default())).sum()
        };
        let deadline = Instant::now() + PATIENCE;
        while run()? == 0 {
            if Instant::now() > deadline {
                return Err(format!("no function of {only} is run").into());
            }
            thread::sleep(Duration::from_millis(50));
        }
        // What it takes to start is over then.
        thread::sleep(Duration::from_millis(500));
        let (earlier, before, started) = (run()?, self.cpu_times(&replicas)?, Instant::now());
        thread::sleep(Duration::from_secs(SECONDS.into()));
        let (later, seconds) = (run()?, started.elapsed().as_secs_f64());
        self.record(measured, &replicas, before, ((later - earlier) as f64, seconds))
    }
}

/// Starts replicas on the servers' core.
fn start(
    store: &BenchStore,
    replicas: u32,
    variables: &[(&str, &str)],
) -> Result<Vec<Served>, Box<dyn Error>> {
    (0..replicas).map(|_| Served::start_with(store, variables)).collect()
}

/// Measures all points in each round, and prints the constants, and each point with its prediction. A prediction that is
/// beyond the bound is an error.
pub(crate) fn report(load: &Load, rounds: usize, waiting: u64) -> Result<(), Box<dyn Error>> {
    let postgres = BenchPostgres::start()?;
    let processes = ServerProcesses::of(postgres.folder())?;
    // With what sends: the program has its core for itself.
    processes.pin(LOAD_CORE)?;
    let machine = Machine { load, postgres: &postgres, processes };
    let mut accepted = vec![Measurements::default(); ACCEPTS.len()];
    let mut run = vec![Measurements::default(); RUNS.len()];
    let mut bytes = 0.0;
    for round in 0..rounds {
        for (index, (point, measured)) in ACCEPTS.iter().zip(&mut accepted).enumerate() {
            progress(&format!("round {} of {rounds}: accept {}", round + 1, index + 1));
            machine.accept(&format!("accept_{round}_{index}"), point, measured)?;
        }
        progress(&format!("round {} of {rounds}: deliveries that wait", round + 1));
        let store = BenchStore::postgres(&postgres, &format!("run_{round}"))?;
        for served in start(&store, 1, &[("HOLD", "1")])? {
            for endpoint in ["gated", "gated_64"] {
                let url = served.url(endpoint);
                load.this_many(&url, LoadEvent::Comments, 64, waiting)?;
            }
        }
        bytes = store.database_size()? / (2.0 * waiting as f64);
        for (index, (point, measured)) in RUNS.iter().zip(&mut run).enumerate() {
            progress(&format!("round {} of {rounds}: run {}", round + 1, index + 1));
            machine.run(&store, point, measured)?;
        }
    }
    progress("");
    say(&report::constants(&accepted, &run, bytes).to_string());
    let points = report::points(&accepted, &run);
    say(&report::points_table(&points).to_string());
    Ok(check_predictions(&points)?)
}
