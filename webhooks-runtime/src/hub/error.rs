//! Defines the error of every call of the Hub.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use super::rejection::HubRejection;

/// The error of a call of the Hub. No text contains the token or a part of a payload.
///
/// With the status 429, it is a [`RetryAfter`](crate::RetryAfter()) as well: a background function that returns it, also
/// by `?` and with other errors around it, is called again after [the time that the Hub names](Self::retry_after), or
/// after a minute. The attempt does not count.
///
/// ```
/// use webhooks_runtime::HubError;
/// use webhooks_runtime::testing::HubStub;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), HubError> {
/// let stub = HubStub::new();
/// stub.on("GET", "/api/datasets/me/data").error(404, "Repository not found");
///
/// match stub.hub().repo_info("dataset:me/data").await {
///     Err(error) if error.status() == Some(404) => println!("it is deleted"),
///     other => println!("{}", other?.name),
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HubError {
    /// There is no token.
    #[error(
        "the Hub needs a token: set HF_TOKEN, or run `hf auth login`, which writes it to {}",
        .file.display()
    )]
    MissingToken {
        /// The file that has no token.
        file: PathBuf,
    },
    /// The token or the Hub's address is invalid.
    #[error("{name} {reason}")]
    InvalidSetting {
        /// The variable, file or argument that it comes from.
        name: String,
        /// The reason. It does not contain the value.
        reason: String,
    },
    /// An argument of the call is invalid. Nothing was sent.
    #[error("the Hub was not called: {argument} {reason}")]
    InvalidArgument {
        /// The argument.
        argument: &'static str,
        /// The reason.
        reason: String,
    },
    /// A file must be uploaded in another way, because the repo keeps it as a large file (LFS). Nothing was committed.
    #[error(
        "{path} cannot be committed like this, because the repo keeps it as a large file (LFS): upload it with the \
         crate hf-hub"
    )]
    LargeFile {
        /// The path of the file in the repo.
        path: String,
    },
    /// The Hub responded with a status other than 2xx.
    #[error(transparent)]
    Rejected(Box<HubRejection>),
    /// There is no response: the Hub cannot be reached, the connection was lost, or time ran out.
    #[error("{call} failed: {reason}")]
    NoResponse {
        /// The method and path.
        call: String,
        /// The reason.
        reason: String,
    },
    /// The response has another form than the Hub documents.
    #[error("the response to {call} {reason}")]
    InvalidResponse {
        /// The method and path.
        call: String,
        /// The reason. It does not contain values of the response.
        reason: String,
    },
}

impl HubError {
    /// Returns the status of the response, if there was a response.
    ///
    /// ```
    /// # use webhooks_runtime::testing::HubStub;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let stub = HubStub::new();
    /// stub.on("POST", "/api/models/me/tiny/discussions/7/merge").error(409, "There are conflicts");
    ///
    /// let error = stub.hub().merge_pull_request("me/tiny", 7, None).await.unwrap_err();
    /// assert_eq!(error.status(), Some(409));
    /// # }
    /// ```
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        self.rejection().map(|rejection| rejection.status)
    }

    /// Returns whether the Hub may have done what was asked, although the call failed.
    pub(crate) fn may_be_done(&self) -> bool {
        matches!(self, Self::NoResponse { .. } | Self::InvalidResponse { .. })
            || self.status().is_some_and(|status| status >= 500)
    }

    /// Returns the Hub's own message.
    ///
    /// ```
    /// # use webhooks_runtime::testing::HubStub;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let stub = HubStub::new();
    /// stub.on("POST", "/api/models/me/tiny/discussions/7/merge").error(409, "There are conflicts");
    ///
    /// let error = stub.hub().merge_pull_request("me/tiny", 7, None).await.unwrap_err();
    /// assert_eq!(error.message(), Some("There are conflicts"));
    /// # }
    /// ```
    #[must_use]
    pub fn message(&self) -> Option<&str> {
        self.rejection()?.message.as_deref()
    }

    /// Returns the Hub's error code, such as `RepoNotFound`: the header `X-Error-Code`.
    ///
    /// ```
    /// # use webhooks_runtime::testing::HubStub;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let stub = HubStub::new();
    /// let call = stub.on("GET", "/api/models/me/tiny");
    /// call.error(404, "Repository not found").header("X-Error-Code", "RepoNotFound");
    ///
    /// let error = stub.hub().repo_info("me/tiny").await.unwrap_err();
    /// assert_eq!(error.code(), Some("RepoNotFound"));
    /// # }
    /// ```
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        self.rejection()?.code.as_deref()
    }

    /// Returns the id of the request, which the Hub's support asks for: the header `X-Request-Id`.
    ///
    /// ```
    /// # use webhooks_runtime::testing::HubStub;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let stub = HubStub::new();
    /// stub.on("GET", "/api/models/me/tiny").error(500, "Oops").header("X-Request-Id", "Root=1");
    ///
    /// let error = stub.hub().repo_info("me/tiny").await.unwrap_err();
    /// assert_eq!(error.request_id(), Some("Root=1"));
    /// # }
    /// ```
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        self.rejection()?.request_id.as_deref()
    }

    /// Returns how long to wait before the next call, if the Hub says so: the `t` of its header `RateLimit`, or the
    /// seconds of `Retry-After`.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// # use webhooks_runtime::testing::HubStub;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let stub = HubStub::new();
    /// let call = stub.on("GET", "/api/models/me/tiny");
    /// call.error(429, "Too many requests").header("RateLimit", r#""api";r=0;t=240"#);
    ///
    /// let error = stub.hub().repo_info("me/tiny").await.unwrap_err();
    /// assert_eq!(error.retry_after(), Some(Duration::from_secs(240)));
    /// # }
    /// ```
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.rejection()?.retry_after
    }

    /// Returns whether the error is the absence of a token.
    pub(crate) fn is_missing_token(&self) -> bool {
        matches!(self, Self::MissingToken { .. })
    }

    pub(super) fn setting(name: &str, reason: &str) -> Self {
        Self::InvalidSetting { name: name.to_owned(), reason: reason.to_owned() }
    }

    pub(super) fn argument(argument: &'static str, reason: impl fmt::Display) -> Self {
        Self::InvalidArgument { argument, reason: reason.to_string() }
    }

    fn rejection(&self) -> Option<&HubRejection> {
        match self {
            Self::Rejected(rejection) => Some(rejection),
            _ => None,
        }
    }
}
