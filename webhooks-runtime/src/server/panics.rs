//! Logs panics: once each, with nothing in their messages that a terminal would obey.
//!
//! The hook of the standard library writes a message as it is, to a standard error that may be stalled. A
//! message often has a payload's texts in it.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::panic::{PanicHookInfo, set_hook, take_hook};
use std::thread;
use std::time::{Duration, Instant};

use super::output::{LOG, Stream, say};
use crate::endpoint::panic::{Note, note, text};
use crate::text::in_one_line;

/// How long a panic waits for its line, where the program ends with it.
const FLUSH_LIMIT: Duration = Duration::from_millis(200);

/// Has panics logged from now on, unless the program has a panic hook of its own.
pub(crate) fn install() {
    let current = take_hook();
    // That of the standard library, as the first call has put it back.
    let default = take_hook();
    #[allow(
        ambiguous_wide_pointer_comparisons,
        reason = "both are made at one place in the standard library, so one vtable is what tells it"
    )]
    let is_default = std::ptr::eq(&*current, &*default);
    if is_default {
        set_hook(Box::new(log));
    } else {
        set_hook(current);
    }
}

fn log(info: &PanicHookInfo<'_>) {
    let panic = Note {
        text: text(info.payload()).to_owned(),
        location: info.location().map(ToString::to_string).unwrap_or_default(),
    };
    // The program ends with it, so nobody would log it later.
    let noted = if cfg!(panic = "abort") { Err(panic.clone()) } else { note(panic.clone()) };
    match noted {
        // Without a subscriber there is no log yet.
        Err(panic) if !tracing::dispatcher::has_been_set() => {
            let thread = thread::current();
            let name = thread.name().unwrap_or("unnamed");
            let Note { text, location } = panic;
            let text = in_one_line(&text);
            say(Stream::Err, &format!("thread '{name}' panicked at {location}: {text}\n"));
        }
        Err(panic) => panic.log(),
        // A second one while the first unwinds ends the program.
        Ok(Some(earlier)) => {
            earlier.log();
            panic.log();
            LOG.flush(Instant::now() + FLUSH_LIMIT);
        }
        Ok(None) => {}
    }
    let backtrace = Backtrace::capture();
    if backtrace.status() == BacktraceStatus::Captured {
        LOG.push(Stream::Err, format!("{backtrace}").as_bytes());
    }
    if cfg!(panic = "abort") {
        LOG.flush(Instant::now() + FLUSH_LIMIT);
    }
}
