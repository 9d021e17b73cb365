//! How an endpoint's function is run.

#[cfg(feature = "background")]
use super::background::Background;
use super::function::Caller;

/// What is done with a delivery.
#[derive(Clone)]
pub(crate) enum Work {
    /// The function is called, and its answer goes out.
    Answer(Caller),
    /// The delivery is kept and answered; the function is run afterwards.
    #[cfg(feature = "background")]
    Background(Background),
}

impl Work {
    /// Whether the answer goes out before the function runs.
    #[cfg(feature = "openapi")]
    pub(crate) fn is_background(&self) -> bool {
        match self {
            Self::Answer(_) => false,
            #[cfg(feature = "background")]
            Self::Background(_) => true,
        }
    }
}
