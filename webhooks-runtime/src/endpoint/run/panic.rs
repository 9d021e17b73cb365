//! Catches the panics of functions, so that each is logged once, with its location. Restarts components of the server
//! that panic.
//!
//! Only a panic hook knows the location of a panic, and only the caller of the function knows the delivery and
//! its outcome. So the hook notes the panic of a function for the caller, who logs it. The hook logs all other
//! panics itself.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::pin;
use std::task::Poll;
use std::thread;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::time::sleep;

/// The pause before a component that panicked is restarted.
const RESTART_PAUSE: Duration = Duration::from_secs(1);

thread_local! {
    /// Whether this thread runs an endpoint's function.
    static INSIDE: Cell<bool> = const { Cell::new(false) };
    /// The last panic inside it.
    static NOTED: RefCell<Option<PanicNote>> = const { RefCell::new(None) };
}

/// A panic as the hook sees it.
#[derive(Clone, Debug)]
pub(crate) struct PanicNote {
    pub(crate) text: String,
    /// `src/main.rs:12:5`
    pub(crate) location: String,
}

impl PanicNote {
    /// Logs a panic that no caller of an endpoint's function logs.
    pub(crate) fn log(&self) {
        let (thread, text) = (thread::current(), self.text.as_str());
        let name = thread.name().unwrap_or("unnamed");
        tracing::error!(panic = text, location = self.location, thread = name, "a thread panicked");
    }
}

/// Notes a panic for the caller of the function, and returns the note before it, if that is still there: the
/// function has caught that panic itself.
///
/// # Errors
///
/// Returns the note when this thread runs no function.
pub(crate) fn note(note: PanicNote) -> Result<Option<PanicNote>, PanicNote> {
    if !INSIDE.get() {
        return Err(note);
    }
    Ok(NOTED.try_with(|noted| noted.replace(Some(note))).unwrap_or_default())
}

/// The panic of a function.
pub(crate) struct Panic {
    payload: Box<dyn Any + Send>,
    location: Option<String>,
}

impl Panic {
    /// Returns its message.
    pub(crate) fn text(&self) -> &str {
        text(&*self.payload)
    }

    /// Returns its location; `None` when the program has its own panic hook.
    pub(crate) fn location(&self) -> Option<&str> {
        self.location.as_deref()
    }

    /// Continues the panic on this thread.
    pub(crate) fn resume(self) -> ! {
        if let Some(location) = self.location {
            NOTED.set(Some(PanicNote { text: String::new(), location }));
        }
        resume_unwind(self.payload)
    }
}

/// Returns the message of a panic.
pub(crate) fn text(payload: &(dyn Any + Send)) -> &str {
    match (payload.downcast_ref::<&str>(), payload.downcast_ref::<String>()) {
        (Some(text), _) => text,
        (None, Some(text)) => text,
        (None, None) => "(no text)",
    }
}

/// Calls a function and catches its panic.
pub(crate) fn caught<T>(function: impl FnOnce() -> T) -> Result<T, Panic> {
    let outside = INSIDE.replace(true);
    NOTED.set(None);
    let ended = catch_unwind(AssertUnwindSafe(function));
    INSIDE.set(outside);
    match (ended, NOTED.take()) {
        (Ok(value), None) => Ok(value),
        (Ok(value), Some(note)) => {
            note.log();
            Ok(value)
        }
        (Err(payload), note) => Err(Panic { payload, location: note.map(|note| note.location) }),
    }
}

/// Waits for a future and catches its panic.
pub(crate) async fn caught_in<T>(future: impl Future<Output = T>) -> Result<T, Panic> {
    let mut future = pin!(future);
    poll_fn(|context| match caught(|| future.as_mut().poll(context)) {
        Ok(Poll::Pending) => Poll::Pending,
        Ok(Poll::Ready(value)) => Poll::Ready(Ok(value)),
        Err(panic) => Poll::Ready(Err(panic)),
    })
    .await
}

/// Runs a component of the server to its end, and restarts it after each panic. Without that, it would stop working
/// while the server runs, and nothing would report it.
pub(crate) async fn restart_on_panic(component: &'static str, mut run: impl AsyncFnMut()) {
    while let Err(payload) = AssertUnwindSafe(run()).catch_unwind().await {
        // Writing the log line may be what panicked.
        let _ = catch_unwind(AssertUnwindSafe(|| {
            tracing::error!(
                component,
                panic = text(&*payload),
                "a component of the server panicked and is restarted"
            );
        }));
        sleep(RESTART_PAUSE).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_component_that_panics_is_restarted() {
        let mut runs = 0;
        restart_on_panic("scheduler", async || {
            runs += 1;
            assert!(runs > 2, "the disk is full");
        })
        .await;
        assert_eq!(runs, 3);
    }
}
