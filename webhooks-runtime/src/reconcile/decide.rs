//! Decides whether the commit of a ref is one whose delivery is missing.

use std::time::Duration;

use tokio::time::Instant;

use super::ref_log::RefProgress;

/// A commit that no delivery has brought, and when that was noticed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct UnconfirmedCommit {
    pub(super) sha: String,
    pub(super) since: Instant,
}

/// What to do about a ref.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum RefDecision<'a> {
    /// Nothing is missing. A ref that was not seen before is compared with its commit from now on.
    UpToDate,
    /// It differs since this time, and the Hub may still send its delivery.
    Pending(UnconfirmedCommit),
    /// The delivery of this move is missing.
    Missing { old: &'a str, new: &'a str },
}

/// Decides about a ref. A missing move counts when it was noticed at least `confirm` ago.
pub(super) fn decide(
    progress: RefProgress<'_>,
    noticed: Option<UnconfirmedCommit>,
    now: Instant,
    confirm: Duration,
) -> RefDecision<'_> {
    let RefProgress::Missing { old, new } = progress else {
        return RefDecision::UpToDate;
    };
    match noticed.filter(|noticed| noticed.sha == new) {
        Some(noticed) if now.duration_since(noticed.since) >= confirm => {
            RefDecision::Missing { old, new }
        }
        Some(noticed) => RefDecision::Pending(noticed),
        None => RefDecision::Pending(UnconfirmedCommit { sha: new.to_owned(), since: now }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIRM: Duration = Duration::from_secs(120);

    #[test]
    fn a_difference_counts_when_it_lasts() {
        use RefDecision::{Missing, Pending, UpToDate};
        use RefProgress::Known;

        let start = Instant::now();
        let now = start + Duration::from_secs(1000);
        let noticed = |sha: &str, second| UnconfirmedCommit {
            sha: sha.to_owned(),
            since: start + Duration::from_secs(second),
        };
        let missing = RefProgress::Missing { old: "a", new: "b" };
        for (name, progress, before, expected) in [
            ("no change", Known, None, UpToDate),
            ("a delivery has arrived meanwhile", Known, Some(("b", 0)), UpToDate),
            ("the first difference", missing, None, Pending(noticed("b", 1000))),
            ("too early", missing, Some(("b", 881)), Pending(noticed("b", 881))),
            ("long enough", missing, Some(("b", 880)), Missing { old: "a", new: "b" }),
            ("another commit meanwhile", missing, Some(("x", 0)), Pending(noticed("b", 1000))),
        ] {
            let before = before.map(|(sha, second)| noticed(sha, second));
            assert_eq!(decide(progress, before, now, CONFIRM), expected, "{name}");
        }
    }
}
