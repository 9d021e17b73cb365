//! The load: deliveries to background functions, requests to an inline function, people who decide, and everybody else.

mod inline;
mod pauses;
mod traffic;

use std::collections::{BTreeMap, HashSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use fastrand::Rng;
use tests::background::kills::{FUNCTIONS, People, Senders, Sent};

use crate::figures::longest_gap;
use crate::servers::{SECRET, SoakServers};
use inline::InlineLoad;
use pauses::EndpointPauses;
use traffic::Traffic;

pub(crate) use pauses::PauseStart;
pub(crate) use traffic::INTRUDER;

/// The largest body that a server accepts.
const BODY_LIMIT: usize = 10 << 20;

/// How long people wait at most between two commands: each is a process of its own.
const LONGEST_DECISION: Duration = Duration::from_millis(400);

/// How many threads send requests to the inline function.
const INLINE_THREADS: usize = 2;

/// What a load was, and how it ended.
#[derive(Default)]
pub(crate) struct SoakLoad {
    pub(crate) sent: Vec<Sent>,
    /// The longest time without an accepted delivery.
    pub(crate) longest_gap: Duration,
    pub(crate) through_links: usize,
    /// How many requests of deliveries were not accepted, so that they were sent again.
    pub(crate) not_accepted: usize,
    pub(crate) cancelled: HashSet<String>,
    pub(crate) requeued: HashSet<String>,
    pub(crate) pauses: Vec<PauseStart>,
    /// How many requests of each other kind had a response.
    pub(crate) counts: BTreeMap<&'static str, usize>,
    /// How long the longest due delivery had waited, each time that the metrics were read.
    pub(crate) oldest_due: Vec<f64>,
    pub(crate) faults: Vec<String>,
}

impl SoakLoad {
    pub(crate) fn add(&mut self, other: Self) {
        self.sent.extend(other.sent);
        self.longest_gap = self.longest_gap.max(other.longest_gap);
        self.through_links += other.through_links;
        self.not_accepted += other.not_accepted;
        self.cancelled.extend(other.cancelled);
        self.requeued.extend(other.requeued);
        self.pauses.extend(other.pauses);
        self.oldest_due.extend(other.oldest_due);
        self.faults.extend(other.faults);
        for (what, count) in other.counts {
            *self.counts.entry(what).or_default() += count;
        }
    }
}

/// What the threads of a load find out together.
#[derive(Debug, Default)]
pub(crate) struct LoadReport {
    counts: Mutex<BTreeMap<&'static str, usize>>,
    oldest_due: Mutex<Vec<f64>>,
    faults: Mutex<Vec<String>>,
}

impl LoadReport {
    fn count(&self, what: &'static str) {
        *self.counts.lock().unwrap().entry(what).or_default() += 1;
    }

    fn fault(&self, text: String) {
        self.faults.lock().unwrap().push(text);
    }
}

/// How long a load goes on, and how fast.
#[derive(Debug)]
pub(crate) struct LoadPace {
    stop: AtomicBool,
    /// How many times as long all delays are.
    delay_factor: f64,
}

impl LoadPace {
    fn new(delay_factor: f64) -> Self {
        Self { stop: AtomicBool::new(false), delay_factor }
    }

    fn is_over(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Chooses the time until the next request or command of a client.
    fn delay(&self, longest: Duration, random: &mut Rng) -> Duration {
        longest.mul_f64(self.delay_factor * random.f64())
    }
}

/// Ends the threads of a load, also when something fails.
struct StopLoad<'a>(&'a LoadPace);

impl Drop for StopLoad<'_> {
    fn drop(&mut self) {
        self.0.stop.store(true, Ordering::Relaxed);
    }
}

/// What a load is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LoadPhase {
    /// Faults happen meanwhile.
    Faults,
    /// No faults: every request has a response. Begins with large bodies, whose memory an allocator may keep.
    WarmUp,
    /// The same without large bodies: a process must not grow.
    Measured,
}

impl LoadPhase {
    /// Returns whether every request must have a response, because no server is killed.
    fn is_calm(self) -> bool {
        self != Self::Faults
    }
}

/// The settings of a load.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LoadSettings<'a> {
    /// The owner of the repos that its deliveries are about.
    pub(crate) owner: &'a str,
    pub(crate) phase: LoadPhase,
    /// How many times as long the time between two requests or commands of a client is.
    pub(crate) delay_factor: f64,
}

/// Runs a load while something is done to the servers.
pub(crate) fn load<'a>(
    settings: LoadSettings<'_>,
    servers: &mut SoakServers<'a>,
    mut random: Rng,
    meanwhile: impl FnOnce(&mut SoakServers<'a>),
) -> SoakLoad {
    let LoadSettings { owner, phase, delay_factor } = settings;
    let pace = &LoadPace::new(delay_factor);
    let report = &LoadReport::default();
    let (routes, place) = (servers.routes, servers.place);
    let senders = Senders::new(owner, &routes.urls, &pace.stop).with_secret(SECRET);
    let senders = &senders.with_links(&routes.links).with_delay_factor(delay_factor);
    let people = &People::new(place, &pace.stop).with_pause(LONGEST_DECISION.mul_f64(delay_factor));
    let traffic = &Traffic::new(owner, routes, pace, phase, report, senders);
    let inline = &InlineLoad::new(owner, routes, pace, phase, report);
    let pauses = &EndpointPauses::new(place, servers.records, pace);
    thread::scope(|scope| {
        let _stop = StopLoad(pace);
        for function in FUNCTIONS {
            let random = random.fork();
            scope.spawn(move || senders.send_to(function, random));
        }
        let (by_people, of_traffic, of_pauses) = (random.fork(), random.fork(), random.fork());
        scope.spawn(move || people.decide(senders, by_people));
        scope.spawn(move || traffic.run(of_traffic));
        scope.spawn(move || pauses.run(of_pauses));
        for _ in 0..INLINE_THREADS {
            let random = random.fork();
            scope.spawn(move || inline.run(random));
        }
        meanwhile(servers);
    });
    let (cancelled, requeued) = people.decided();
    let sent = senders.sent();
    SoakLoad {
        longest_gap: longest_gap(&sent),
        sent,
        through_links: senders.through_links(),
        not_accepted: senders.not_accepted(),
        cancelled,
        requeued,
        pauses: pauses.begun(),
        counts: std::mem::take(&mut *report.counts.lock().unwrap()),
        oldest_due: std::mem::take(&mut *report.oldest_due.lock().unwrap()),
        faults: std::mem::take(&mut *report.faults.lock().unwrap()),
    }
}
