//! A person who pauses endpoints, and resumes them.

use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use fastrand::Rng;
use tests::background::Place;
use tests::background::kills::FUNCTIONS;

use super::LoadPace;
use crate::records::Records;

/// The longest time between two pauses, and of a pause.
const LONGEST: Duration = Duration::from_secs(2);

/// How long the store may not respond.
const PATIENCE: Duration = Duration::from_secs(300);

/// When a pause was in force. Its end is in the records.
#[derive(Clone, Debug)]
pub(crate) struct PauseStart {
    pub(crate) function: &'static str,
    pub(crate) at: Instant,
    /// The number in the records.
    pub(crate) number: u32,
}

/// Pauses one endpoint at a time.
#[derive(Debug)]
pub(crate) struct EndpointPauses<'a> {
    place: &'a Place,
    records: &'a Records,
    pace: &'a LoadPace,
    begun: Mutex<Vec<PauseStart>>,
}

impl<'a> EndpointPauses<'a> {
    pub(crate) fn new(place: &'a Place, records: &'a Records, pace: &'a LoadPace) -> Self {
        Self { place, records, pace, begun: Mutex::default() }
    }

    /// Pauses and resumes until the end. No endpoint stays paused.
    pub(crate) fn run(&self, mut random: Rng) {
        loop {
            self.sleep(self.pace.delay(LONGEST, &mut random));
            if self.pace.is_over() {
                return;
            }
            let function = FUNCTIONS[random.usize(..FUNCTIONS.len())];
            self.command("pause", function);
            let number = self.records.next_number();
            let at = Instant::now();
            self.records.write("paused", function, number);
            self.begun.lock().unwrap().push(PauseStart { function, at, number });
            // The pause itself is as long with every load.
            self.sleep(LONGEST.mul_f64(random.f64()));
            // Before it happens: from then on, deliveries may start.
            self.records.write("resumed", function, number);
            self.command("resume", function);
        }
    }

    /// The pauses so far.
    pub(crate) fn begun(&self) -> Vec<PauseStart> {
        self.begun.lock().unwrap().clone()
    }

    fn sleep(&self, time: Duration) {
        let end = Instant::now() + time;
        while Instant::now() < end && !self.pace.is_over() {
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Runs a command until it succeeds: the store may be away.
    fn command(&self, command: &str, function: &str) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let ended = self.place.command(&["deliveries", command, function], &[]);
            if ended.code == Some(0) {
                return;
            }
            assert!(Instant::now() < deadline, "deliveries {command} {function}: {ended:?}");
            thread::sleep(Duration::from_millis(50));
        }
    }
}
