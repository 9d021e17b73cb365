//! How an endpoint's function is run.

use super::background::Background;
use super::function::Caller;

/// What is done with a delivery.
#[derive(Clone)]
pub(crate) enum Work {
    /// The function is called, and its answer goes out.
    Inline(Caller),
    /// The delivery is kept and answered; the function is run afterwards.
    Background(Background),
}

impl Work {
    /// Whether the answer goes out before the function runs.
    pub(crate) fn is_background(&self) -> bool {
        match self {
            Self::Inline(_) => false,
            Self::Background(_) => true,
        }
    }
}
