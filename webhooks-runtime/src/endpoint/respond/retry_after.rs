//! Errors that say when to call the function again.

use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

use super::causes::RetryMark;

/// An error that says when to call the function again, for something that is busy or not ready yet.
///
/// A background delivery that fails with it is queued for that time, up to 30 days. The attempt does not count, so it
/// does not make the delivery dead. After 20 such attempts in a row, each further one counts. With
/// [`Permanent`](crate::Permanent) among its causes, the delivery is dead at once.
///
/// The 429 response to a call of the Hub is such an error, too: `hub.comment(…).await?` is enough to wait for the time
/// that the Hub names.
///
/// An endpoint without `background` responds with 503 and `Retry-After`. The Hub sends such a delivery again, at a time
/// of its own choice.
///
/// ```
/// use std::time::Duration;
///
/// use webhooks_runtime::{RetryAfter, WebhookPayload, webhook_endpoint};
///
/// # async fn free_gpus() -> anyhow::Result<u32> { Ok(0) }
/// #[webhook_endpoint(background)]
/// async fn trigger_training(payload: WebhookPayload) -> anyhow::Result<()> {
///     if free_gpus().await? == 0 {
///         return Err(RetryAfter(Duration::from_secs(10 * 60)).into());
///     }
///     // train
///     Ok(())
/// }
/// ```
///
/// `context` of anyhow says why. The text becomes the note of the attempt:
///
/// ```
/// use std::time::Duration;
///
/// use webhooks_runtime::testing::{TestClient, dataset_commit};
/// use webhooks_runtime::{RetryAfter, WebhookPayload, WebhooksServer, webhook_endpoint};
///
/// #[webhook_endpoint(background)]
/// async fn train(payload: WebhookPayload) -> anyhow::Result<()> {
///     let busy = RetryAfter(Duration::from_secs(600));
///     Err(anyhow::Error::from(busy).context("no GPU is free"))
/// }
///
/// let client = TestClient::new(WebhooksServer::empty().endpoint(train::endpoint()))?;
/// let response = client.post(train::PATH, dataset_commit()).send();
/// assert_eq!(response.cause(), Some("no GPU is free: retry in 10m"));
/// # Ok::<(), webhooks_runtime::LaunchError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetryAfter {
    mark: RetryMark,
}

/// Returns the error that says to call the function again after this time.
///
/// ```
/// use std::time::Duration;
///
/// use webhooks_runtime::{RetryAfter, WebhookPayload, webhook_endpoint};
///
/// #[webhook_endpoint(background)]
/// async fn restart(payload: WebhookPayload) -> Result<(), RetryAfter> {
///     Err(RetryAfter(Duration::from_secs(30)))
/// }
/// ```
#[must_use]
#[allow(non_snake_case, reason = "it makes the type of the same name, as a tuple struct would")]
pub fn RetryAfter(time: Duration) -> RetryAfter {
    RetryAfter { mark: RetryMark(time) }
}

impl fmt::Display for RetryAfter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.mark.fmt(f)
    }
}

impl StdError for RetryAfter {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&self.mark)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::endpoint::respond::causes::{causes, is_permanent, retry_after};
    use crate::endpoint::respond::permanent::MarkPermanent;

    #[test]
    fn the_time_is_found_among_causes_and_listed_once() {
        let time = Duration::from_secs(90);
        let error = anyhow::Error::from(RetryAfter(time)).context("no GPU is free");
        for (error, text) in [
            (Box::<dyn StdError>::from(RetryAfter(time)), "retry in 1m 30s"),
            (anyhow::Error::from(RetryAfter(time)).into(), "retry in 1m 30s"),
            (error.into(), "no GPU is free: retry in 1m 30s"),
        ] {
            assert_eq!(retry_after(&*error), Some(time));
            assert!(!is_permanent(&*error));
            assert_eq!(causes(&*error), text);
        }
        let error: Box<dyn StdError> = anyhow::anyhow!("busy").into();
        assert_eq!(retry_after(&*error), None);
    }

    #[test]
    fn an_error_may_have_both_marks() {
        let error: Box<dyn StdError> = RetryAfter(Duration::ZERO).permanent().into();
        assert!(is_permanent(&*error) && retry_after(&*error).is_some());
        assert_eq!(causes(&*error), "retry in 0s");
    }
}
