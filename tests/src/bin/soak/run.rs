//! The run of one store: load and faults, then load without faults, then the proof.

use std::collections::{BTreeMap, HashSet};
use std::sync::RwLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use fastrand::Rng;
use tests::background::kills::{Evidence, FUNCTIONS, People, Senders, Sent};
use tests::background::{Place, TestPostgres, wait_long_until};

use crate::database_proxy::DatabaseProxy;
use crate::figures::{ProcessResources, accepts};
use crate::options::SoakOptions;
use crate::records::Records;
use crate::servers::{SECRET, SoakServers};
use crate::traffic::{INTRUDER, Traffic};

/// How long the queue may take to drain.
const DRAIN: Duration = Duration::from_secs(300);

/// By how much a process may have grown that lived through the load.
const MARGIN: u64 = 24 << 20;

/// What a load was, and how it ended.
#[derive(Default)]
struct Load {
    sent: Vec<Sent>,
    cancelled: HashSet<String>,
    requeued: HashSet<String>,
    counts: BTreeMap<&'static str, usize>,
    faults: Vec<String>,
}

/// Ends the threads of a load, also when something fails.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Soaks a store, and prints what it found. Whether no promise was broken.
pub(crate) fn run(store: &str, options: &SoakOptions) -> bool {
    let database = (store == "postgres").then(|| {
        let server = TestPostgres::start();
        let address = server.url.split(['@', '/']).nth(3).unwrap().parse().unwrap();
        (server, DatabaseProxy::to(address).unwrap())
    });
    let mut place = match &database {
        None => Place::file(),
        Some((_, proxy)) => {
            Place::database_on(&format!("postgres://postgres@{}/postgres", proxy.address))
        }
    };
    let run = std::panic::AssertUnwindSafe(|| {
        soak(store, options, &place, database.as_ref().map(|(server, proxy)| (server, proxy)))
    });
    let faults = std::panic::catch_unwind(run).unwrap_or_else(|_| vec!["see above".to_owned()]);
    if faults.is_empty() {
        return true;
    }
    for fault in faults.iter().take(20) {
        println!("{store}: {fault}");
    }
    let kept: Vec<_> = place.kept().iter().map(|kept| format!("{kept:?}\n")).collect();
    let _ = std::fs::write(place.folder().join("store.txt"), kept.concat());
    place.keep();
    println!("{store}: {} faults; see {}", faults.len(), place.folder().display());
    false
}

