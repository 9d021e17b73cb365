//! The last deliveries, for people who look at them.
//!
//! `entry` is one of them. They are kept in memory, within a count and a size, and followed from any
//! point on. Payloads can be private: who may look is for the server to say.

mod entry;

use std::collections::VecDeque;
use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;
use uuid::Uuid;

#[cfg(feature = "background")]
pub(crate) use entry::LONGEST_TEXT;
pub(crate) use entry::{Entry, Outcome, Seen, Text};

/// Which deliveries share a limit. Anyone who finds the address can send what is rejected, and must not push
/// out the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Share {
    /// Deliveries that were not rejected.
    Accepted,
    /// Deliveries that were rejected for their body, or by the function: a 4xx.
    Rejected,
    /// Deliveries that were rejected before their body was read.
    Unread,
}

impl Share {
    fn of(status: u16, is_read: bool) -> Self {
        match (Outcome::of(status), is_read) {
            (_, false) => Self::Unread,
            (Outcome::Refused, true) => Self::Rejected,
            (Outcome::Answered | Outcome::Failed, true) => Self::Accepted,
        }
    }

    /// Returns how many of them are kept.
    const fn most(self) -> usize {
        match self {
            Self::Accepted => 200,
            Self::Rejected | Self::Unread => 50,
        }
    }

    /// Returns how large they may be together, in bytes: ids, queries, bodies and responses.
    const fn largest(self) -> usize {
        match self {
            Self::Accepted => 8 * 1024 * 1024,
            Self::Rejected => 1024 * 1024,
            Self::Unread => 64 * 1024,
        }
    }
}

/// The last deliveries.
#[derive(Clone)]
pub(crate) struct Activity(Arc<Inner>);

struct Inner {
    /// Tells this list from that of an earlier run of the program.
    epoch: u64,
    kept: Mutex<Kept>,
    /// The number of the last one, for those who wait for the next.
    last: watch::Sender<u64>,
}

/// The oldest first; their numbers rise, and some may be missing.
#[derive(Default)]
struct Kept {
    entries: VecDeque<Arc<Entry>>,
    last: u64,
    /// What each share takes.
    usage: [Usage; 3],
}

#[derive(Clone, Copy, Default)]
struct Usage {
    count: usize,
    size: usize,
}

/// A point in the list: everything up to a delivery's number, 0 for nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    epoch: u64,
    number: u64,
}

/// What there is after a mark, the newest first.
#[derive(Debug)]
pub(crate) enum News {
    /// What came since.
    More(Vec<Arc<Entry>>),
    /// Everything: the mark is of another run of the program, or there is none.
    All(Vec<Arc<Entry>>),
}

impl Activity {
    pub(crate) fn new() -> Self {
        let epoch = Uuid::new_v4().as_u64_pair().0;
        let (kept, last) = (Mutex::default(), watch::Sender::new(0));
        Self(Arc::new(Inner { epoch, kept, last }))
    }

    /// Keeps a delivery that was answered and gives its number.
    pub(crate) fn record(&self, seen: &Seen<'_>) -> u64 {
        let oldest = self.kept().recycle(Share::of(seen.status, seen.body.is_some()));
        // Filled while others may record.
        let entry = match oldest {
            Some(mut oldest) => {
                oldest.fill(seen);
                oldest
            }
            None => Entry::new(seen),
        };
        let number = self.kept().push(entry);
        // Those who come to follow now see it in the list.
        if self.0.last.receiver_count() > 0 {
            self.0.last.send_replace(number);
        }
        number
    }

    /// All that are kept, the newest first, and the mark after them.
    pub(crate) fn all(&self) -> (Vec<Arc<Entry>>, Mark) {
        let kept = self.kept();
        (kept.entries.iter().rev().cloned().collect(), self.mark(kept.last))
    }

    /// What came after a mark, and the mark after that.
    pub(crate) fn after(&self, mark: Option<Mark>) -> (News, Mark) {
        let known = mark.filter(|mark| mark.epoch == self.0.epoch);
        let Some(known) = known else {
            let (all, mark) = self.all();
            return (News::All(all), mark);
        };
        let kept = self.kept();
        let newer = kept.entries.iter().rev().take_while(|entry| entry.number > known.number);
        (News::More(newer.cloned().collect()), self.mark(kept.last))
    }

    /// The delivery of this number, if it is still kept.
    pub(crate) fn get(&self, number: u64) -> Option<Arc<Entry>> {
        let kept = self.kept();
        let at = kept.entries.binary_search_by_key(&number, |entry| entry.number).ok()?;
        kept.entries.get(at).cloned()
    }

    /// Changes with each delivery.
    pub(crate) fn watch(&self) -> watch::Receiver<u64> {
        self.0.last.subscribe()
    }

    fn mark(&self, number: u64) -> Mark {
        Mark { epoch: self.0.epoch, number }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Activity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Activity({} kept)", self.kept().entries.len())
    }
}

impl Kept {
    /// Takes out what has to go for another one, so that this one can have its memory.
    fn recycle(&mut self, share: Share) -> Option<Entry> {
        if self.usage(share).count < share.most() {
            return None;
        }
        // Unless somebody is looking at it.
        self.remove_oldest(share).and_then(Arc::into_inner)
    }

