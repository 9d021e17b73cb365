//! The lines that a program prints.

use std::io::{BufRead, BufReader, Read};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

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

pub(super) fn follow(stream: impl Read + Send + 'static, lines: &Lines) -> thread::JoinHandle<()> {
    let lines = Arc::clone(lines);
    thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            lines.0.lock().unwrap_or_else(PoisonError::into_inner).push(line);
            lines.1.notify_all();
        }
    })
}

pub(super) fn text(lines: &Lines) -> String {
    let lines = lines.0.lock().unwrap_or_else(PoisonError::into_inner);
    lines.iter().map(|line| format!("{line}\n")).collect()
}
