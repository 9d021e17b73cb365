//! Limits how many log lines unknown senders can cause.
//!
//! Anyone can send a thousand requests per second without the right secret. For each status, only the first few
//! rejections per minute are logged. The others are counted, and the count is logged when the minute is over or
//! the server shuts down.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use actix_web::http::StatusCode;

use crate::endpoint::call::DELIVERY;
use crate::task;

/// The maximum number of log lines per status and minute.
const MAX_LINES: u64 = 10;

const MINUTE: Duration = Duration::from_secs(60);

/// The number of rejections in the current minute, by status. A minute begins with its first rejection.
#[derive(Debug, Default)]
pub(super) struct LogLimit(Mutex<HashMap<StatusCode, u64>>);

impl LogLimit {
    fn counts(&self) -> MutexGuard<'_, HashMap<StatusCode, u64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a rejection, and returns whether to log it.
    pub(super) fn allow(self: &Arc<Self>, status: StatusCode) -> bool {
        let mut counts = self.counts();
        if counts.is_empty() {
            let this = Arc::clone(self);
            task::spawn(async move {
                tokio::time::sleep(MINUTE).await;
                this.report();
            });
        }
        let count = counts.entry(status).or_default();
        *count += 1;
        *count <= MAX_LINES
    }

    /// Logs how many rejections have no line, and resets the counts.
    pub(super) fn report(&self) {
        let counts = std::mem::take(&mut *self.counts());
        for (status, count) in counts.into_iter().filter(|(_, count)| *count > MAX_LINES) {
            tracing::warn!(
                target: DELIVERY,
                status = status.as_u16(),
                count = count - MAX_LINES,
                "further rejected requests within a minute are counted, not logged one by one"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn each_status_has_a_few_lines_per_minute() {
        let counts = Arc::new(LogLimit::default());
        let lines = |status, requests: u64| (0..requests).filter(|_| counts.allow(status)).count();
        assert_eq!(lines(StatusCode::UNAUTHORIZED, 1000), 10);
        assert_eq!(lines(StatusCode::FORBIDDEN, 5), 5);
        tokio::time::sleep(MINUTE / 2).await;
        assert_eq!(lines(StatusCode::UNAUTHORIZED, 1000), 0);
        tokio::time::sleep(MINUTE).await;
        assert_eq!(lines(StatusCode::UNAUTHORIZED, 1000), 10);
    }
}
