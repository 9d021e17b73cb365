//! A replica is frozen in the middle of many deliveries, and goes on when its lease has ended.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use fastrand::Rng;
use nix::sys::signal::Signal;
use serde_json::json;
use tests::background::kills::{Evidence, Kind, Repo, Sent};
use tests::background::{Place, id_of, random, wait_long_until, wait_until};
use tests::client::post;
use tests::program::Program;

use super::{Seed, variable};

const KEYS: usize = 500;
const CLIENTS: usize = 8;

/// How many deliveries run at a time: the default.
const CONCURRENCY: usize = 16;

/// How long all deliveries may take.
const PATIENCE: Duration = Duration::from_secs(300);

#[test]
#[ignore = "needs PostgreSQL"]
fn a_frozen_replica_loses_nothing_and_breaks_no_order() {
    tests::background::repeated(|| freeze_one_of_three(&Place::database()));
}

/// `DELIVERIES` says how many there are.
fn freeze_one_of_three(place: &Place) {
    let seed = Seed(variable("SEED").unwrap_or_else(random));
    let count = usize::try_from(variable("DELIVERIES").unwrap_or(3_000)).unwrap();
    let programs: Vec<_> = (0..3).map(|_| place.start(&[("LEASE_SECONDS", "2")])).collect();
    let urls: Vec<_> = programs.iter().map(Program::local_url).collect();
    let (frozen, sent) = (&programs[2], &Mutex::new(Vec::new()));
    // One that is frozen accepts nothing.
    let urls = &urls[..2];
    let mut random = Rng::with_seed(seed.0);
    thread::scope(|scope| {
        for client in 0..CLIENTS {
            let random = random.fork();
            scope.spawn(move || {
                let keys: Vec<_> = (client..KEYS).step_by(CLIENTS).collect();
                send(urls, &keys, count / KEYS, random, sent);
            });
        }
        // An attempt has two lines.
        wait_long_until("half of them have run", PATIENCE, || place.journal().len() >= count);
        frozen.signal(Signal::SIGSTOP).unwrap();
        wait_until("its lease has ended", || {
            place.execute("SELECT id FROM webhooks_runtime.owners") == 2
        });
        place.write_to_journal(&format!("continued - - - 0 {}", frozen.id()));
        frozen.signal(Signal::SIGCONT).unwrap();
        let _ = frozen.wait_for_log("lease expired: this process missed its heartbeats");
    });
    wait_long_until("all are done", PATIENCE, || place.states().keys().eq(&["done"]));
    let frozen = frozen.id();
    for program in programs {
        assert_eq!(program.stop().code, Some(0));
    }

    let sent = std::mem::take(&mut *sent.lock().unwrap());
    assert_eq!(sent.len(), count / KEYS * KEYS);
    let evidence = Evidence {
        sent,
        kept: place.kept(),
        journal: place.journal(),
        cancelled: HashSet::new(),
        requeued: HashSet::new(),
        without_lease: BTreeSet::from([frozen]),
    };
    evidence.check();
    let mut runs: HashMap<&str, Vec<u32>> = HashMap::new();
    for entry in evidence.journal.iter().filter(|entry| entry.what.starts_with("start")) {
        runs.entry(&entry.delivery).or_default().push(entry.process);
    }
    let twice: Vec<_> = runs.values().filter(|processes| processes.len() > 1).collect();
    assert!(twice.len() <= CONCURRENCY, "{twice:?}");
    assert!(twice.iter().all(|it| it.len() == 2 && it.contains(&frozen)), "{frozen}: {twice:?}");
}

/// Sends so many deliveries of each key, one key after the other.
fn send(urls: &[String], keys: &[usize], rounds: usize, mut random: Rng, sent: &Mutex<Vec<Sent>>) {
    const FUNCTION: &str = "one_by_one";
    let mut repos: Vec<_> = keys.iter().map(|key| (format!("me/{key}"), Repo::default())).collect();
    for _ in 0..rounds {
        for (name, repo) in &mut repos {
            let (change, mut body) = repo.next(name, Kind::Commit, &mut random);
            (body["milliseconds"], body["failures"]) = (json!(random.u8(..10)), json!(0));
            let url = &urls[random.usize(..urls.len())];
            let begin = Instant::now();
            let response = post(url, &format!("/webhooks/{FUNCTION}"), &body.to_string()).unwrap();
            assert_eq!(response.status, 202, "{response:?}");
            sent.lock().unwrap().push(Sent {
                id: id_of(&response),
                function: FUNCTION,
                repo: name.clone(),
                kind: Kind::Commit,
                change,
                at: Instant::now(),
                took: begin.elapsed(),
            });
        }
    }
}
