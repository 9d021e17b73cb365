//! People who cancel deliveries, and have others run again, while servers are killed.

use std::collections::HashSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use super::senders::Senders;
use crate::background::Place;
use fastrand::Rng;

/// The longest time between two commands, unless another one is chosen.
const LONGEST_PAUSE: Duration = Duration::from_millis(50);

/// People who decide about deliveries.
#[derive(Debug)]
pub struct People<'a> {
    place: &'a Place,
    stop: &'a AtomicBool,
    longest_pause: Duration,
    /// The ids of deliveries that somebody cancelled, and of deliveries that somebody had run again.
    decided: Mutex<(HashSet<String>, HashSet<String>)>,
}

impl<'a> People<'a> {
    /// They decide with commands about deliveries of this place, until `stop` is set.
    #[must_use]
    pub fn new(place: &'a Place, stop: &'a AtomicBool) -> Self {
        Self { place, stop, longest_pause: LONGEST_PAUSE, decided: Mutex::default() }
    }

    /// The longest time between two commands.
    #[must_use]
    pub fn with_pause(mut self, longest_pause: Duration) -> Self {
        self.longest_pause = longest_pause;
        self
    }

    /// Decides about deliveries until the end.
    pub fn decide(&self, senders: &Senders<'_>, mut random: Rng) {
        while !self.stop.load(Ordering::Relaxed) {
            thread::sleep(self.longest_pause.mul_f64(random.f64()));
            let Some(id) = senders.one_of_the_newest(&mut random) else { continue };
            let command = ["cancel", "rerun", "retry"][random.usize(..3)];
            {
                // Before it happens, because the command may be the last that happens.
                let mut decided = self.decided.lock().unwrap();
                let ids = if command == "cancel" { &mut decided.0 } else { &mut decided.1 };
                ids.insert(id.clone());
            }
            // There may be nothing to cancel or to run again.
            let _ = self.place.command(&["deliveries", command, &id], &[]);
        }
    }

    /// The ids of deliveries that they cancelled, and of deliveries that they had run again.
    #[must_use]
    pub fn decided(&self) -> (HashSet<String>, HashSet<String>) {
        self.decided.lock().unwrap().clone()
    }
}
