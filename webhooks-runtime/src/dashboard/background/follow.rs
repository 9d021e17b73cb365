//! Reads the background deliveries when they change, for an open page.

use std::time::Duration;

use actix_sse::{Data, Event};
use serde_json::json;
use tokio::sync::watch;
use tokio::time::Instant;

use super::super::activity::UPDATE_INTERVAL;
use super::routes::snapshot;
use super::view::rows;
use crate::jobs::Jobs;

/// How often the store is read when nothing has changed in this process, because a replica or the command line may
/// have changed it.
const POLL_INTERVAL: Duration = Duration::from_secs(2);

/// Follows the background deliveries.
pub(in crate::dashboard) struct BackgroundFollower {
    /// The deliveries and a receiver of their changes; `None` for a page without deliveries.
    source: Option<(Jobs, watch::Receiver<u64>)>,
    /// The rows of the last event.
    last_rows: Option<String>,
    /// When the store is read even if nothing has changed.
    next_poll: Instant,
    /// The earliest time of the next event.
    not_before: Instant,
}

impl BackgroundFollower {
    pub(in crate::dashboard) fn new(jobs: Option<Jobs>) -> Self {
        let now = Instant::now();
        let source = jobs.map(|jobs| {
            let changes = jobs.changes();
            (jobs, changes)
        });
        Self { source, last_rows: None, next_poll: now, not_before: now }
    }

    /// Returns whether it is time to read the store.
    pub(in crate::dashboard) fn is_due(&mut self) -> bool {
        let Some((_, changes)) = &mut self.source else {
            return false;
        };
        let now = Instant::now();
        now >= self.next_poll
            || (now >= self.not_before && changes.has_changed().unwrap_or_default())
    }

    /// Waits until it is time to read the store.
    pub(in crate::dashboard) async fn wait(&mut self) {
        let Some((_, changes)) = &mut self.source else {
            return std::future::pending().await;
        };
        let changed = async {
            tokio::time::sleep_until(self.not_before).await;
            match changes.changed().await {
                Ok(()) => changes.mark_changed(),
                Err(_) => std::future::pending().await,
            }
        };
        tokio::select! {
            () = changed => {}
            () = tokio::time::sleep_until(self.next_poll) => {}
        }
    }

    /// Reads the store, and returns an event if the rows have changed.
    pub(in crate::dashboard) async fn update(&mut self) -> Option<Event> {
        let (jobs, changes) = self.source.as_mut()?;
        changes.borrow_and_update();
        let deliveries = snapshot(Some(jobs)).await?;
        let now = Instant::now();
        (self.next_poll, self.not_before) = (now + POLL_INTERVAL, now + UPDATE_INTERVAL);
        let rows = rows(&deliveries).into_string();
        if self.last_rows.as_ref() == Some(&rows) {
            return None;
        }
        // As JSON: text from outside could otherwise end the line of an event.
        let data = json!({ "rows": rows });
        self.last_rows = Some(rows);
        Some(Data::new(data.to_string()).event("background").into())
    }
}
