//! Runs an endpoint's function: before its response, or in the background.
//!
//! - `function` makes a function without the attribute callable, for `add_webhook`
//! - `blocking` runs a function that is not async on a pool of threads
//! - `background` runs a function after its delivery was accepted
//! - `panic` catches the panics of functions

pub(crate) mod background;
mod blocking;
mod function;
pub(crate) mod panic;

pub use blocking::{BlockingArg, BlockingReply, defer, run_blocking};
pub use function::EndpointFn;
pub(crate) use function::{Caller, caller};

use background::BackgroundWork;

/// How the function of an endpoint is run.
#[derive(Clone)]
pub(crate) enum Work {
    /// The function is called, and makes the response.
    Inline(Caller),
    /// The delivery is stored and gets its response; the function runs later.
    Background(BackgroundWork),
}

impl Work {
    /// Returns whether the response is sent before the function runs.
    pub(crate) fn is_background(&self) -> bool {
        self.background().is_some()
    }

    /// Returns the function that runs in the background; `None` if the response waits for it.
    pub(crate) fn background(&self) -> Option<&BackgroundWork> {
        match self {
            Self::Inline(_) => None,
            Self::Background(background) => Some(background),
        }
    }
}
