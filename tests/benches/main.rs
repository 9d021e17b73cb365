//! How fast and how large a server is, beside the same server written by hand and beside the Python
//! original. Run it with `./tests/bench`.
//!
//! Each server runs alone, on one core, in rounds that take turns, with the load on another core. A
//! ratio is taken within each round, so that what slows the machine down for a while slows both.

mod background;
mod build;
mod link;
mod load;
mod numbers;
mod print;
mod scale;
mod server;
mod table;

use std::error::Error;

use build::CleanBuild;
use load::Load;
use numbers::{median, ratio};
use print::{progress, say};
use server::{Kind, MeasuredServer};
use table::Table;

/// What is measured is built as this is: optimized, but for a quick one.
const PROFILE: &str = if cfg!(debug_assertions) { "dev" } else { "release" };

/// Rounds of load, and seconds of each. Starts are cheaper, so there are more of them.
struct Effort {
    rounds: usize,
    seconds: u32,
    starts: usize,
    builds: usize,
    /// How many requests are answered, at the least, before the memory is read.
    requests: u64,
}

const WHOLE: Effort = Effort { rounds: 9, seconds: 5, starts: 21, builds: 3, requests: 100_000 };
/// How long short connections are made.
const CONNECTION_SECONDS: u32 = 600;
/// Enough to see that all of it works; the figures mean little.
const QUICK: Effort = Effort { rounds: 1, seconds: 1, starts: 1, builds: 0, requests: 1 };

/// What was measured of one server, a value for each round or start.
#[derive(Default)]
struct Measured {
    /// Requests per second.
    rates: Vec<f64>,
    /// The 99th percentile of the time to the answer, in milliseconds.
    p99s: Vec<f64>,
    /// Milliseconds from the start of the process to the first 200.
    starts: Vec<f64>,
    /// Resident memory after the requests of [`Effort`], in MiB.
    memory: f64,
}

/// What was measured of the page, a value for each round: the time to the whole of it, in milliseconds.
#[derive(Default)]
struct PageTimes {
    p50s: Vec<f64>,
    p99s: Vec<f64>,
}

fn main() -> Result<(), Box<dyn Error>> {
    // Cargo adds `--bench`.
    let arguments: Vec<_> = std::env::args().skip(1).filter(|given| given != "--bench").collect();
    let effort = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => WHOLE,
        ["--quick"] => QUICK,
        ["--builds"] => return report_builds(WHOLE.builds),
        ["--background"] => return report_background(&Load::new()?),
        ["--scale"] => return scale::report(&Load::new()?, 3, 150_000),
        ["--link"] => return report_link(&Load::new()?, &WHOLE),
        ["--requests"] => return report_requests(&Load::new()?, &WHOLE),
        ["--connections"] => return report_connections(&Load::new()?, CONNECTION_SECONDS),
        [link::SHARE_SERVER] => return link::share_server(),
        _ => return Err("the arguments are listed in tests/bench".into()),
    };
    let load = Load::new()?;
    report_requests(&load, &effort)?;
    report_link(&load, &effort)?;
    if effort.requests == WHOLE.requests {
        report_background(&load)?;
    }
    if effort.builds > 0 {
        report_builds(effort.builds)?;
    }
    Ok(())
}

/// Measures each server with requests, starts and its memory.
fn report_requests(load: &Load, effort: &Effort) -> Result<(), Box<dyn Error>> {
    let servers = MeasuredServer::all()?;
    let mut page = PageTimes::default();
    let mut measured: Vec<Measured> = servers.iter().map(|_| Measured::default()).collect();
    for round in 0..effort.rounds {
        progress(&format!("round {} of {}", round + 1, effort.rounds));
        for index in taking_turns(servers.len(), round) {
            let running = servers[index].start()?;
            let answered = load.run(&running.url, None, effort.seconds)?;
            measured[index].rates.push(answered.rate);
            measured[index].p99s.push(answered.p99_ms);
            if servers[index].kind == Kind::Ours {
                // With the deliveries of the load on it.
                let page_url = running.url.replace(server::PATH, "/");
                let answered = load.get(&page_url, effort.seconds)?;
                page.p50s.push(answered.p50_ms);
                page.p99s.push(answered.p99_ms);
            }
        }
    }
    for start in 0..effort.starts {
        progress(&format!("start {} of {}", start + 1, effort.starts));
        for index in taking_turns(servers.len(), start) {
            // Seconds each: a few are enough for one that is a hundred times above the bound.
            if servers[index].kind == Kind::Original && start >= 3 {
                continue;
            }
            measured[index].starts.push(servers[index].start()?.milliseconds);
        }
    }
    for (server, measured) in servers.iter().zip(&mut measured) {
        progress(&format!("memory of {}", server.name));
        let running = server.start()?;
        let mut answered = 0;
        while answered < effort.requests {
            answered += load.run(&running.url, None, effort.seconds)?.requests;
        }
        measured.memory = running.memory()?;
    }
    progress("");
    report(&servers, &measured, effort, load.payload_bytes());
    report_page(&page);
    Ok(())
}

/// Measures how much memory many short connections leave behind.
fn report_connections(load: &Load, seconds: u32) -> Result<(), Box<dyn Error>> {
    let servers = MeasuredServer::all()?;
    let mut table = Table::new(&[
        "a connection for each 404",
        "connections/s",
        "memory before, MiB",
        "after, MiB",
    ]);
    for server in servers.iter().filter(|server| server.kind == Kind::Ours) {
        progress(&format!("{seconds} s of connections"));
        let running = server.start()?;
        let before = running.memory()?;
        let answered = load.connections(&running.url.replace(server::PATH, "/none"), seconds)?;
        table.row([
            server.name.to_owned(),
            numbers::thousands(answered.rate),
            format!("{before:.1}"),
            format!("{:.1}", running.memory()?),
        ]);
    }
    progress("");
    say(&table.to_string());
    Ok(())
}

