//! What a program does on the Hub, so that its endpoints can skip the events that it causes itself: the account that it
//! acts with, and the commits that it has made.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::sync::Mutex as AsyncMutex;
use tokio::time::{Instant, timeout_at};

use super::recent_commits::RecentCommits;
use super::{CommitLog, Hub};
use crate::endpoint::checks::{OwnEvents, ProgramAccount, Undetermined};
use crate::state::SharedState;

/// The first and the longest pause after the Hub did not tell the account. It limits that request strictly.
const PAUSE: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(5 * 60));

/// The activity of a program on the Hub.
pub(crate) struct OwnActivity {
    hub: Hub,
    /// Locked during a request, so that concurrent checks share one.
    failure: AsyncMutex<Option<AccountFailure>>,
    commits: Arc<RecentCommits>,
}

/// Why the account is unknown, and until when it is not asked for again.
struct AccountFailure {
    reason: String,
    until: Instant,
    pause: Duration,
}

impl OwnActivity {
    /// Observes a client, whose commits are remembered from now on.
    pub(crate) fn of(hub: &Hub) -> Arc<Self> {
        let commits = Arc::new(RecentCommits::default());
        hub.set_commit_log(Arc::clone(&commits) as Arc<dyn CommitLog>);
        Arc::new(Self { hub: hub.clone(), failure: AsyncMutex::default(), commits })
    }

    /// Sets where commits are remembered beyond this process, and for how long: at least for an hour.
    pub(crate) fn remember_in(&self, state: Arc<dyn SharedState>, remembered: Duration) {
        self.commits.share(state, remembered);
    }

    /// Waits until the commits that are being made are remembered, at most until `deadline`.
    pub(crate) async fn finish_commits(&self, deadline: Instant) {
        let _ = timeout_at(deadline, self.commits.finished()).await;
    }

    /// Asks the Hub for the account, unless that failed a moment ago.
    async fn find_account(&self) -> Result<ProgramAccount, Undetermined> {
        let mut failure = self.failure.lock().await;
        let now = Instant::now();
        let pause = match &*failure {
            Some(AccountFailure { reason, until, .. }) if *until > now => {
                let retry_after = until.duration_since(now);
                return Err(Undetermined { reason: reason.clone(), retry_after });
            }
            Some(AccountFailure { pause, .. }) => (*pause * 2).min(PAUSE.1),
            None => PAUSE.0,
        };
        // For a check that is given up before the Hub has responded.
        let reason = "the Hub has not responded yet".to_owned();
        *failure = Some(AccountFailure { reason, until: now + pause, pause });
        match self.hub.whoami_by_server().await {
            Ok(account) => {
                *failure = None;
                Ok(ProgramAccount { id: account.id, name: account.name })
            }
            Err(error) => {
                let retry_after = error.retry_after().unwrap_or_default().clamp(pause, PAUSE.1);
                let reason = error.to_string();
                tracing::warn!(
                    error = reason,
                    ?retry_after,
                    "the account on the Hub is unknown: deliveries of comments and discussions wait until it is known"
                );
                let until = Instant::now() + retry_after;
                *failure = Some(AccountFailure { reason: reason.clone(), until, pause });
                Err(Undetermined { reason, retry_after })
            }
        }
    }
}

impl OwnEvents for OwnActivity {
    fn account(&self) -> BoxFuture<'_, Result<ProgramAccount, Undetermined>> {
        Box::pin(self.find_account())
    }

    fn made<'a>(&'a self, commits: &'a [&'a str]) -> BoxFuture<'a, Result<bool, Undetermined>> {
        Box::pin(self.commits.contain_all(commits))
    }
}
