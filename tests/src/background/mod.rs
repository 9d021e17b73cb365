//! Background deliveries from outside: where they are kept, the program that runs them, and what ran.
//!
//! The program is `fixture-background`. It writes what runs to a journal, and the store is read with
//! connections of one's own, so that a test believes neither the program's answers nor its log.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on")]
#![allow(clippy::missing_panics_doc, reason = "each panics when there is no such thing")]

mod clock;
mod disk;
pub mod kills;
mod place;
mod postgres;
mod requests;
mod stored;

use std::hash::{BuildHasher, RandomState};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

use crate::client::PATIENCE;
use crate::program::build;

pub use clock::FakeClock;
pub use disk::SmallDisk;
pub use place::Place;
pub use postgres::TestPostgres;
pub use requests::{accepted, accepted_many, deliver, id_of};

/// The program.
#[must_use]
pub fn program() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| build("fixture-background", "dev"))
}

/// Makes tests of functions that are given a fresh [`Place`]: one with a file, one with a database.
#[macro_export]
macro_rules! on_both_stores {
    ($($name:ident)*) => {
        mod in_a_file {
            $(#[test]
            fn $name() {
                $crate::background::repeated(|| super::$name(&$crate::background::Place::file()));
            })*
        }
        mod in_postgres {
            $(#[test]
            #[ignore = "needs PostgreSQL"]
            fn $name() {
                $crate::background::repeated(|| {
                    super::$name(&$crate::background::Place::database());
                });
            })*
        }
    };
}

/// Runs a test once, or as often as the variable `REPEAT` says: what happens at a random moment needs
/// more than one.
pub fn repeated(test: impl Fn()) {
    let times = std::env::var("REPEAT").ok().and_then(|times| times.parse().ok()).unwrap_or(1);
    (0..times).for_each(|_| test());
}

/// Waits until something is so.
pub fn wait_until(what: &str, condition: impl FnMut() -> bool) {
    wait_long_until(what, PATIENCE, condition);
}

/// The same for something that takes its time.
pub fn wait_long_until(what: &str, patience: Duration, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + patience;
    while !condition() {
        assert!(Instant::now() < deadline, "{what}: that doesn't come");
        thread::sleep(Duration::from_millis(10));
    }
}

/// A random number.
#[must_use]
pub fn random() -> u64 {
    RandomState::new().hash_one(0)
}

/// A random time up to this one.
#[must_use]
pub fn some_of(time: Duration) -> Duration {
    time.mul_f64((random() % 1000) as f64 / 1000.0)
}

/// A delivery as its store has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Its id, as the answer has it.
    pub id: String,
    /// The endpoint's name.
    pub function: String,
    /// The `Webhook-Id` that it came with.
    pub webhook_id: Option<String>,
    /// Its name, such as `queued`.
    pub state: &'static str,
    /// How many attempts have begun.
    pub attempt: i64,
    /// Why the last attempt failed that did.
    pub error: Option<String>,
    /// Which deliveries it is merged with.
    pub group: Option<String>,
}

/// A line of the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalEntry {
    /// `start` or `end`, and what the function adds.
    pub what: String,
    /// The function's name.
    pub function: String,
    /// The `Webhook-Id`, `-` without one.
    pub webhook_id: String,
    /// The delivery's id.
    pub delivery: String,
    /// Which attempt it is.
    pub attempt: u32,
    /// The process that runs it.
    pub process: u32,
}

impl JournalEntry {
    fn read(line: &str) -> Self {
        let mut words = line.rsplitn(6, ' ');
        let mut word = || words.next().unwrap();
        let (process, attempt, delivery) = (word(), word(), word());
        let (webhook_id, function, what) = (word(), word(), word());
        Self {
            what: what.to_owned(),
            function: function.to_owned(),
            webhook_id: webhook_id.to_owned(),
            delivery: delivery.to_owned(),
            attempt: attempt.parse().unwrap(),
            process: process.parse().unwrap(),
        }
    }
}