    fn push(&mut self, mut entry: Entry) -> u64 {
        self.last += 1;
        entry.number = self.last;
        let share = entry.share();
        let usage = self.usage(share);
        usage.count += 1;
        usage.size += entry.size();
        self.entries.push_back(Arc::new(entry));
        // Others may have come in between.
        while self.usage(share).count > share.most() || self.usage(share).size > share.largest() {
            self.remove_oldest(share);
        }
        self.last
    }

    fn usage(&mut self, share: Share) -> &mut Usage {
        &mut self.usage[share as usize]
    }

    fn remove_oldest(&mut self, share: Share) -> Option<Arc<Entry>> {
        let at = self.entries.iter().position(|entry| entry.share() == share)?;
        let entry = self.entries.remove(at)?;
        let usage = self.usage(share);
        usage.count -= 1;
        usage.size -= entry.size();
        Some(entry)
    }
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}-{}", self.epoch, self.number)
    }
}

/// A text that is no mark.
#[derive(Debug)]
pub(crate) struct NotAMark;

impl FromStr for Mark {
    type Err = NotAMark;

    fn from_str(text: &str) -> Result<Self, NotAMark> {
        let (epoch, number) = text.split_once('-').ok_or(NotAMark)?;
        let epoch = u64::from_str_radix(epoch, 16).map_err(|_| NotAMark)?;
        let number = number.parse().map_err(|_| NotAMark)?;
        Ok(Self { epoch, number })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::entry::LONGEST_TEXT;
    use super::*;

    fn record(activity: &Activity, body: Option<&[u8]>) -> u64 {
        record_with(activity, 200, body)
    }

    fn record_with(activity: &Activity, status: u16, body: Option<&[u8]>) -> u64 {
        activity.record(&Seen {
            endpoint: &"/webhooks/hello".into(),
            webhook_id: None,
            query: None,
            duration: Duration::ZERO,
            status,
            body,
            answer: Some(b"null"),
        })
    }

    fn numbers(entries: &[Arc<Entry>]) -> Vec<u64> {
        entries.iter().map(|entry| entry.number).collect()
    }

    #[test]
    fn the_last_two_hundred_are_kept() {
        let activity = Activity::new();
        for _ in 0..250 {
            record(&activity, Some(b"{}"));
        }
        let (all, _) = activity.all();
        assert_eq!(numbers(&all), (51..=250).rev().collect::<Vec<_>>());
        assert!(activity.get(50).is_none() && activity.get(251).is_none());
        assert_eq!(activity.get(51).unwrap().number, 51);
    }

    #[test]
    fn they_are_bounded_in_size() {
        let activity = Activity::new();
        let large = vec![b'x'; 2 * LONGEST_TEXT];
        for _ in 0..Share::Accepted.most() {
            record(&activity, Some(&large));
        }
        let (all, _) = activity.all();
        assert_eq!(all.len(), Share::Accepted.largest() / (LONGEST_TEXT + 4));
        let body = all[0].body().unwrap();
        assert_eq!((body.bytes.len(), body.whole_len), (LONGEST_TEXT, 2 * LONGEST_TEXT));
        assert!(
            body.is_cut()
                && activity.kept().usage(Share::Accepted).size <= Share::Accepted.largest()
        );
    }

    #[test]
    fn those_refused_unread_push_out_only_their_own_kind() {
        let activity = Activity::new();
        let read = record(&activity, Some(b"{}"));
        for _ in 0..1000 {
            record(&activity, None);
        }
        let (all, _) = activity.all();
        assert_eq!(all.len(), 1 + Share::Unread.most());
        assert!(activity.get(read).is_some() && activity.get(1001).is_some());
        for _ in 0..Share::Accepted.most() {
            record(&activity, Some(b"{}"));
        }
        assert_eq!(activity.kept().usage(Share::Unread).count, Share::Unread.most());
        assert_eq!(activity.kept().usage(Share::Accepted).count, Share::Accepted.most());
    }

    #[test]
    fn those_rejected_for_their_body_push_out_only_their_own_kind() {
        let activity = Activity::new();
        let accepted = record(&activity, Some(b"{}"));
        let unread = record_with(&activity, 403, None);
        for _ in 0..1000 {
            record_with(&activity, 422, Some(&[b'x'; 60_000]));
        }
        assert!(activity.get(accepted).is_some() && activity.get(unread).is_some());
        assert!(activity.kept().usage(Share::Rejected).size <= Share::Rejected.largest());
    }

    #[test]
    fn the_bounds_hold_when_many_record_at_once() {
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
            assert_eq!(activity.kept().usage(Share::Unread).count, Share::Unread.most());
        }
    }

    #[test]
    fn a_mark_gives_what_came_since_and_one_of_another_run_gives_all() {
        let activity = Activity::new();
        record(&activity, Some(b"{}"));
        let (_, mark) = activity.all();
        assert_eq!(mark.to_string().parse::<Mark>().unwrap(), mark);
        assert!(matches!(activity.after(Some(mark)), (News::More(none), _) if none.is_empty()));
        record(&activity, Some(b"{}"));
        record(&activity, Some(b"{}"));
        let (News::More(more), next) = activity.after(Some(mark)) else { panic!() };
        assert_eq!((numbers(&more), next.number), (vec![3, 2], 3));
        for other in [None, Some(Activity::new().all().1)] {
            let (News::All(all), _) = activity.after(other) else { panic!() };
            assert_eq!(numbers(&all), [3, 2, 1]);
        }
        for bad in ["", "-", "x-1", "1-", "1--1"] {
            assert!(bad.parse::<Mark>().is_err(), "{bad}");
        }
    }
}
