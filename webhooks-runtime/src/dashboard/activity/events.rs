//! Streams server-sent events that keep an open page up to date: new deliveries, background deliveries, and the
//! public URL.
//!
//! <https://html.spec.whatwg.org/multipage/server-sent-events.html>

use std::time::Duration;

use actix_sse::{Data, Event, Sse};
use actix_web::http::header::HeaderName;
use actix_web::{HttpRequest, HttpResponse, Responder, web};
use futures_util::{StreamExt, stream};
use serde::Deserialize;
use serde_json::json;
use tokio::sync::watch;

use super::super::background::BackgroundFollower;
use super::super::routes::Dashboard;
use super::view::rows;
use crate::activity::{Activity, Cursor, Updates};
use crate::config::addresses::PublicUrl;

/// The last event that a browser received before it lost the connection.
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// How long updates are batched before they are sent.
pub(in crate::dashboard) const UPDATE_INTERVAL: Duration = Duration::from_millis(300);

/// How long updates are batched when there are many: nobody can read that many, and rendering them takes CPU time
/// from the deliveries.
const LONG_UPDATE_INTERVAL: Duration = Duration::from_secs(1);

/// The number of updates above which the longer interval applies.
const MANY: usize = 50;

/// The interval of comments on an idle stream. Shorter than the read timeout of common proxies.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// How soon a browser reconnects after the connection is lost.
const RETRY: Duration = Duration::from_secs(1);

#[derive(Default, Deserialize)]
#[serde(default)]
struct EventsQuery {
    after: String,
}

/// The state of the stream to one open page.
struct Follower {
    activity: Activity,
    cursor: Option<Cursor>,
    changes: watch::Receiver<u64>,
    background: BackgroundFollower,
    public: watch::Receiver<Option<PublicUrl>>,
    shutdown: watch::Receiver<bool>,
    /// How long to wait before the next events.
    interval: Duration,
    /// Whether deliveries were sent at least once.
    started: bool,
}

/// Responds with the stream, which ends when the server shuts down.
pub(in crate::dashboard) fn events(request: &HttpRequest, dashboard: &Dashboard) -> HttpResponse {
    let header = request.headers().get(LAST_EVENT_ID).and_then(|id| id.to_str().ok());
    let query = web::Query::<EventsQuery>::from_query(request.query_string());
    let after = query.map(|query| query.into_inner().after).unwrap_or_default();
    let cursor = header.unwrap_or(&after).parse().ok();
    // For a page without deliveries, the stream contains none.
    let shows_deliveries = dashboard.activity.is_some();
    let jobs = dashboard.jobs.get().cloned();
    let activity = dashboard.activity.clone().unwrap_or_else(Activity::new);
    let (changes, mut public) = (activity.watch(), dashboard.addresses.watch());
    // Sent at once, in case it changed after the page was rendered.
    public.mark_changed();
    let follower = Follower {
        activity,
        cursor,
        changes,
        background: BackgroundFollower::new(jobs, dashboard.monitor.clone(), shows_deliveries),
        public,
        shutdown: dashboard.shutdown.clone(),
        interval: UPDATE_INTERVAL,
        started: false,
    };
    let events = stream::unfold(follower, |mut follower| async {
        let events = follower.next().await?;
        Some((stream::iter(events), follower))
    });
    Sse::from_infallible_stream(Box::pin(events.flatten()))
        .with_keep_alive(KEEP_ALIVE)
        .with_retry_duration(RETRY)
        .respond_to(request)
}

impl Follower {
    /// Waits for the next events; `None` when the server shuts down.
    async fn next(&mut self) -> Option<Vec<Event>> {
        if self.started {
            tokio::select! {
                _ = self.shutdown.wait_for(|shutdown| *shutdown) => return None,
                () = tokio::time::sleep(self.interval) => {}
            }
        }
        loop {
            let mut events = Vec::new();
            if self.public.has_changed().unwrap_or_default() {
                let public = self.public.borrow_and_update().clone();
                events.extend(public.map(|url| {
                    let address = json!({ "base": url.as_str() });
                    Event::from(Data::new(address.to_string()).event("address"))
                }));
            }
            if !self.started || self.changes.has_changed().unwrap_or_default() {
                self.started = true;
                events.push(self.updates());
            }
            if self.background.is_due() {
                events.extend(self.background.update().await);
            }
            if !events.is_empty() {
                return Some(events);
            }
            tokio::select! {
                _ = self.shutdown.wait_for(|shutdown| *shutdown) => return None,
                _ = self.changes.changed() => self.changes.mark_changed(),
                _ = self.public.changed() => self.public.mark_changed(),
                () = self.background.wait() => {}
            }
        }
    }

    /// Returns the new deliveries, as JSON: text from outside could otherwise end the line of an event.
    fn updates(&mut self) -> Event {
        self.changes.borrow_and_update();
        let (updates, cursor) = self.activity.after(self.cursor);
        self.cursor = Some(cursor);
        let (all, entries) = match &updates {
            Updates::All(entries) => (true, entries),
            Updates::Newer(entries) => (false, entries),
        };
        self.interval = if entries.len() < MANY { UPDATE_INTERVAL } else { LONG_UPDATE_INTERVAL };
        let data = json!({ "all": all, "rows": rows(entries).into_string() });
        Data::new(data.to_string()).event("deliveries").id(cursor.to_string()).into()
    }
}
