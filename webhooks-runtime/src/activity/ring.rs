//! Bounds the deliveries that are kept in memory, by their number and their size.

use std::collections::VecDeque;
use std::sync::Arc;

use super::entry::{Entry, NewEntry, ResponseClass};

/// The deliveries that share a bound. Anyone who knows the server's URL can send requests that are
/// rejected, and those must not push out the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Quota {
    /// Deliveries that called a function.
    Accepted,
    /// Deliveries that did not match a filter. A webhook can send many more of them than of the others.
    Skipped,
    /// Deliveries that were rejected for their body, or by the function: a 4xx.
    Rejected,
    /// Deliveries that were rejected before their body was read.
    Unread,
}

impl Quota {
    fn of(class: ResponseClass, is_read: bool) -> Self {
        match (class, is_read) {
            (_, false) => Self::Unread,
            (ResponseClass::Skipped, true) => Self::Skipped,
            (ResponseClass::Rejected, true) => Self::Rejected,
            (ResponseClass::Success | ResponseClass::Failed, true) => Self::Accepted,
        }
    }

    /// Returns how many deliveries are kept.
    const fn max_count(self) -> usize {
        match self {
            Self::Accepted => 200,
            Self::Skipped | Self::Rejected | Self::Unread => 50,
        }
    }

    /// Returns how large they may be together, in bytes: ids, queries, bodies and responses.
    const fn max_bytes(self) -> usize {
        match self {
            Self::Accepted => 8 * 1024 * 1024,
            Self::Skipped | Self::Rejected => 1024 * 1024,
            Self::Unread => 64 * 1024,
        }
    }
}

/// What the deliveries of one quota use of it.
#[derive(Clone, Copy, Default)]
struct Usage {
    count: usize,
    bytes: usize,
}

/// The deliveries, oldest first. Their numbers rise, with gaps.
#[derive(Default)]
pub(super) struct Ring {
    entries: VecDeque<Arc<Entry>>,
    newest: u64,
    /// By quota.
    usage: [Usage; 4],
}

impl Ring {
    /// Adds a delivery, removes the oldest ones above its quota, and returns its number.
    pub(super) fn push(&mut self, new: &NewEntry<'_>) -> u64 {
        self.newest += 1;
        let quota = Quota::of(new.response_class(), new.body.is_some());
        let is_full = self.usage(quota).count == quota.max_count();
        let mut oldest = if is_full { self.remove_oldest(quota) } else { None };
        let entry = match oldest.as_mut().and_then(Arc::get_mut) {
            Some(entry) => {
                entry.replace(self.newest, new);
                oldest.take()
            }
            // There is none, or a viewer still uses it.
            None => None,
        };
        let entry = entry.unwrap_or_else(|| Arc::new(Entry::new(self.newest, new)));
        let usage = self.usage(quota);
        usage.count += 1;
        usage.bytes += entry.size();
        self.entries.push_back(entry);
        while self.usage(quota).bytes > quota.max_bytes() {
            self.remove_oldest(quota);
        }
        self.newest
    }

    /// Returns the deliveries with a higher number, newest first.
    pub(super) fn newer_than(&self, number: u64) -> Vec<Arc<Entry>> {
        self.entries.iter().rev().take_while(|entry| entry.number > number).cloned().collect()
    }

    pub(super) fn get(&self, number: u64) -> Option<Arc<Entry>> {
        let index = self.entries.binary_search_by_key(&number, |entry| entry.number).ok()?;
        self.entries.get(index).cloned()
    }

    /// Returns the number of the delivery that belongs to this request.
    pub(super) fn number_of(&self, request: u64) -> Option<u64> {
        let entry = self.entries.iter().rev().find(|entry| entry.request == request)?;
        Some(entry.number)
    }

