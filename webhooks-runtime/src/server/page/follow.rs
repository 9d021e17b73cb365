//! The stream that keeps a page up to date: deliveries as they are answered, those that run in the
//! background, and the public address.
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

use super::background::Watched;
use crate::activity::{Activity, Cursor, Updates};
use crate::addresses::{Addresses, PublicUrl};
use crate::page::rows;
use crate::server::background::Background;

/// What a browser that comes back has seen last.
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// How long news are gathered.
pub(super) const PAUSE: Duration = Duration::from_millis(300);

/// The same when they were many: nobody could read them, and to write them takes the server's time from
/// the deliveries.
const LONG_PAUSE: Duration = Duration::from_secs(1);

/// How many are many.
const MANY: usize = 50;

/// Shorter than proxies wait for the next byte.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// How soon a browser comes back when the connection is lost.
const RETRY: Duration = Duration::from_secs(1);

#[derive(Default, Deserialize)]
#[serde(default)]
struct Query {
    after: String,
}

/// A page that is being followed.
struct Follower {
    activity: Activity,
    seen: Option<Cursor>,
    changes: watch::Receiver<u64>,
    background: Watched,
    public: watch::Receiver<Option<PublicUrl>>,
    stopping: watch::Receiver<bool>,
    /// How long to wait before the next events.
    pause: Duration,
    /// Whether it has been told of deliveries yet.
    begun: bool,
}

/// Answers with all that is new to the asker from now on, until the server stops.
pub(super) fn follow(
    request: &HttpRequest,
    activity: Option<Activity>,
    background: &Background,
    addresses: &Addresses,
    stopping: watch::Receiver<bool>,
) -> HttpResponse {
    let header = request.headers().get(LAST_EVENT_ID).and_then(|id| id.to_str().ok());
    let query = web::Query::<Query>::from_query(request.query_string());
    let after = query.map(|query| query.into_inner().after).unwrap_or_default();
    let seen = header.unwrap_or(&after).parse().ok();
    // A page without deliveries is told of none.
    let background = Watched::new(activity.is_some().then_some(background));
    let activity = activity.unwrap_or_else(Activity::new);
    let (changes, mut public) = (activity.watch(), addresses.watch());
    // Told at once, in case it came while the page was on its way.
    public.mark_changed();
    let follower = Follower {
        activity,
        seen,
        changes,
        background,
        public,
        stopping,
        pause: PAUSE,
        begun: false,
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
    /// All that is new, `None` when the server stops.
    async fn next(&mut self) -> Option<Vec<Event>> {
        if self.begun {
            tokio::select! {
                _ = self.stopping.wait_for(|stopping| *stopping) => return None,
                () = tokio::time::sleep(self.pause) => {}
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
            if !self.begun || self.changes.has_changed().unwrap_or_default() {
                self.begun = true;
                events.push(self.news());
            }
            if self.background.is_due() {
                events.extend(self.background.news().await);
            }
            if !events.is_empty() {
                return Some(events);
            }
            tokio::select! {
                _ = self.stopping.wait_for(|stopping| *stopping) => return None,
                _ = self.changes.changed() => self.changes.mark_changed(),
                _ = self.public.changed() => self.public.mark_changed(),
                () = self.background.wait() => {}
            }
        }
    }

    /// As JSON: that way no text from outside can end the line of an event.
    fn news(&mut self) -> Event {
        self.changes.borrow_and_update();
        let (updates, cursor) = self.activity.after(self.seen);
        self.seen = Some(cursor);
        let (all, entries) = match &updates {
            Updates::All(entries) => (true, entries),
            Updates::Newer(entries) => (false, entries),
        };
        self.pause = if entries.len() < MANY { PAUSE } else { LONG_PAUSE };
        let news = json!({ "all": all, "rows": rows(entries).into_string() });
        Data::new(news.to_string()).event("deliveries").id(cursor.to_string()).into()
    }
}