fn soak(
    store: &str,
    options: &SoakOptions,
    place: &Place,
    database: Option<(&TestPostgres, &DatabaseProxy)>,
) -> Vec<String> {
    let records = Records::start(place.folder()).unwrap();
    let urls = &RwLock::default();
    let mut servers = SoakServers::new(place, urls, &records, database);
    let replicas = if place.is_file() { 1 } else { 2 };
    (0..replicas).for_each(|_| servers.start());
    let [_, mut random] = options.random(store);
    let start = Instant::now();

    let mut loads = vec![load("planted-a", &mut servers, random.fork(), false, |servers| {
        let mut next_line = Duration::ZERO;
        for step in options.schedule(store) {
            while start.elapsed() < step.at {
                thread::sleep(
                    (step.at - start.elapsed().min(step.at)).min(Duration::from_millis(50)),
                );
            }
            servers.apply(&step);
            if start.elapsed() >= next_line {
                next_line = start.elapsed() + Duration::from_secs(10);
                println!("{store}: {:4} s, {:?}", start.elapsed().as_secs(), servers.done);
            }
        }
    })];
    drained(place);

    // A process that lives on: what it holds before the rest of the load, and afterwards.
    servers.stop_all();
    (0..replicas).for_each(|_| servers.start());
    let rest = options.time().saturating_sub(options.time_of_faults());
    loads.push(load("planted-b", &mut servers, random.fork(), true, |_| thread::sleep(rest / 4)));
    let before = at_rest(&servers);
    loads.push(load("planted-c", &mut servers, random.fork(), true, |_| {
        thread::sleep(rest * 3 / 4);
    }));
    drained(place);
    let deadline = Instant::now() + Duration::from_secs(60);
    let mut after = at_rest(&servers);
    let has_grown = |after: &[ProcessResources]| {
        after.iter().zip(&before).any(|(after, before)| {
            after.descriptors > before.descriptors || after.bytes > before.bytes + MARGIN
        })
    };
    while has_grown(&after) && Instant::now() < deadline {
        after = at_rest(&servers);
    }
    servers.stop_all();
    let (without_lease, done) = (std::mem::take(&mut servers.without_lease), servers.done.clone());
    let mut faults = std::mem::take(&mut servers.faults);
    drop(servers);
    records.finish();
    if has_grown(&after) {
        faults.push(format!("holds more than before: {before:?}, {after:?}"));
    }

    let mut all = Load::default();
    for load in loads {
        all.sent.extend(load.sent);
        all.cancelled.extend(load.cancelled);
        all.requeued.extend(load.requeued);
        faults.extend(load.faults);
        load.counts
            .into_iter()
            .for_each(|(what, count)| *all.counts.entry(what).or_default() += count);
    }
    let evidence = Evidence {
        sent: all.sent,
        kept: place.kept(),
        journal: place.journal(),
        cancelled: all.cancelled,
        requeued: all.requeued,
        without_lease,
    };
    faults.extend(evidence.faults());
    let intruded = |id: &Option<String>| id.as_ref().is_some_and(|id| id.starts_with(INTRUDER));
    let intruders = evidence.kept.iter().filter(|kept| intruded(&kept.webhook_id));
    faults.extend(intruders.map(|kept| format!("rejected and stored: {kept:?}")));

    let (half, almost_all, gap) = accepts(&evidence.sent);
    let megabytes =
        |held: &[ProcessResources]| held.iter().map(|it| it.mebibytes()).collect::<Vec<_>>();
    let descriptors =
        |held: &[ProcessResources]| held.iter().map(|it| it.descriptors).collect::<Vec<_>>();
    println!("{store}: {}", evidence.summary());
    println!("{store}: faults {done:?}");
    println!("{store}: other requests {:?}", all.counts);
    println!(
        "{store}: accepted within {half:.1?}, 99 % within {almost_all:.1?}, longest gap {gap:.1?}"
    );
    println!("{store}: memory {:?} MiB, then {:?} MiB", megabytes(&before), megabytes(&after));
    println!("{store}: descriptors {:?}, then {:?}", descriptors(&before), descriptors(&after));
    faults
}

/// Runs a load while something is done to the servers.
fn load<'a>(
    owner: &str,
    servers: &mut SoakServers<'a>,
    mut random: Rng,
    is_calm: bool,
    meanwhile: impl FnOnce(&mut SoakServers<'a>),
) -> Load {
    let stop = &AtomicBool::new(false);
    let (urls, place) = (servers.urls, servers.place);
    let senders = &Senders::new(owner, urls, stop).with_secret(SECRET);
    let people = &People::new(place, stop);
    let traffic = &Traffic::new(owner, urls, stop, is_calm);
    thread::scope(|scope| {
        let _stop = Stop(stop);
        for function in FUNCTIONS {
            let random = random.fork();
            scope.spawn(move || senders.send_to(function, random));
        }
        let (by_people, of_traffic) = (random.fork(), random.fork());
        scope.spawn(move || people.decide(senders, by_people));
        scope.spawn(move || traffic.run(of_traffic));
        meanwhile(servers);
    });
    let (cancelled, requeued) = people.decided();
    Load {
        sent: senders.sent(),
        cancelled,
        requeued,
        counts: std::mem::take(&mut *traffic.counts.lock().unwrap()),
        faults: std::mem::take(&mut *traffic.faults.lock().unwrap()),
    }
}

fn drained(place: &Place) {
    wait_long_until("the queue drains", DRAIN, || {
        let states = place.states();
        !states.contains_key("queued") && !states.contains_key("running")
    });
}

/// What the servers hold when nothing is sent any more.
fn at_rest(servers: &SoakServers<'_>) -> Vec<ProcessResources> {
    drained(servers.place);
    // Connections that were left open are closed meanwhile.
    thread::sleep(Duration::from_secs(3));
    servers.running.iter().map(ProcessResources::by).collect()
}
