//! Servers are killed again and again, and frozen, while deliveries with keys arrive. Afterwards, what the functions wrote down
//! proves what the guide promises: every accepted delivery has ended, what it brought was seen, and no key ran twice at
//! the same time.
//!
//! `KILLS` says how often a server is killed, and `SEED` repeats the moments and the deliveries of a test that failed.
//! What the processes make of them is not the same each time, so `REPEAT` helps.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on")]

mod doctored;
mod frozen;

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::RwLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use fastrand::Rng;
use tests::background::kills::{Evidence, FUNCTIONS, People, Senders};
use tests::background::{Place, random};
use tests::on_both_stores;
use tests::program::Program;

on_both_stores! {
    servers_that_are_killed_lose_nothing_and_run_no_key_twice
}

/// A replica that is killed is missed when its lease has run out. Long enough for a busy machine.
const LEASE: (&str, &str) = ("LEASE_SECONDS", "2");

/// The longest time until the next kill.
const LONGEST_LIFE: Duration = Duration::from_millis(400);

fn variable(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// Prints the seed of a test that fails.
struct Seed(u64);

impl Drop for Seed {
    #[expect(clippy::print_stderr, reason = "the seed that repeats the test")]
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("SEED={} repeats this", self.0);
        }
    }
}

/// Ends the other threads of a test, also when it fails.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// The servers that run now.
struct Servers<'a> {
    place: &'a Place,
    running: Vec<Program>,
    /// Their URLs, in the same order.
    urls: &'a RwLock<Vec<String>>,
    /// The processes whose lease ended while they ran.
    without_lease: BTreeSet<u32>,
}

impl Servers<'_> {
    fn start(&mut self) {
        let program = self.place.start(&[LEASE]);
        let url = catch_unwind(AssertUnwindSafe(|| program.local_url()));
        assert!(url.is_ok(), "it does not start: {program:?}");
        self.urls.write().unwrap().extend(url);
        self.running.push(program);
    }

    fn kill(&mut self, at: usize) {
        self.urls.write().unwrap().remove(at);
        let program = self.running.remove(at);
        self.end(program, Program::kill);
    }

    /// Kills one that may not listen yet.
    fn kill_early(&mut self, after: Duration) {
        let program = self.place.start(&[LEASE]);
        thread::sleep(after);
        self.end(program, Program::kill);
    }

    fn end(&mut self, program: Program, end: fn(Program) -> tests::program::Ended) {
        let process = program.id();
        let ended = end(program);
        self.place.write_to_journal(&format!("killed - - - 0 {process}"));
        // Not if it only says that another one's did.
        if ended.stderr.contains("lease expired: this") {
            self.without_lease.insert(process);
        }
    }
}

fn servers_that_are_killed_lose_nothing_and_run_no_key_twice(place: &Place) {
    let seed = Seed(variable("SEED").unwrap_or_else(random));
    let kills = variable("KILLS").unwrap_or(30);
    let mut random = Rng::with_seed(seed.0);
    let (urls, stop) = (&RwLock::default(), &AtomicBool::new(false));
    let (senders, people) = (&Senders::new("me", urls, stop), &People::new(place, stop));
    let mut servers = Servers { place, running: Vec::new(), urls, without_lease: BTreeSet::new() };
    thread::scope(|scope| {
        let _stop = Stop(stop);
        // A file has one server at a time.
        let replicas = if place.is_file() { 1 } else { 2 };
        (0..replicas).for_each(|_| servers.start());
        for function in FUNCTIONS {
            let random = random.fork();
            scope.spawn(move || senders.send_to(function, random));
        }
        let by_people = random.fork();
        scope.spawn(move || people.decide(senders, by_people));
        for _ in 0..kills {
            thread::sleep(LONGEST_LIFE.mul_f64(random.f64()));
            if random.u8(..8) == 0 {
                servers.kill_early(LONGEST_LIFE.mul_f64(random.f64() / 4.0));
            }
            servers.kill(random.usize(..replicas));
            servers.start();
        }
    });
    place.wait_for_all();
    for program in std::mem::take(&mut servers.running) {
        servers.end(program, Program::stop);
    }
    let (cancelled, requeued) = people.decided();
    let evidence = Evidence {
        sent: senders.sent(),
        kept: place.kept(),
        journal: place.journal(),
        cancelled,
        requeued,
        without_lease: servers.without_lease,
    };
    assert!(evidence.sent.len() as u64 > kills, "{} were accepted", evidence.sent.len());
    evidence.check();
}
