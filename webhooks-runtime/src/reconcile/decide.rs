//! Decides whether the commit of a ref is one whose delivery is missing.

use std::time::Duration;

use tokio::time::Instant;

/// A commit that no delivery has brought, and when that was noticed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct UnconfirmedCommit {
    pub(super) sha: String,
    pub(super) since: Instant,
}

/// What to do about a ref.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum RefDecision {
    /// Nothing is missing. A ref that was not seen before is compared with its commit from now on.
    UpToDate,
    /// It differs since this time, and the Hub may still send its delivery.
    Pending(UnconfirmedCommit),
    /// Its delivery is missing.
    Missing,
}

/// Decides about the commit that a ref has now. It is known if the ref is seen first, or if it had the commit before or a
/// delivery has brought it. A difference counts when it was noticed at least `confirm` ago.
pub(super) fn decide(
    current: &str,
    is_known: bool,
    noticed: Option<UnconfirmedCommit>,
    now: Instant,
    confirm: Duration,
) -> RefDecision {
    if is_known {
        return RefDecision::UpToDate;
    }
    match noticed.filter(|noticed| noticed.sha == current) {
        Some(noticed) if now.duration_since(noticed.since) >= confirm => RefDecision::Missing,
        Some(noticed) => RefDecision::Pending(noticed),
        None => RefDecision::Pending(UnconfirmedCommit { sha: current.to_owned(), since: now }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIRM: Duration = Duration::from_secs(120);

    #[test]
    fn a_difference_counts_when_it_lasts() {
        use RefDecision::{Missing, Pending, UpToDate};

        let start = Instant::now();
        let now = start + Duration::from_secs(1000);
        let noticed = |sha: &str, second| UnconfirmedCommit {
            sha: sha.to_owned(),
            since: start + Duration::from_secs(second),
        };
        for (name, is_known, before, expected) in [
            ("no change", true, None, UpToDate),
            ("a delivery has arrived meanwhile", true, Some(("b", 0)), UpToDate),
            ("the first difference", false, None, Pending(noticed("b", 1000))),
            ("too early", false, Some(("b", 881)), Pending(noticed("b", 881))),
            ("long enough", false, Some(("b", 880)), Missing),
            ("another commit meanwhile", false, Some(("x", 0)), Pending(noticed("b", 1000))),
        ] {
            let before = before.map(|(sha, second)| noticed(sha, second));
            assert_eq!(decide("b", is_known, before, now, CONFIRM), expected, "{name}");
        }
    }
}
