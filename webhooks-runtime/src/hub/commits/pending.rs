//! Notes that a commit is being made.

use std::sync::Arc;

use crate::hub::CommitLog;
use crate::hub::client::Hub;

/// A commit that is being made. It has ended when this is dropped, for example because the caller gave up.
pub(super) struct PendingCommit(Option<Arc<dyn CommitLog>>);

impl PendingCommit {
    /// Notes the start of a commit.
    pub(super) fn start(hub: &Hub) -> Self {
        let log = hub.commit_log();
        if let Some(log) = &log {
            log.started();
        }
        Self(log)
    }
}

impl Drop for PendingCommit {
    fn drop(&mut self) {
        if let Some(log) = &self.0 {
            log.ended();
        }
    }
}
