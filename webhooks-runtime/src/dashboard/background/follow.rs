//! Reads the background deliveries when they change, for an open page.

use std::time::Duration;

use actix_sse::{Data, Event};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::Instant;

use super::super::activity::UPDATE_INTERVAL;
use super::list::{BackgroundDeliveries, shown};
use super::pause::{PausedEndpoints, pause_state};
use super::view::rows;
use crate::http::store_monitor::StoreMonitor;
use crate::jobs::Jobs;

/// How often the store is read when nothing has changed in this process, because a replica or the command line may
/// have changed it.
const POLL_INTERVAL: Duration = Duration::from_secs(2);

/// Follows the background deliveries.
pub(in crate::dashboard) struct BackgroundFollower {
    /// The deliveries and a receiver of their changes; `None` if the program has no background endpoint.
    source: Option<(Jobs, watch::Receiver<u64>)>,
    /// Reads which endpoints are paused.
    monitor: StoreMonitor,
    /// Whether the page shows them, and not only whether endpoints are paused.
    shows_deliveries: bool,
    /// The rows of the last event.
    last_rows: Option<String>,
    /// What the last event said of paused endpoints.
    last_pauses: Option<Value>,
    /// When the store is read even if nothing has changed.
    next_poll: Instant,
    /// The earliest time of the next event.
    not_before: Instant,
}

impl BackgroundFollower {
    pub(in crate::dashboard) fn new(
        jobs: Option<Jobs>,
        monitor: StoreMonitor,
        shows_deliveries: bool,
    ) -> Self {
        let now = Instant::now();
        let source = jobs.map(|jobs| {
            let changes = jobs.changes();
            (jobs, changes)
        });
        Self {
            source,
            monitor,
            shows_deliveries,
            last_rows: None,
            last_pauses: None,
            next_poll: now,
            not_before: now,
        }
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

    /// Reads the store, and returns an event for what has changed: the rows, or which endpoints are paused.
    pub(in crate::dashboard) async fn update(&mut self) -> Vec<Event> {
        let Some((jobs, changes)) = self.source.as_mut() else {
            return Vec::new();
        };
        changes.borrow_and_update();
        let (paused, listed) =
            tokio::join!(PausedEndpoints::read(&self.monitor, Some(jobs)), async {
                if self.shows_deliveries { Some(shown(jobs).await) } else { None }
            });
        let pauses = paused.as_ref().map(|paused| {
            let state = |path: &str| pause_state(paused, path, true).into_string();
            Value::from_iter(jobs.paths().map(|path| (path.to_owned(), Value::from(state(path)))))
        });
        let now = Instant::now();
        (self.next_poll, self.not_before) = (now + POLL_INTERVAL, now + UPDATE_INTERVAL);
        let rows = listed.map(|deliveries| {
            let paused = paused.unwrap_or_default();
            rows(&BackgroundDeliveries { deliveries, paused }).into_string()
        });
        let mut events = Vec::new();
        // As JSON: text from outside could otherwise end the line of an event.
        if let Some(rows) = rows.filter(|rows| self.last_rows.as_ref() != Some(rows)) {
            events.push(event("background", &json!({ "rows": rows })));
            self.last_rows = Some(rows);
        }
        if let Some(pauses) = pauses.filter(|pauses| self.last_pauses.as_ref() != Some(pauses)) {
            events.push(event("pauses", &pauses));
            self.last_pauses = Some(pauses);
        }
        events
    }
}

fn event(name: &'static str, data: &Value) -> Event {
    Data::new(data.to_string()).event(name).into()
}
