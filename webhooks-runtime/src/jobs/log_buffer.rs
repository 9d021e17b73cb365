//! Collects the log lines of a running attempt, and bounds them.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use tokio::sync::mpsc;
use tracing::Level;
use uuid::Uuid;

use super::attempt_log::{LogUpdate, NewLogLine};

/// How many lines of an attempt are kept, and how many bytes: the last ones.
const MAX_LINES: usize = 200;
const MAX_BYTES: usize = 64 * 1024;

/// The longest line, in bytes. A longer one is cut.
pub(crate) const MAX_LINE: usize = 16 * 1024;

/// The log of a running attempt. Clones share it.
#[derive(Clone)]
pub(crate) struct AttemptLog(Arc<SharedLog>);

struct SharedLog {
    id: Uuid,
    fencing_token: i64,
    buffer: Mutex<LogBuffer>,
    /// Announces that there are lines to write.
    unwritten: mpsc::UnboundedSender<AttemptLog>,
}

#[derive(Default)]
struct LogBuffer {
    /// The number of the last line.
    last: u32,
    /// The lengths of the lines that are kept, and their sum.
    kept: VecDeque<usize>,
    bytes: usize,
    /// The lines that are kept and that are not known to be in the store.
    unwritten: VecDeque<NewLogLine>,
    /// Whether the lines are announced since they were last taken.
    is_announced: bool,
    /// Whether the attempt has ended.
    is_closed: bool,
}

thread_local! {
    /// The log of the attempt whose span is being created.
    static OF_NEW_SPAN: RefCell<Option<AttemptLog>> = const { RefCell::new(None) };
}

impl AttemptLog {
    pub(crate) fn new(
        (id, fencing_token): (Uuid, i64),
        unwritten: mpsc::UnboundedSender<Self>,
    ) -> Self {
        Self(Arc::new(SharedLog { id, fencing_token, buffer: Mutex::default(), unwritten }))
    }

    /// Creates the span of the attempt. The layer that captures the lines finds the log through
    /// [`of_new_span`](Self::of_new_span), because a span's fields cannot carry it.
    pub(crate) fn span<T>(log: Option<Self>, create: impl FnOnce() -> T) -> T {
        let outer = OF_NEW_SPAN.replace(log);
        let span = create();
        OF_NEW_SPAN.set(outer);
        span
    }

    /// Returns the log of the attempt whose span this thread is creating.
    pub(crate) fn of_new_span() -> Option<Self> {
        OF_NEW_SPAN.with_borrow(Clone::clone)
    }

    /// Adds a line, unless the attempt has ended. `text` has one line, and at most [`MAX_LINE`] bytes.
    pub(crate) fn push(&self, at: SystemTime, level: Level, text: String) {
        let mut buffer = self.buffer();
        if !buffer.is_closed {
            buffer.push(at, level, text);
            self.announce(&mut buffer);
        }
    }

    pub(super) fn claim(&self) -> (Uuid, i64) {
        (self.0.id, self.0.fencing_token)
    }

    /// Returns the lines that are not in the store. They stay here until they are [`written`](Self::written).
    pub(super) fn unwritten(&self) -> LogUpdate {
        let mut buffer = self.buffer();
        buffer.is_announced = false;
        LogUpdate { lines: buffer.unwritten.iter().cloned().collect(), first: buffer.first() }
    }

    /// Forgets the lines up to this number, which are in the store.
    pub(super) fn written(&self, last: u32) {
        let mut buffer = self.buffer();
        while buffer.unwritten.front().is_some_and(|line| line.number <= last) {
            buffer.unwritten.pop_front();
        }
    }

    /// Announces the lines again, because they could not be written.
    pub(super) fn announce_again(&self) {
        let mut buffer = self.buffer();
        if !buffer.is_closed && !buffer.unwritten.is_empty() {
            self.announce(&mut buffer);
        }
    }

    /// Ends the log, and returns the lines that are not known to be in the store.
    pub(crate) fn close(&self) -> LogUpdate {
        let mut buffer = self.buffer();
        buffer.is_closed = true;
        let lines = std::mem::take(&mut buffer.unwritten).into();
        LogUpdate { lines, first: buffer.first() }
    }

    fn announce(&self, buffer: &mut LogBuffer) {
        if !std::mem::replace(&mut buffer.is_announced, true) {
            let _ = self.0.unwritten.send(self.clone());
        }
    }