    /// Returns the number of the newest delivery, 0 when there was none.
    pub(super) fn newest(&self) -> u64 {
        self.newest
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    fn usage(&mut self, quota: Quota) -> &mut Usage {
        &mut self.usage[quota as usize]
    }

    fn remove_oldest(&mut self, quota: Quota) -> Option<Arc<Entry>> {
        let of = |entry: &Entry| Quota::of(entry.response_class(), entry.body().is_some());
        let index = self.entries.iter().position(|entry| of(entry) == quota)?;
        let entry = self.entries.remove(index)?;
        let usage = self.usage(quota);
        usage.count -= 1;
        usage.bytes -= entry.size();
        Some(entry)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::entry::MAX_TEXT;
    use super::*;

    fn push(ring: &mut Ring, status: u16, body: Option<&[u8]>) -> u64 {
        push_entry(ring, status, false, body)
    }

    fn push_entry(ring: &mut Ring, status: u16, skipped: bool, body: Option<&[u8]>) -> u64 {
        ring.push(&NewEntry {
            request: 0,
            endpoint: &"/webhooks/hello".into(),
            webhook_id: None,
            query: None,
            duration: Duration::ZERO,
            status,
            skipped,
            body,
            response: Some(b"null"),
        })
    }

    #[test]
    fn the_last_two_hundred_are_kept() {
        let mut ring = Ring::default();
        for _ in 0..250 {
            push(&mut ring, 200, Some(b"{}"));
        }
        let numbers: Vec<_> = ring.newer_than(0).iter().map(|entry| entry.number).collect();
        assert_eq!(numbers, (51..=250).rev().collect::<Vec<_>>());
        assert!(ring.get(50).is_none() && ring.get(251).is_none());
        assert_eq!(ring.get(51).unwrap().number, 51);
    }

    #[test]
    fn their_size_is_bounded() {
        let mut ring = Ring::default();
        let large = vec![b'x'; 2 * MAX_TEXT];
        for _ in 0..Quota::Accepted.max_count() {
            push(&mut ring, 200, Some(&large));
        }
        assert_eq!(ring.len(), Quota::Accepted.max_bytes() / (MAX_TEXT + 4));
        let entry = ring.get(ring.newest()).unwrap();
        let body = entry.body().unwrap();
        assert_eq!((body.bytes.len(), body.total_bytes), (MAX_TEXT, 2 * MAX_TEXT));
        assert!(body.is_truncated());
        assert!(ring.usage(Quota::Accepted).bytes <= Quota::Accepted.max_bytes());
    }

    #[test]
    fn unread_deliveries_push_out_only_their_own_kind() {
        let mut ring = Ring::default();
        let read = push(&mut ring, 200, Some(b"{}"));
        for _ in 0..1000 {
            push(&mut ring, 200, None);
        }
        assert_eq!(ring.len(), 1 + Quota::Unread.max_count());
        assert!(ring.get(read).is_some() && ring.get(1001).is_some());
        for _ in 0..Quota::Accepted.max_count() {
            push(&mut ring, 200, Some(b"{}"));
        }
        assert_eq!(ring.usage(Quota::Unread).count, Quota::Unread.max_count());
        assert_eq!(ring.usage(Quota::Accepted).count, Quota::Accepted.max_count());
    }

    #[test]
    fn skipped_deliveries_push_out_only_their_own_kind() {
        let mut ring = Ring::default();
        let accepted = push(&mut ring, 200, Some(b"{}"));
        for _ in 0..1000 {
            push_entry(&mut ring, 200, true, Some(b"{}"));
        }
        assert!(ring.get(accepted).is_some());
        assert_eq!(ring.len(), 1 + Quota::Skipped.max_count());
        assert_eq!(ring.get(ring.newest()).unwrap().response_class(), ResponseClass::Skipped);
    }

    #[test]
    fn deliveries_rejected_for_their_body_push_out_only_their_own_kind() {
        let mut ring = Ring::default();
        let accepted = push(&mut ring, 200, Some(b"{}"));
        let unread = push(&mut ring, 403, None);
        for _ in 0..1000 {
            push(&mut ring, 422, Some(&[b'x'; 60_000]));
        }
        assert!(ring.get(accepted).is_some() && ring.get(unread).is_some());
        assert!(ring.usage(Quota::Rejected).bytes <= Quota::Rejected.max_bytes());
    }
}
