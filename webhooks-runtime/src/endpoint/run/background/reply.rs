//! The rule for what a background endpoint may return, and what it makes of it.

use super::task::{TaskFailure, TaskResult};
use crate::endpoint::note::Note;
use crate::endpoint::respond::kind::{JsonReplyKind, PlainReplyKind, ResultKind};
use crate::endpoint::respond::reply::{EndpointError, ResultReply, UnitReply};

/// A value that a background endpoint may return: nothing, a [`Note`](crate::Note()), or a `Result` of these whose error
/// is an [`EndpointError`]. `Kind` is always inferred.
///
/// ```
/// use webhooks_runtime::testing::{TestClient, tag_deleted};
/// use webhooks_runtime::{WebhookPayload, WebhooksServer, webhook_endpoint};
///
/// /// Fails, and is retried: three attempts in all.
/// #[webhook_endpoint(background(attempts = 3, backoff = "1m"))]
/// async fn release(_payload: WebhookPayload) -> anyhow::Result<()> {
///     anyhow::bail!("the registry is down")
/// }
///
/// let client = TestClient::new(WebhooksServer::empty().endpoint(release::endpoint()))?;
/// let response = client.post(release::PATH, tag_deleted()).send();
/// assert_eq!(response.status(), 202); // whatever the outcome of the function is
/// assert_eq!(response.cause(), Some("the registry is down"));
/// # Ok::<(), webhooks_runtime::LaunchError>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be returned by a background endpoint",
    label = "never sent to anyone",
    note = "the response is sent before the function runs, so the function returns nothing, a `Note`, or a `Result` of these",
    note = "remove `background` to return it as the response"
)]
pub trait BackgroundReply<Kind> {
    /// Returns how the function ended.
    #[doc(hidden)]
    fn end(self) -> TaskResult;
}

impl BackgroundReply<UnitReply> for () {
    fn end(self) -> TaskResult {
        Ok(None)
    }
}

/// The kind of a [`Note`].
#[derive(Debug)]
pub struct NoteReply;

impl BackgroundReply<NoteReply> for Note {
    fn end(self) -> TaskResult {
        Ok(Some(self))
    }
}

impl<T, E, Kind, ErrorKind> BackgroundReply<ResultReply<(Kind, ErrorKind)>> for Result<T, E>
where
    T: BackgroundReply<Kind>,
    E: EndpointError<ErrorKind>,
{
    fn end(self) -> TaskResult {
        match self {
            Ok(value) => value.end(),
            Err(error) => Err(TaskFailure::of(&*error.into_boxed())),
        }
    }
}

impl JsonReplyKind {
    /// Returns how the function ended.
    pub fn end<R: BackgroundReply<Kind>, Kind>(self, reply: R) -> TaskResult {
        reply.end()
    }
}

#[expect(clippy::extra_unused_type_parameters, reason = "one call fits all types of this name")]
impl PlainReplyKind {
    /// Returns how the function ended.
    pub fn end<R: BackgroundReply<Kind>, Kind>(self, reply: R) -> TaskResult {
        reply.end()
    }

    /// Returns how a function ended that returns a type of another crate that is named `Result`.
    pub fn result_end<T, E, R: BackgroundReply<Kind>, Kind>(self, reply: R) -> TaskResult {
        reply.end()
    }
}

impl ResultKind {
    /// Returns how the function ended.
    pub fn end<R: BackgroundReply<Kind>, Kind>(self, reply: R) -> TaskResult {
        reply.end()
    }

    /// Returns how a function ended that returns a `Result<T, E>`, with an error below `T` or `E`.
    pub fn result_end<T: BackgroundReply<Kind>, E: EndpointError<ErrorKind>, Kind, ErrorKind>(
        self,
        reply: Result<T, E>,
    ) -> TaskResult {
        reply.end()
    }
}