    fn buffer(&self) -> MutexGuard<'_, LogBuffer> {
        self.0.buffer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl LogBuffer {
    fn push(&mut self, at: SystemTime, level: Level, text: String) {
        self.last = self.last.saturating_add(1);
        self.bytes += text.len();
        self.kept.push_back(text.len());
        self.unwritten.push_back(NewLogLine { number: self.last, at, level, text });
        while self.kept.len() > MAX_LINES || self.bytes > MAX_BYTES {
            self.bytes -= self.kept.pop_front().unwrap_or_default();
        }
        let first = self.first();
        while self.unwritten.front().is_some_and(|line| line.number < first) {
            self.unwritten.pop_front();
        }
    }

    /// Returns the number of the first line that is kept.
    fn first(&self) -> u32 {
        let kept = u32::try_from(self.kept.len()).unwrap_or(u32::MAX);
        self.last.saturating_sub(kept).saturating_add(1)
    }
}

impl fmt::Debug for AttemptLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AttemptLog({})", self.0.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log() -> (AttemptLog, mpsc::UnboundedReceiver<AttemptLog>) {
        let (sender, receiver) = mpsc::unbounded_channel();
        (AttemptLog::new((Uuid::nil(), 1), sender), receiver)
    }

    fn push(log: &AttemptLog, text: &str) {
        log.push(SystemTime::UNIX_EPOCH, Level::INFO, text.to_owned());
    }

    fn texts(update: &LogUpdate) -> Vec<(u32, &str)> {
        update.lines.iter().map(|line| (line.number, line.text.as_str())).collect()
    }

    #[test]
    fn lines_stay_until_they_are_written() {
        let (log, mut announced) = log();
        push(&log, "a");
        push(&log, "b");
        assert_eq!(announced.try_recv().unwrap().claim(), (Uuid::nil(), 1));
        assert!(announced.try_recv().is_err(), "announced once");
        assert_eq!(texts(&log.unwritten()), [(1, "a"), (2, "b")]);
        push(&log, "c");
        assert!(announced.try_recv().is_ok());
        log.written(2);
        assert_eq!(texts(&log.unwritten()), [(3, "c")]);
        // The store failed.
        log.announce_again();
        assert!(announced.try_recv().is_ok());
        assert_eq!(texts(&log.close()), [(3, "c")]);
    }

    #[test]
    fn the_end_of_the_attempt_ends_its_log() {
        let (log, mut announced) = log();
        assert_eq!(log.close(), LogUpdate { lines: Vec::new(), first: 1 });
        push(&log, "from a task that outlives it");
        log.announce_again();
        assert_eq!(texts(&log.close()), []);
        assert!(announced.try_recv().is_err());
    }

    #[test]
    fn the_last_200_lines_are_kept() {
        let (log, _announced) = log();
        (1..=150).for_each(|number| push(&log, &number.to_string()));
        log.written(100);
        (151..=330).for_each(|number| push(&log, &number.to_string()));
        let update = log.close();
        assert_eq!((update.first, update.lines.len()), (131, 200));
        assert_eq!(texts(&update)[0], (131, "131"));
        assert_eq!(texts(&update)[199], (330, "330"));
    }

    #[test]
    fn the_last_64_kibibytes_are_kept() {
        let (log, _announced) = log();
        for _ in 0..7 {
            push(&log, &"x".repeat(MAX_LINE));
        }
        push(&log, "y");
        let update = log.unwritten();
        assert_eq!((update.first, update.lines.len()), (5, 4));
        log.written(8);
        for _ in 0..4 {
            push(&log, &"z".repeat(MAX_LINE));
        }
        // Those that are written count as well.
        let update = log.close();
        assert_eq!((update.first, update.lines.len()), (9, 4));
    }

    #[test]
    fn a_span_finds_its_log() {
        let (log, _announced) = log();
        assert!(AttemptLog::of_new_span().is_none());
        AttemptLog::span(Some(log.clone()), || {
            AttemptLog::span(None, || assert!(AttemptLog::of_new_span().is_none()));
            assert_eq!(AttemptLog::of_new_span().unwrap().claim(), log.claim());
        });
        assert!(AttemptLog::of_new_span().is_none());
    }
}
