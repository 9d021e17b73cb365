//! The lines that a program prints.

use std::io::{BufRead, BufReader, Read};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::Program;

/// The lines that a stream has brought so far.
pub(super) type Lines = Arc<(Mutex<Vec<String>>, Condvar)>;

/// Waits for a line that holds `text`; `None` if it does not come in time.
pub(super) fn wait_in(
    (lines, news): &(Mutex<Vec<String>>, Condvar),
    text: &str,
    patience: Duration,
) -> Option<String> {
    let deadline = Instant::now() + patience;
    let mut lines = lines.lock().unwrap_or_else(PoisonError::into_inner);
    loop {
        if let Some(line) = lines.iter().find(|line| line.contains(text)) {
            return Some(line.clone());
        }
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return None;
        }
        lines = news.wait_timeout(lines, left).unwrap_or_else(PoisonError::into_inner).0;
    }
}

/// Whether the output of a program is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OutputReading {
    /// Line by line, as it comes.
    #[default]
    Followed,
    /// Not now: what the program writes fills its pipes.
    Stalled,
    /// Not any more, from the next line on: the program writes to a pipe that nobody reads.
    Closed,
}

/// How the output is read, and a notice of each change.
pub(super) type ReadingState = Arc<(Mutex<OutputReading>, Condvar)>;

pub(super) fn follow(
    stream: impl Read + Send + 'static,
    lines: &Lines,
    reading: &ReadingState,
) -> thread::JoinHandle<()> {
    let (lines, reading) = (Arc::clone(lines), Arc::clone(reading));
    thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            lines.0.lock().unwrap_or_else(PoisonError::into_inner).push(line);
            lines.1.notify_all();
            let state = reading.0.lock().unwrap_or_else(PoisonError::into_inner);
            let stalled = |state: &mut OutputReading| *state == OutputReading::Stalled;
            let state =
                reading.1.wait_while(state, stalled).unwrap_or_else(PoisonError::into_inner);
            if *state == OutputReading::Closed {
                return;
            }
        }
    })
}

impl Program {
    /// Changes how its output is read.
    pub fn set_reading(&self, reading: OutputReading) {
        *self.reading.0.lock().unwrap_or_else(PoisonError::into_inner) = reading;
        self.reading.1.notify_all();
    }

    /// The last line of standard output so far that holds `text`.
    #[must_use]
    pub fn printed(&self, text: &str) -> Option<String> {
        let lines = self.stdout.0.lock().unwrap_or_else(PoisonError::into_inner);
        lines.iter().rfind(|line| line.contains(text)).cloned()
    }
}

pub(super) fn text(lines: &Lines) -> String {
    let lines = lines.0.lock().unwrap_or_else(PoisonError::into_inner);
    lines.iter().map(|line| format!("{line}\n")).collect()
}
