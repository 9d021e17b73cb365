//! Decides whether the store of background deliveries is unavailable.

use std::time::{Duration, SystemTime};

use tokio::time::Instant;

/// A change that is an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StoreChange {
    /// It has been unavailable since this time, for long enough.
    Unavailable { since: SystemTime },
    /// It is available again.
    Available { since: SystemTime },
}

/// What was last seen of the store.
#[derive(Debug)]
pub(super) struct StoreOutage {
    /// How long the store must be unavailable before there is an alert.
    patience: Duration,
    /// When the outage began, if there is one, by both clocks.
    since: Option<(Instant, SystemTime)>,
    is_reported: bool,
}

impl StoreOutage {
    pub(super) fn new(patience: Duration) -> Self {
        Self { patience, since: None, is_reported: false }
    }

    /// Takes in whether the store is available now.
    pub(super) fn observe(&mut self, is_available: bool, now: Instant) -> Option<StoreChange> {
        if is_available {
            let since = self.since.take().map(|(_, since)| since);
            let was_reported = std::mem::take(&mut self.is_reported);
            return since.filter(|_| was_reported).map(|since| StoreChange::Available { since });
        }
        let (began, since) = *self.since.get_or_insert_with(|| (now, SystemTime::now()));
        if self.is_reported || now.saturating_duration_since(began) < self.patience {
            return None;
        }
        self.is_reported = true;
        Some(StoreChange::Unavailable { since })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outage_is_reported_once_after_a_minute_and_so_is_its_end() {
        let (start, minute) = (Instant::now(), Duration::from_secs(60));
        let mut outage = StoreOutage::new(minute);
        let mut observe = |is_available, seconds| {
            outage
                .observe(is_available, start + Duration::from_secs(seconds))
                .map(|change| matches!(change, StoreChange::Available { .. }))
        };
        assert_eq!(observe(true, 0), None);
        // A short one.
        assert_eq!((observe(false, 5), observe(false, 60), observe(true, 64)), (None, None, None));
        // The time is counted anew.
        assert_eq!((observe(false, 65), observe(false, 120)), (None, None));
        assert_eq!((observe(false, 125), observe(false, 130)), (Some(false), None));
        assert_eq!((observe(true, 200), observe(true, 205)), (Some(true), None));
        assert_eq!((observe(false, 300), observe(false, 360)), (None, Some(false)));
    }
}
