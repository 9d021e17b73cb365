//! Lists the causes of an error, and finds the marks among them.
//!
//! A mark is a cause that says what follows from the error: [`Permanent`](super::Permanent) and
//! [`RetryAfter`](super::RetryAfter()) are errors with one. It is a cause rather than the error itself, because anyhow and
//! others hide the type of the outermost error.

use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

/// The mark of an error that a retry cannot fix. Its text is that of the error above it, so [`causes`] leaves it out.
#[derive(Debug)]
pub(super) struct PermanentMark(pub(super) Box<dyn StdError + Send + Sync>);

impl fmt::Display for PermanentMark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl StdError for PermanentMark {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source()
    }
}

/// The mark of an error after which the function is to be called again, and when. The error above it says so in its
/// own words, so [`causes`] leaves it out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RetryMark(pub(crate) Duration);

impl fmt::Display for RetryMark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "retry in {}", humantime::format_duration(self.0))
    }
}

impl StdError for RetryMark {}

fn chain<'a>(
    error: &'a (dyn StdError + 'static),
) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

/// Returns whether an error, or one of its causes, is permanent.
pub(crate) fn is_permanent(error: &(dyn StdError + 'static)) -> bool {
    chain(error).any(<dyn StdError>::is::<PermanentMark>)
}

/// Returns after which time the function is to be called again, if an error or one of its causes says so.
pub(crate) fn retry_after(error: &(dyn StdError + 'static)) -> Option<Duration> {
    chain(error).find_map(|error| error.downcast_ref::<RetryMark>()).map(|mark| mark.0)
}

/// Returns the text of an error with all its causes, the outermost first.
pub(crate) fn causes(error: &(dyn StdError + 'static)) -> String {
    let is_mark =
        |error: &&(dyn StdError + 'static)| error.is::<PermanentMark>() || error.is::<RetryMark>();
    let texts: Vec<_> =
        chain(error).filter(|error| !is_mark(error)).map(ToString::to_string).collect();
    texts.join(": ")
}
