//! Errors that a retry cannot fix.

use std::error::Error as StdError;
use std::fmt;

use super::causes::PermanentMark;

/// An error that a retry cannot fix. A background delivery that fails with it is dead at once.
///
/// ```
/// use webhooks_runtime::{Permanent, WebhookPayload, webhook_endpoint};
///
/// #[webhook_endpoint(background)]
/// async fn trigger_training(payload: WebhookPayload) -> anyhow::Result<()> {
///     if payload.repo.private {
///         return Err(Permanent::new("private datasets are not for training").into());
///     }
///     Ok(())
/// }
/// ```
pub struct Permanent {
    mark: PermanentMark,
}

impl Permanent {
    /// Marks an error, or a text, as permanent. [`permanent()`](MarkPermanent::permanent) does the same.
    ///
    /// ```
    /// use webhooks_runtime::Permanent;
    ///
    /// let error = Permanent::new("only datasets are trained on");
    /// assert_eq!(error.to_string(), "only datasets are trained on");
    ///
    /// let missing = std::io::Error::other("there is no recipe for this dataset");
    /// let error: anyhow::Error = Permanent::new(missing).into();
    /// assert_eq!(error.to_string(), "there is no recipe for this dataset");
    /// ```
    #[must_use]
    pub fn new(error: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self { mark: PermanentMark(error.into()) }
    }
}

/// `.permanent()` on an error and on a `Result`. `Kind` is always inferred.
///
/// ```
/// use webhooks_runtime::MarkPermanent;
///
/// fn parse(text: &str) -> anyhow::Result<u32> {
///     Ok(text.parse::<u32>().permanent()?)
/// }
/// assert_eq!(parse("7").unwrap(), 7);
/// ```
pub trait MarkPermanent<Kind> {
    /// A [`Permanent`], or a `Result` with one.
    type Marked;

    /// Marks the error as one that a retry cannot fix.
    ///
    /// ```
    /// use webhooks_runtime::{MarkPermanent, Permanent};
    ///
    /// let error: Permanent = "the recipe is gone".permanent();
    /// assert_eq!(error.to_string(), "the recipe is gone");
    ///
    /// let recipe: Result<u32, Permanent> = "7 epochs".parse::<u32>().permanent();
    /// assert_eq!(recipe.unwrap_err().to_string(), "invalid digit found in string");
    /// ```
    fn permanent(self) -> Self::Marked;
}

/// The kind of an error.
#[derive(Debug)]
pub struct MarkedError;

/// The kind of a `Result`.
#[derive(Debug)]
pub struct MarkedResult;

impl<E: Into<Box<dyn StdError + Send + Sync>>> MarkPermanent<MarkedError> for E {
    type Marked = Permanent;

    fn permanent(self) -> Permanent {
        Permanent::new(self)
    }
}

impl<T, E: Into<Box<dyn StdError + Send + Sync>>> MarkPermanent<MarkedResult> for Result<T, E> {
    type Marked = Result<T, Permanent>;

    fn permanent(self) -> Result<T, Permanent> {
        self.map_err(Permanent::new)
    }
}

impl fmt::Debug for Permanent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Permanent").field(&self.mark.0).finish()
    }
}

impl fmt::Display for Permanent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.mark.fmt(f)
    }
}

impl StdError for Permanent {
    // The mark is a cause: anyhow and others hide the type of the outermost error only.
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&self.mark)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::endpoint::respond::causes::{causes, is_permanent};

    fn boxed(error: impl Into<Box<dyn StdError + Send + Sync>>) -> Box<dyn StdError> {
        error.into()
    }

    #[test]
    fn a_permanent_error_is_found_among_causes_and_listed_once() {
        let io = std::io::Error::other("no such dataset");
        let error = anyhow::Error::from(Permanent::new(io)).context("training");
        let error = boxed(error);
        assert!(is_permanent(&*error));
        assert_eq!(causes(&*error), "training: no such dataset");
        let plain = boxed(anyhow::anyhow!("busy"));
        assert!(!is_permanent(&*plain));
    }

    #[test]
    fn an_error_a_result_and_a_text_can_be_marked() {
        let marked = [
            boxed(Permanent::new("text")),
            boxed(anyhow::anyhow!("text").permanent()),
            boxed(anyhow::Error::from(std::io::Error::other("text").permanent())),
            boxed(Err::<(), _>(std::io::Error::other("text")).permanent().unwrap_err()),
        ];
        for error in marked {
            assert!(is_permanent(&*error));
            assert_eq!(causes(&*error), "text");
        }
    }
}
