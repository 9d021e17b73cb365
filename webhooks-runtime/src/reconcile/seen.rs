//! Defines the commits that a poll has seen.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A ref that does not exist, in place of its commit.
pub(super) const NO_COMMIT: &str = "";

/// The commits of a repo that a poll has seen, by the names of their refs.
pub(super) type SeenCommits = BTreeMap<String, SeenCommit>;

/// The commit that a ref had when nothing was missing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SeenCommit {
    pub(super) sha: String,
    /// When it was seen first, in milliseconds of Unix time.
    pub(super) since: u64,
    /// The newest entry of the log when this was last confirmed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) after: Option<Uuid>,
}

impl SeenCommit {
    /// Returns a commit that is seen first now, after an entry of the log.
    pub(super) fn new(sha: &str, after: Option<Uuid>) -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let since = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
        Self { sha: sha.to_owned(), since, after }
    }

    /// Returns the commit that the ref has now, after an entry of the log.
    pub(super) fn then(&self, sha: &str, after: Option<Uuid>) -> Self {
        if self.sha == sha { Self { after, ..self.clone() } } else { Self::new(sha, after) }
    }
}
