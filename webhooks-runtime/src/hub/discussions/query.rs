//! Selects the discussions to list.

use crate::hub::error::HubError;
use crate::hub::path::filled;
use crate::payload::DiscussionStatus;

/// Which discussions to list: all, unless a method says otherwise.
///
/// ```
/// use webhooks_runtime::DiscussionStatus;
/// use webhooks_runtime::hub::DiscussionQuery;
///
/// let query = DiscussionQuery::new().pull_requests(true).status(DiscussionStatus::Open).author("me");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use]
pub struct DiscussionQuery {
    pull_requests: Option<bool>,
    status: Option<DiscussionStatus>,
    author: Option<String>,
}

impl DiscussionQuery {
    /// Selects all discussions and pull requests.
    ///
    /// ```
    /// use webhooks_runtime::hub::DiscussionQuery;
    ///
    /// assert_eq!(DiscussionQuery::new(), DiscussionQuery::default());
    /// ```
    pub fn new() -> Self {
        Self::default()
    }

    /// Selects only pull requests, or with `false` only discussions.
    ///
    /// ```
    /// use webhooks_runtime::hub::DiscussionQuery;
    ///
    /// let query = DiscussionQuery::new().pull_requests(true);
    /// ```
    pub fn pull_requests(mut self, only: bool) -> Self {
        self.pull_requests = Some(only);
        self
    }

    /// Selects a status: open or closed.
    ///
    /// ```
    /// use webhooks_runtime::DiscussionStatus;
    /// use webhooks_runtime::hub::DiscussionQuery;
    ///
    /// let query = DiscussionQuery::new().status(DiscussionStatus::Open);
    /// ```
    pub fn status(mut self, status: DiscussionStatus) -> Self {
        self.status = Some(status);
        self
    }

    /// Selects those that a user opened.
    ///
    /// ```
    /// use webhooks_runtime::hub::DiscussionQuery;
    ///
    /// let query = DiscussionQuery::new().author("me");
    /// ```
    pub fn author(mut self, name: impl Into<String>) -> Self {
        self.author = Some(name.into());
        self
    }

    pub(super) fn parameters(&self) -> Result<Vec<(&'static str, &str)>, HubError> {
        let mut parameters = Vec::new();
        if let Some(only) = self.pull_requests {
            parameters.push(("type", if only { "pull_request" } else { "discussion" }));
        }
        match &self.status {
            Some(status @ (DiscussionStatus::Open | DiscussionStatus::Closed)) => {
                parameters.push(("status", status.as_str()));
            }
            Some(status) => {
                let reason =
                    format!("is {status}; the Hub lists discussions that are open or closed");
                return Err(HubError::argument("status", reason));
            }
            None => {}
        }
        if let Some(author) = &self.author {
            parameters.push(("author", filled("author", author)?));
        }
        Ok(parameters)
    }
}
