//! Writes messages and log lines to standard output and standard error, without ever blocking the caller.
//!
//! A write to these streams can fail or block: the disk may be full, the reader of a pipe gone or stuck, the
//! terminal paused. A thread that serves requests must not wait for that. So callers append to a bounded buffer,
//! and a separate thread writes it. Text that does not fit or cannot be written is dropped and counted.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::{Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

/// The size of the buffer, in bytes. It is much larger than that of a pipe, so that a reader may pause for a moment.
const MAX_BYTES: usize = 1024 * 1024;

/// How long the program waits at its end until the buffer is written.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(1);

/// How long texts are batched before they are written. Otherwise each log line of a busy server would wake the
/// thread, which would take the core away from requests.
const BATCH_TIME: Duration = Duration::from_millis(5);

/// How long to wait before writing again to a full stream that another program has made non-blocking.
const RETRY_DELAY: Duration = Duration::from_millis(10);

/// The log. It has a separate buffer and thread, so that a stalled standard output does not delay it.
pub(super) static LOG: Output = Output::new("webhooks-log", report_lost_lines);

/// The messages for the terminal, which stay in order across both streams.
static MESSAGES: Output = Output::new("webhooks-output", |_| {});

/// A standard stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stream {
    /// Standard output.
    Out,
    /// Standard error.
    Err,
}

/// How messages on standard error become lines of the log, if they do.
static MESSAGE_FORMAT: OnceLock<fn(&str) -> String> = OnceLock::new();

/// Makes lines of the log of the messages on standard error, for programs that read it line by line.
pub(super) fn format_messages(format: fn(&str) -> String) {
    let _ = MESSAGE_FORMAT.set(format);
}

/// Prints a message. Errors are ignored.
pub(crate) fn print_message(stream: Stream, text: &str) {
    match MESSAGE_FORMAT.get() {
        Some(format) if stream == Stream::Err => LOG.push(stream, format(text).as_bytes()),
        _ => MESSAGES.push(stream, text.as_bytes()),
    }
}

/// Flushes all output when it is dropped at the end of the program, with a timeout. A panic drops it, too, so that
/// the panic is logged.
#[derive(Debug)]
pub(crate) struct FlushOnDrop(());

impl FlushOnDrop {
    pub(crate) fn new() -> Self {
        MESSAGES.lock().is_finishing = false;
        LOG.lock().is_finishing = false;
        Self(())
    }
}

impl Drop for FlushOnDrop {
    fn drop(&mut self) {
        let deadline = Instant::now() + FLUSH_TIMEOUT;
        MESSAGES.finish(deadline);
        LOG.finish(deadline);
    }
}

/// Waits until all messages are written, for a program that has its own runtime and log.
pub(super) async fn flush_messages() {
    let flush = || MESSAGES.flush(Instant::now() + FLUSH_TIMEOUT);
    // An error means that the runtime is shutting down.
    let _ = tokio::task::spawn_blocking(flush).await;
}

fn report_lost_lines(count: u64) {
    tracing::warn!(
        count,
        "log lines were lost: standard error could not be written, or was not read fast enough"
    );
}

/// A bounded buffer, and the thread that writes its content.
pub(super) struct Output {
    /// The thread's name.
    name: &'static str,
    /// Reports how many texts were dropped, once the stream can be written again.
    report: fn(u64),
    buffer: Mutex<OutputBuffer>,
    /// Notifies the thread of new text.
    pushed: Condvar,
    /// Notifies callers of `flush` that the buffer is empty.
    emptied: Condvar,
}

struct OutputBuffer {
    /// The texts to write, in order. Consecutive texts for the same stream are merged.
    texts: VecDeque<(Stream, Vec<u8>)>,
    /// The total size of the texts.
    bytes: usize,
    /// The number of texts that were dropped since the last report.
    dropped: u64,
    /// The thread, once it is started.
    thread: Option<ThreadId>,
    /// Whether the thread is waiting for text.
    is_idle: bool,
    /// Whether the program is about to end, so that each text must be flushed at once.
    is_finishing: bool,
}

impl Output {
    const fn new(name: &'static str, report: fn(u64)) -> Self {
        let buffer = OutputBuffer {
            texts: VecDeque::new(),
            bytes: 0,
            dropped: 0,
            thread: None,
            is_idle: false,
            is_finishing: false,
        };
        Self {
            name,
            report,
            buffer: Mutex::new(buffer),
            pushed: Condvar::new(),
            emptied: Condvar::new(),
        }
    }

    /// Appends a text to the buffer, or drops and counts it.
    pub(super) fn push(&'static self, stream: Stream, text: &[u8]) {
        let mut buffer = self.lock();
        if buffer.thread.is_none() {
            let builder = thread::Builder::new().name(self.name.to_owned());
            let spawned = builder.spawn(|| self.write_texts());
            buffer.thread = spawned.ok().map(|handle| handle.thread().id());
        }
        // The thread's report of dropped texts always fits.
        let fits = buffer.bytes + text.len() <= MAX_BYTES
            || buffer.thread == Some(thread::current().id()) && text.len() < MAX_BYTES;
        if buffer.thread.is_none() || !fits {
            buffer.dropped += 1;
            return;
        }
        buffer.bytes += text.len();
        match buffer.texts.back_mut() {
            Some((last, last_text)) if *last == stream => last_text.extend_from_slice(text),
            _ => buffer.texts.push_back((stream, text.to_vec())),
        }
        if buffer.is_idle {
            buffer.is_idle = false;
            self.pushed.notify_one();
        }
        if buffer.is_finishing {
            drop(buffer);
            self.flush(Instant::now() + FLUSH_TIMEOUT / 10);
        }
    }

    /// Flushes the buffer, and makes each later `push` flush it, too. Neither waits for a stuck reader for long.
    fn finish(&'static self, deadline: Instant) {
        self.lock().is_finishing = true;
        self.flush(deadline);
        let dropped = std::mem::take(&mut self.lock().dropped);
        if dropped > 0 {
            (self.report)(dropped);
        }
    }

    /// Waits until the buffer is written, at most until the deadline.
    pub(super) fn flush(&self, deadline: Instant) {
        let mut buffer = self.lock();
        while buffer.thread.is_some() && !buffer.is_idle {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() || buffer.thread == Some(thread::current().id()) {
                return;
            }
            let waited = self.emptied.wait_timeout(buffer, left);
            buffer = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn write_texts(&self) {
        // The stream whose last line is incomplete.
        let mut torn = None;
        let mut buffer = self.lock();
        loop {
            while let Some((stream, mut text)) = buffer.texts.pop_front() {
                buffer.bytes -= text.len();
                drop(buffer);
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
                buffer = self.lock();
                buffer.dropped += lines(unwritten);
                if unwritten.is_empty() && buffer.dropped > 0 {
                    let dropped = std::mem::take(&mut buffer.dropped);
                    drop(buffer);
                    (self.report)(dropped);
                    buffer = self.lock();
                }
            }
            buffer.is_idle = true;
            self.emptied.notify_all();
            while buffer.is_idle {
                buffer = self.pushed.wait(buffer).unwrap_or_else(PoisonError::into_inner);
            }
            if !buffer.is_finishing {
                drop(buffer);
                thread::sleep(BATCH_TIME);
                buffer = self.lock();
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, OutputBuffer> {
        self.buffer.lock().unwrap_or_else(PoisonError::into_inner)
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
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => thread::sleep(RETRY_DELAY),
            Err(_) => break,
        }
    }
    let _ = stream.flush();
    written
}

fn lines(text: &[u8]) -> u64 {
    text.iter().map(|byte| u64::from(*byte == b'\n')).sum()
}
