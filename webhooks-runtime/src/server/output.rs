//! Writes log lines and messages for people, and never fails or blocks its callers.
//!
//! Standard output and standard error belong to others: a disk that is full, a pipe whose reader is gone
//! or has stopped reading, a terminal that is paused. A thread that writes to them directly fails or waits
//! with them, and with it the requests that it serves. So callers only append to a bounded buffer, and a
//! thread of its own writes. What doesn't fit or cannot be written is dropped and counted.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

/// How many bytes wait to be written, at most. Much more than a pipe holds, so that a reader may pause
/// for a moment.
const LIMIT: usize = 1024 * 1024;

/// How long the end of the program waits for what is not written yet.
const FLUSH_LIMIT: Duration = Duration::from_secs(1);

/// How long texts are gathered before they are written. Otherwise each log line of a busy server would wake the
/// thread, which then takes the core from the requests.
const BATCH: Duration = Duration::from_millis(5);

/// How long to wait before writing again to a stream that takes nothing just now, because another program
/// made it non-blocking.
const PAUSE: Duration = Duration::from_millis(10);

/// Log lines. A buffer and a thread of their own, so that a standard output that stalls holds none up.
pub(super) static LOG: Output = Output::new("webhooks-log", report_lost_lines);

/// Messages for people, which keep their order across both streams.
static MESSAGES: Output = Output::new("webhooks-output", |_| {});

/// Where a text is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stream {
    /// Standard output.
    Out,
    /// Standard error.
    Err,
}

/// Writes a message for people, as well as that can be done.
pub(crate) fn say(stream: Stream, text: &str) {
    MESSAGES.push(stream, text.as_bytes());
}

/// Waits until everything is written when it is dropped, as the program is about to end, but not for a
/// reader that has stopped reading. A panic drops it, too, so that the panic's line is written.
#[derive(Debug)]
pub(crate) struct WriteToEnd(());

impl WriteToEnd {
    pub(crate) fn new() -> Self {
        MESSAGES.lock().ending = false;
        LOG.lock().ending = false;
        Self(())
    }
}

impl Drop for WriteToEnd {
    fn drop(&mut self) {
        let deadline = Instant::now() + FLUSH_LIMIT;
        MESSAGES.finish(deadline);
        LOG.finish(deadline);
    }
}

/// Waits until every message for people is written, for a program that has its own runtime and log.
pub(super) async fn written() {
    let flush = || MESSAGES.flush(Instant::now() + FLUSH_LIMIT);
    // An error says that the runtime is being shut down.
    let _ = tokio::task::spawn_blocking(flush).await;
}

fn report_lost_lines(count: u64) {
    tracing::warn!(
        count,
        "log lines were lost: standard error could not be written, or was not read fast enough"
    );
}

/// A bounded buffer, and the thread that writes it.
pub(super) struct Output {
    /// The name of the thread.
    name: &'static str,
    /// Reports how many texts were dropped, once others can be written again.
    report: fn(u64),
    state: Mutex<State>,
    /// Wakes the thread.
    arrived: Condvar,
    /// Wakes those who wait until everything is written.
    written: Condvar,
}

struct State {
    /// What is to be written, in its order; neighbors never have the same stream.
    waiting: VecDeque<(Stream, Vec<u8>)>,
    /// How many bytes these are.
    bytes: usize,
    /// How many texts were dropped since the last report.
    lost: u64,
    /// The thread, once it runs.
    thread: Option<ThreadId>,
    /// Whether it waits for something to write.
    idle: bool,
    /// Whether the program is about to end, so that a text must be written soon or never.
    ending: bool,
}

impl Output {
    const fn new(name: &'static str, report: fn(u64)) -> Self {
        let state = State {
            waiting: VecDeque::new(),
            bytes: 0,
            lost: 0,
            thread: None,
            idle: false,
            ending: false,
        };
        Self {
            name,
            report,
            state: Mutex::new(state),
            arrived: Condvar::new(),
            written: Condvar::new(),
        }
    }

    /// Has a text written, or drops and counts it.
    pub(super) fn push(&'static self, stream: Stream, text: &[u8]) {
        let mut state = self.lock();
        if state.thread.is_none() {
            let spawned = thread::Builder::new().name(self.name.to_owned()).spawn(|| self.work());
            state.thread = spawned.ok().map(|handle| handle.thread().id());
        }
        // The thread's own report always fits.
        let fits = state.bytes + text.len() <= LIMIT
            || state.thread == Some(thread::current().id()) && text.len() < LIMIT;
        if state.thread.is_none() || !fits {
            state.lost += 1;
            return;
        }
        state.bytes += text.len();
        match state.waiting.back_mut() {
            Some((last, waiting)) if *last == stream => waiting.extend_from_slice(text),
            _ => state.waiting.push_back((stream, text.to_vec())),
        }
        if state.idle {
            state.idle = false;
            self.arrived.notify_one();
        }
        if state.ending {
            drop(state);
            self.flush(Instant::now() + FLUSH_LIMIT / 10);
        }
    }

    /// Writes what is waiting and, from now on, has each text written before its caller goes on, or
    /// almost: a reader that has stopped reading is not waited for.
    fn finish(&'static self, deadline: Instant) {
        self.lock().ending = true;
        self.flush(deadline);
        let lost = std::mem::take(&mut self.lock().lost);
        if lost > 0 {
            (self.report)(lost);
        }
    }

    /// Waits until everything is written, or until the deadline.
    pub(super) fn flush(&self, deadline: Instant) {
        let mut state = self.lock();
        while state.thread.is_some() && !state.idle {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() || state.thread == Some(thread::current().id()) {
                return;
            }
            let waited = self.written.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn work(&self) {
        // The stream whose last line was written in part.
        let mut torn = None;
        let mut state = self.lock();
        loop {
            while let Some((stream, mut text)) = state.waiting.pop_front() {
                state.bytes -= text.len();
                drop(state);
                if torn.take_if(|torn| *torn == stream).is_some() {
                    text.insert(0, b'\n');
                }
                let written = match stream {
                    Stream::Out => write(&mut io::stdout(), &text),
                    Stream::Err => write(&mut io::stderr(), &text),
                };
                let (written, unwritten) = text.split_at(written);
                if !unwritten.is_empty() && written.last().is_some_and(|last| *last != b'\n') {
                    torn = Some(stream);
                }
                state = self.lock();
                state.lost += lines(unwritten);
                if unwritten.is_empty() && state.lost > 0 {
                    let lost = std::mem::take(&mut state.lost);
                    drop(state);
                    (self.report)(lost);
                    state = self.lock();
                }
            }
            state.idle = true;
            self.written.notify_all();
            while state.idle {
                state = self.arrived.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
            if !state.ending {
                drop(state);
                thread::sleep(BATCH);
                state = self.lock();
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes a text and returns how many bytes of it were written.
fn write(stream: &mut impl Write, text: &[u8]) -> usize {
    let mut written = 0;
    while let Some(rest) = text.get(written..).filter(|rest| !rest.is_empty()) {
        match stream.write(rest) {
            Ok(0) => break,
            Ok(bytes) => written += bytes,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => thread::sleep(PAUSE),
            Err(_) => break,
        }
    }
    let _ = stream.flush();
    written
}

fn lines(text: &[u8]) -> u64 {
    text.iter().map(|byte| u64::from(*byte == b'\n')).sum()
}
