//! The repos and accounts that a webhook watches, and the kinds of events that it sends.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::hub::error::HubError;
use crate::hub::path::filled;
use crate::payload::open_set;

open_set! {
    /// The kind of events that a webhook sends.
    ///
    /// ```
    /// use webhooks_runtime::hub::{WebhookDomain, WebhookSpec};
    ///
    /// let spec = WebhookSpec::new("https://me-bot.hf.space/webhooks/answer").watch("user:me");
    /// let spec = spec.domains([WebhookDomain::Discussion]);
    /// ```
    pub enum WebhookDomain in hub {
        /// Events of the repo: its commits, settings, creation, deletion and moves.
        Repo = "repo",
        /// Events of discussions, pull requests and comments.
        Discussion = "discussion",
    }
}

/// A repo or an account that a webhook watches.
///
/// ```
/// use webhooks_runtime::hub::WatchedItem;
///
/// let item = WatchedItem::from("dataset:me/data");
/// assert_eq!((item.item_type.as_str(), item.name.as_str()), ("dataset", "me/data"));
/// assert_eq!(item.to_string(), "dataset:me/data");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[non_exhaustive]
pub struct WatchedItem {
    /// `model`, `dataset`, `space`, `bucket`, `org` or `user`; `type` in JSON.
    #[serde(rename = "type")]
    pub item_type: String,
    /// The name of the repo, organization or user.
    pub name: String,
}

impl WatchedItem {
    /// Names a repo or an account.
    ///
    /// ```
    /// use webhooks_runtime::hub::WatchedItem;
    ///
    /// assert_eq!(WatchedItem::new("org", "acme").to_string(), "org:acme");
    /// ```
    #[must_use]
    pub fn new(item_type: impl Into<String>, name: impl Into<String>) -> Self {
        Self { item_type: item_type.into(), name: name.into() }
    }

    pub(super) fn check(&self) -> Result<(), HubError> {
        let Self { item_type, name } = self;
        if !matches!(&**item_type, "model" | "dataset" | "space" | "bucket" | "org" | "user") {
            let reason = format!(
                "has {:?}: write \"type:name\", with one of the types model, dataset, space, bucket, org, user",
                self.to_string()
            );
            return Err(HubError::argument("watched", reason));
        }
        filled("watched", name).map(|_| ())
    }
}

impl From<&str> for WatchedItem {
    fn from(text: &str) -> Self {
        let (item_type, name) = text.split_once(':').unwrap_or(("", text));
        Self::new(item_type, name)
    }
}

impl fmt::Display for WatchedItem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.item_type, self.name)
    }
}
