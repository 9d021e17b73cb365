//! Keeps the most recent deliveries in memory, for the page.
//!
//! - `entry` is one delivery.
//! - `ring` bounds the number and the size of the deliveries.
//!
//! Payloads can be private: the dashboard decides who may see them.

mod entry;
mod ring;

use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;
use uuid::Uuid;

pub(crate) use entry::{Entry, Excerpt, MAX_TEXT, NewEntry, ResponseClass};
use ring::Ring;

/// The most recent deliveries. Clones share them.
#[derive(Clone)]
pub(crate) struct Activity(Arc<ActivityState>);

struct ActivityState {
    /// Distinguishes this list from that of an earlier run of the program.
    epoch: u64,
    ring: Mutex<Ring>,
    /// The number of the newest delivery, for tasks that wait for the next.
    newest: watch::Sender<u64>,
}

/// A position in the list: everything up to a delivery's number, 0 for the beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cursor {
    epoch: u64,
    number: u64,
}

/// The deliveries after a cursor, newest first.
#[derive(Debug)]
pub(crate) enum Updates {
    /// Deliveries that were added since.
    Newer(Vec<Arc<Entry>>),
    /// Every delivery, because the cursor is missing or from another run of the program.
    All(Vec<Arc<Entry>>),
}

impl Activity {
    pub(crate) fn new() -> Self {
        let epoch = Uuid::new_v4().as_u64_pair().0;
        let (ring, newest) = (Mutex::default(), watch::Sender::new(0));
        Self(Arc::new(ActivityState { epoch, ring, newest }))
    }

    /// Adds a delivery and returns its number.
    pub(crate) fn record(&self, new: &NewEntry<'_>) -> u64 {
        let number = self.ring().push(new);
        // After it is in the ring, so that a task that starts to follow now finds it there.
        if self.0.newest.receiver_count() > 0 {
            self.0.newest.send_replace(number);
        }
        number
    }

    /// Returns all deliveries, newest first, and the cursor after them.
    pub(crate) fn all(&self) -> (Vec<Arc<Entry>>, Cursor) {
        let ring = self.ring();
        (ring.newer_than(0), self.cursor(ring.newest()))
    }

    /// Returns the deliveries after a cursor, and the cursor after those.
    pub(crate) fn after(&self, cursor: Option<Cursor>) -> (Updates, Cursor) {
        let Some(cursor) = cursor.filter(|cursor| cursor.epoch == self.0.epoch) else {
            let (all, cursor) = self.all();
            return (Updates::All(all), cursor);
        };
        let ring = self.ring();
        (Updates::Newer(ring.newer_than(cursor.number)), self.cursor(ring.newest()))
    }

    /// Returns the delivery with this number, unless it was removed.
    pub(crate) fn get(&self, number: u64) -> Option<Arc<Entry>> {
        self.ring().get(number)
    }

    /// Returns the number of the delivery that belongs to this request, unless it was removed.
    pub(crate) fn number_of(&self, request: u64) -> Option<u64> {
        self.ring().number_of(request)
    }

    /// Returns a receiver that changes with each delivery.
    pub(crate) fn watch(&self) -> watch::Receiver<u64> {
        self.0.newest.subscribe()
    }

    fn cursor(&self, number: u64) -> Cursor {
        Cursor { epoch: self.0.epoch, number }
    }

    fn ring(&self) -> MutexGuard<'_, Ring> {
        self.0.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Activity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Activity({} deliveries)", self.ring().len())
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}-{}", self.epoch, self.number)
    }
}

/// A text that is not a cursor.
#[derive(Debug)]
pub(crate) struct InvalidCursor;

impl FromStr for Cursor {
    type Err = InvalidCursor;

    fn from_str(text: &str) -> Result<Self, InvalidCursor> {
        let (epoch, number) = text.split_once('-').ok_or(InvalidCursor)?;
        let epoch = u64::from_str_radix(epoch, 16).map_err(|_| InvalidCursor)?;
        let number = number.parse().map_err(|_| InvalidCursor)?;
        Ok(Self { epoch, number })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn record(activity: &Activity, body: Option<&[u8]>) -> u64 {
        activity.record(&NewEntry {
            request: 0,
            endpoint: &"/webhooks/hello".into(),
            webhook_id: None,
            query: None,
            duration: Duration::ZERO,
            status: 200,
            skipped: false,
            body,
            response: Some(b"null"),
        })
    }

    fn numbers(entries: &[Arc<Entry>]) -> Vec<u64> {
        entries.iter().map(|entry| entry.number).collect()
    }

    #[test]
    fn the_quotas_hold_when_several_threads_record_at_once() {
        for _ in 0..20 {
            let activity = Activity::new();
            let read = record(&activity, Some(b"{}"));
            std::thread::scope(|scope| {
                for _ in 0..4 {
                    scope.spawn(|| {
                        for _ in 0..500 {
                            record(&activity, None);
                        }
                    });
                }
            });
            assert!(activity.get(read).is_some());
            assert_eq!(activity.all().0.len(), 51);
        }
    }

    #[test]
    fn a_cursor_returns_newer_deliveries_and_one_of_another_run_returns_all() {
        let activity = Activity::new();
        record(&activity, Some(b"{}"));
        let (_, cursor) = activity.all();
        assert_eq!(cursor.to_string().parse::<Cursor>().unwrap(), cursor);
        let (updates, _) = activity.after(Some(cursor));
        assert!(matches!(updates, Updates::Newer(none) if none.is_empty()));
        record(&activity, Some(b"{}"));
        record(&activity, Some(b"{}"));
        let (Updates::Newer(newer), next) = activity.after(Some(cursor)) else { panic!() };
        assert_eq!((numbers(&newer), next.number), (vec![3, 2], 3));
        for other in [None, Some(Activity::new().all().1)] {
            let (Updates::All(all), _) = activity.after(other) else { panic!() };
            assert_eq!(numbers(&all), [3, 2, 1]);
        }
        for bad in ["", "-", "x-1", "1-", "1--1"] {
            assert!(bad.parse::<Cursor>().is_err(), "{bad}");
        }
    }
}
