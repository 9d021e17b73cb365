//! Limits how many log lines strangers can cause.
//!
//! A request without the right secret is anyone's, and a thousand of them a second are easily sent. Of each
//! status the first few in a minute have their line, and the rest have one together when the minute is over
//! or the server ends.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use actix_web::http::StatusCode;

use crate::endpoint::call::DELIVERY;

/// How many rejections of a status are logged one by one in a minute.
const LINES: u64 = 10;

const MINUTE: Duration = Duration::from_secs(60);

/// The rejections of the current minute: how many there were of each status. A minute begins with the
/// first one.
#[derive(Debug, Default)]
pub(super) struct RejectionCounts(Mutex<HashMap<StatusCode, u64>>);

impl RejectionCounts {
    fn counts(&self) -> MutexGuard<'_, HashMap<StatusCode, u64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a rejection, and returns whether it has a line of its own.
    pub(super) fn count(self: &Arc<Self>, status: StatusCode) -> bool {
        let mut counts = self.counts();
        if counts.is_empty() {
            let this = Arc::clone(self);
            tokio::spawn(async move {
                tokio::time::sleep(MINUTE).await;
                this.report();
            });
        }
        let count = counts.entry(status).or_default();
        *count += 1;
        *count <= LINES
    }

    /// Logs how many rejections had no line, and begins anew.
    pub(super) fn report(&self) {
        let counts = std::mem::take(&mut *self.counts());
        for (status, count) in counts.into_iter().filter(|(_, count)| *count > LINES) {
            tracing::warn!(
                target: DELIVERY,
                status = status.as_u16(),
                count = count - LINES,
                "more requests were rejected within a minute, too many for a line each"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn each_status_has_a_few_lines_a_minute() {
        let counts = Arc::new(RejectionCounts::default());
        let lines = |status, requests: u64| (0..requests).filter(|_| counts.count(status)).count();
        assert_eq!(lines(StatusCode::UNAUTHORIZED, 1000), 10);
        assert_eq!(lines(StatusCode::FORBIDDEN, 5), 5);
        tokio::time::sleep(MINUTE / 2).await;
        assert_eq!(lines(StatusCode::UNAUTHORIZED, 1000), 0);
        tokio::time::sleep(MINUTE).await;
        assert_eq!(lines(StatusCode::UNAUTHORIZED, 1000), 10);
    }
}