/// The order within a round: there and back again, so that none always comes after the same other.
fn taking_turns(count: usize, round: usize) -> Vec<usize> {
    if round.is_multiple_of(2) { (0..count).collect() } else { (0..count).rev().collect() }
}

fn report(
    servers: &[MeasuredServer],
    measured: &[Measured],
    effort: &Effort,
    payload_bytes: usize,
) {
    say(&format!(
        "Medians of {} rounds of {} s: one core for the server, one for the load, {} connections, a \
         payload of {payload_bytes} bytes. A ratio is taken within each round.\n",
        effort.rounds,
        effort.seconds,
        load::CONNECTIONS,
    ));
    if effort.requests < WHOLE.requests {
        say("This was a quick one, of programs that aren't optimized: the figures mean nothing.\n");
    }
    let mut table = Table::new(&[
        "server",
        "requests/s",
        "p99, ms",
        "start to first 200, ms",
        "memory after 100,000 requests, MiB",
    ]);
    for (server, measured) in servers.iter().zip(measured) {
        table.row([
            server.name.to_owned(),
            numbers::thousands(median(&measured.rates)),
            format!("{:.2}", median(&measured.p99s)),
            format!("{:.1}", median(&measured.starts)),
            format!("{:.1}", measured.memory),
        ]);
    }
    say(&table.to_string());

    let of = |kind| servers.iter().position(|server| server.kind == kind).map(|i| &measured[i]);
    let mut table = Table::new(&["ratio", "median", "lowest", "highest"]);
    let mut compare = |name: &str, values: fn(&Measured) -> &[f64], one, other| {
        if let (Some(one), Some(other)) = (of(one), of(other)) {
            let ratio = ratio(values(one), values(other));
            let digits = if ratio.median < 10.0 { 3 } else { 1 };
            let number = |value: f64| format!("{value:.digits$}");
            table.row([
                name.to_owned(),
                number(ratio.median),
                number(ratio.lowest),
                number(ratio.highest),
            ]);
        }
    };
    let rates: fn(&Measured) -> &[f64] = |measured| &measured.rates;
    let p99s: fn(&Measured) -> &[f64] = |measured| &measured.p99s;
    compare("requests/s: ours / by hand", rates, Kind::Ours, Kind::ByHand);
    compare("p99: ours / by hand", p99s, Kind::Ours, Kind::ByHand);
    compare("requests/s: 1,000 endpoints / one", rates, Kind::Thousand, Kind::Ours);
    compare("requests/s: with a filter that matches / none", rates, Kind::Filtered, Kind::Ours);
    compare("requests/s: with a filter that skips / none", rates, Kind::Skipping, Kind::Ours);
    compare("requests/s: a log line each / none", rates, Kind::Logging, Kind::Ours);
    compare(
        "requests/s: deliveries kept, three pages following / not kept",
        rates,
        Kind::Followed,
        Kind::Forgetful,
    );
    compare("requests/s: ours / Python", rates, Kind::Ours, Kind::Original);
    say(&table.to_string());
}

/// The first byte comes before the last, which this is the time of.
fn report_page(page: &PageTimes) {
    let mut table = Table::new(&["the page, with deliveries on it", "median, ms", "p99, ms"]);
    table.row([
        format!("to its last byte, {} connections", load::CONNECTIONS),
        format!("{:.2}", median(&page.p50s)),
        format!("{:.2}", median(&page.p99s)),
    ]);
    say(&table.to_string());
}

fn report_link(load: &Load, effort: &Effort) -> Result<(), Box<dyn Error>> {
    let tables = link::measure(load, effort.rounds, effort.seconds, progress)?;
    progress("");
    for table in tables {
        say(&table.to_string());
    }
    Ok(())
}

fn report_background(load: &Load) -> Result<(), Box<dyn Error>> {
    let effort = background::BackgroundEffort {
        rounds: 3,
        seconds: 5,
        drains: (2, 100_000),
        waiting: 1_000_000,
        timed: 500,
    };
    let tables = background::measure(load, &effort, progress)?;
    progress("");
    for table in tables {
        say(&table.to_string());
    }
    Ok(())
}

fn report_builds(rounds: usize) -> Result<(), Box<dyn Error>> {
    let mut bare = CleanBuild::new("fixture-bare");
    let mut ours = CleanBuild::new("fixture-measured");
    for round in 0..rounds {
        progress(&format!("clean build {} of {rounds}", round + 1));
        bare.run()?;
        ours.run()?;
    }
    progress("");
    let mut table = Table::new(&["clean build, unoptimized", "crates", "seconds"]);
    for (name, build) in [("actix-web and serde_json", &bare), ("webhooks-runtime", &ours)] {
        table.row([
            name.to_owned(),
            build.crates.to_string(),
            format!("{:.1}", median(&build.seconds)),
        ]);
    }
    table.row([
        "added".to_owned(),
        ours.crates.saturating_sub(bare.crates).to_string(),
        format!("{:.1}", median(&ours.seconds) - median(&bare.seconds)),
    ]);
    say(&table.to_string());
    Ok(())
}
