//! The run of one store: load and faults, then load without faults, then the proof.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;
use std::time::{Duration, Instant};

use tests::background::Place;
use tests::background::kills::Evidence;

use crate::database::DatabaseCluster;
use crate::figures::{ProcessResources, SoakFigures};
use crate::load::{LoadPhase, LoadSettings, load};
use crate::options::SoakOptions;
use crate::outcome::{SoakOutcome, figures};
use crate::plan::SoakFault;
use crate::proof::{started_while_paused, stored_intruders, uncounted};
use crate::records::Records;
use crate::servers::{ServerRoutes, SoakServers};

/// How long the queue may take to drain.
const DRAIN: Duration = Duration::from_secs(900);

/// By how much a process may have grown that lived through the load.
const MARGIN: u64 = 16 << 20;

/// How many more descriptors it may have: connections of its pool to the database.
const DESCRIPTORS: usize = 8;

/// Soaks a store, and prints what was broken. Returns the figures, and whether nothing was.
pub(crate) fn run(store: &str, options: &SoakOptions) -> (SoakFigures, bool) {
    let has_standby = options.faults.contains(&SoakFault::Failover);
    let mut database = (store == "postgres").then(|| DatabaseCluster::start(has_standby));
    let mut place = match &database {
        None => Place::file(),
        Some(database) => {
            Place::database_on(&format!("postgres://postgres@{}/postgres", database.proxy.address))
        }
    };
    let soaked = AssertUnwindSafe(|| soak(store, options, &place, database.as_mut()));
    let (mut figures, faults) = catch_unwind(soaked)
        .unwrap_or_else(|_| (SoakFigures::default(), vec!["see above".to_owned()]));
    figures.count("broken promises", faults.len());
    if faults.is_empty() {
        return (figures, true);
    }
    for fault in faults.iter().take(20) {
        println!("{store}: {fault}");
    }
    let kept = catch_unwind(AssertUnwindSafe(|| place.kept())).unwrap_or_default();
    let kept: Vec<_> = kept.iter().map(|kept| format!("{kept:?}\n")).collect();
    let _ = std::fs::write(place.folder().join("store.txt"), kept.concat());
    place.keep();
    println!("{store}: {} faults; see {}", faults.len(), place.folder().display());
    (figures, false)
}

fn soak(
    store: &str,
    options: &SoakOptions,
    place: &Place,
    database: Option<&mut DatabaseCluster>,
) -> (SoakFigures, Vec<String>) {
    let records = Records::start(place.folder()).unwrap();
    let routes = &ServerRoutes::default();
    let mut servers = SoakServers::new(place, routes, &records, database);
    let replicas = if place.is_file() { 1 } else { 2 };
    (0..replicas).for_each(|_| servers.start());
    let [_, mut random] = options.random(store);

    let settings = |owner, phase| LoadSettings { owner, phase, delay_factor: options.delay_factor };
    let faulty = settings("planted-a", LoadPhase::Faults);
    let mut all = load(faulty, &mut servers, random.fork(), |servers| {
        make_faults(store, options, servers);
    });
    let draining = Instant::now();
    drained(place);
    let draining = draining.elapsed();
    servers.check_links();

    // Processes that live on: what they hold before the rest of the load, and afterwards.
    servers.stop_all();
    (0..replicas).for_each(|_| servers.start());
    let rest = options.time().saturating_sub(options.time_of_faults());
    let warm_up = settings("planted-b", LoadPhase::WarmUp);
    let mut calm = load(warm_up, &mut servers, random.fork(), |servers| {
        servers.sleep(rest / 4);
    });
    let before = at_rest(&servers);
    let measured = settings("planted-c", LoadPhase::Measured);
    calm.add(load(measured, &mut servers, random.fork(), |servers| {
        servers.sleep(rest * 3 / 4);
    }));
    servers.check_links();
    let after = at_rest_again(&servers, &before);
    let counts = servers.stop_all();

    let mut faults = std::mem::take(&mut servers.faults);
    if has_grown(&before, &after) {
        faults.push(format!("holds more than before: {before:?}, {after:?}"));
    }
    faults.extend(uncounted(&calm, &counts));
    faults.extend(servers.traces.leaks());
    let exports = servers.traces.exports();
    let oldest_due = calm.oldest_due.iter().copied().reduce(f64::max).unwrap_or_default();
    all.add(calm);
    faults.append(&mut all.faults);
    let without_lease = std::mem::take(&mut servers.without_lease);
    let done = std::mem::take(&mut servers.done);
    drop(servers);
    records.finish();

    let (mut journal, kept) = (place.journal(), place.kept());
    faults.extend(started_while_paused(&journal, &all.pauses, &all.sent));
    journal.retain(|entry| !["paused", "resumed"].contains(&entry.what.as_str()));
    faults.extend(stored_intruders(&kept));
    let evidence = Evidence {
        sent: std::mem::take(&mut all.sent),
        kept,
        journal,
        cancelled: std::mem::take(&mut all.cancelled),
        requeued: std::mem::take(&mut all.requeued),
        without_lease,
    };
    faults.extend(evidence.faults());
    println!("{store}: {}", evidence.summary());
    let outcome = SoakOutcome {
        is_file: place.is_file(),
        evidence,
        load: all,
        done,
        draining,
        exports,
        oldest_due,
        before,
        after,
    };
    (figures(&outcome), faults)
}

/// Makes the faults of the schedule happen, each at its time, or as soon as the one before it is over. Ends with the first
/// broken promise that the servers show.
fn make_faults(store: &str, options: &SoakOptions, servers: &mut SoakServers<'_>) {
    let (start, mut next_line) = (Instant::now(), Duration::ZERO);
    for step in options.schedule(store) {
        servers.sleep(step.at.saturating_sub(start.elapsed()));
        servers.apply(&step);
        if let Some(fault) = servers.faults.first() {
            println!("{store}: {:4} s, {fault}", start.elapsed().as_secs());
            return;
        }
        if start.elapsed() >= next_line {
            next_line = start.elapsed() + Duration::from_secs(10);
            println!("{store}: {:4} s, {:?}", start.elapsed().as_secs(), servers.done);
        }
    }
}

fn drained(place: &Place) {
    let deadline = Instant::now() + DRAIN;
    loop {
        let states = place.states();
        if !states.contains_key("queued") && !states.contains_key("running") {
            return;
        }
        assert!(Instant::now() < deadline, "the queue does not drain: {states:?}");
        thread::sleep(Duration::from_millis(500));
    }
}

/// What the servers hold when nothing is sent any more.
fn at_rest(servers: &SoakServers<'_>) -> Vec<ProcessResources> {
    drained(servers.place);
    // Connections that were left open are closed meanwhile.
    thread::sleep(Duration::from_secs(3));
    servers.running.iter().map(ProcessResources::by).collect()
}

/// The same after more load: a busy machine may need a while.
fn at_rest_again(servers: &SoakServers<'_>, before: &[ProcessResources]) -> Vec<ProcessResources> {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let after = at_rest(servers);
        if !has_grown(before, &after) || Instant::now() > deadline {
            return after;
        }
    }
}

fn has_grown(before: &[ProcessResources], after: &[ProcessResources]) -> bool {
    after.iter().zip(before).any(|(after, before)| {
        after.descriptors > before.descriptors + DESCRIPTORS || after.bytes > before.bytes + MARGIN
    })
}
