//! Logs each panic once, with control characters escaped.
//!
//! A panic message often contains text from a payload. The standard library's hook would write it unescaped, and
//! would block while standard error is stalled.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::panic::{PanicHookInfo, set_hook, take_hook};
use std::thread;
use std::time::{Duration, Instant};

use super::output::{LOG, Stream, print_message};
use crate::endpoint::panic::{PanicNote, note, text};
use crate::text::in_one_line;

/// How long a panic that ends the program waits until it is logged.
const FLUSH_LIMIT: Duration = Duration::from_millis(200);

/// Installs the panic hook, unless the program has set its own.
pub(crate) fn install() {
    let current = take_hook();
    // The standard library's hook, which the first call restored.
    let default = take_hook();
    #[allow(
        ambiguous_wide_pointer_comparisons,
        reason = "the standard library creates both in one place, so that they have the same vtable"
    )]
    let is_default = std::ptr::eq(&*current, &*default);
    if is_default {
        set_hook(Box::new(log));
    } else {
        set_hook(current);
    }
}

fn log(info: &PanicHookInfo<'_>) {
    let panic = PanicNote {
        text: text(info.payload()).to_owned(),
        location: info.location().map(ToString::to_string).unwrap_or_default(),
    };
    // The panic ends the program, so it must be logged now.
    let noted = if cfg!(panic = "abort") { Err(panic.clone()) } else { note(panic.clone()) };
    match noted {
        // The log is not set up yet.
        Err(panic) if !tracing::dispatcher::has_been_set() => {
            let thread = thread::current();
            let name = thread.name().unwrap_or("unnamed");
            let PanicNote { text, location } = panic;
            let text = in_one_line(&text);
            print_message(
                Stream::Err,
                &format!("thread '{name}' panicked at {location}: {text}\n"),
            );
        }
        Err(panic) => panic.log(),
        // A second panic while the first one unwinds ends the program.
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
