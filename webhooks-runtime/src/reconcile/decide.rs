//! Decides whether the commit of a ref is one whose delivery is missing.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The commit of a ref that an endpoint has seen last, in a delivery or when it was first asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SeenCommit {
    pub(super) sha: String,
    /// The commit before, which a late delivery may still report.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) old: Option<String>,
}

/// A commit that differs from the one that was seen, and when that was noticed, in milliseconds of Unix time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct PendingCommit {
    pub(super) sha: String,
    pub(super) since: u64,
}

/// What to do about a ref.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum RefDecision {
    /// It has not been seen before, so nothing is missing: from now on, it is compared with this commit.
    Baseline,
    /// It is as it was seen.
    Unchanged,
    /// It differs since this time, and the Hub may still send its delivery.
    Pending(PendingCommit),
    /// Its delivery is missing.
    Missing,
}

/// Decides about the commit that a ref has now. A difference counts when it was noticed at least `confirm` ago.
pub(super) fn decide(
    current: &str,
    seen: Option<&SeenCommit>,
    pending: Option<&PendingCommit>,
    now: u64,
    confirm: Duration,
) -> RefDecision {
    let Some(seen) = seen else {
        return RefDecision::Baseline;
    };
    if seen.sha == current {
        return RefDecision::Unchanged;
    }
    match pending.filter(|pending| pending.sha == current) {
        Some(pending) if u128::from(now.saturating_sub(pending.since)) >= confirm.as_millis() => {
            RefDecision::Missing
        }
        Some(pending) => RefDecision::Pending(pending.clone()),
        None => RefDecision::Pending(PendingCommit { sha: current.to_owned(), since: now }),
    }
}

/// Returns what has been seen of a ref after a delivery with these commits; `None` if the delivery is late, and changes
/// nothing.
pub(super) fn after_delivery(
    seen: Option<&SeenCommit>,
    old: Option<&str>,
    new: &str,
) -> Option<SeenCommit> {
    let is_late = seen.is_some_and(|seen| seen.sha == new || seen.old.as_deref() == Some(new));
    (!is_late).then(|| SeenCommit { sha: new.to_owned(), old: old.map(str::to_owned) })
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIRM: Duration = Duration::from_secs(120);

    fn seen(sha: &str, old: Option<&str>) -> SeenCommit {
        SeenCommit { sha: sha.to_owned(), old: old.map(str::to_owned) }
    }

    fn pending(sha: &str, since: u64) -> PendingCommit {
        PendingCommit { sha: sha.to_owned(), since }
    }

    #[test]
    fn a_difference_counts_when_it_lasts() {
        use RefDecision::{Baseline, Missing, Pending, Unchanged};

        let now = 1_000_000;
        for (name, seen_commit, noticed, expected) in [
            ("the first sight", None, None, Baseline),
            ("the first sight of one that was deleted", None, Some(("b", 0)), Baseline),
            ("no change", Some("b"), None, Unchanged),
            ("a delivery has arrived meanwhile", Some("b"), Some(("b", 0)), Unchanged),
            ("the first difference", Some("a"), None, Pending(pending("b", now))),
            ("too early", Some("a"), Some(("b", 880_001)), Pending(pending("b", 880_001))),
            ("long enough", Some("a"), Some(("b", 880_000)), Missing),
            ("another commit meanwhile", Some("a"), Some(("x", 0)), Pending(pending("b", now))),
            (
                "a clock that went back",
                Some("a"),
                Some(("b", 2_000_000)),
                Pending(pending("b", 2_000_000)),
            ),
        ] {
            let (seen_commit, noticed) = (
                seen_commit.map(|sha| seen(sha, None)),
                noticed.map(|(sha, since)| pending(sha, since)),
            );
            let decision = decide("b", seen_commit.as_ref(), noticed.as_ref(), now, CONFIRM);
            assert_eq!(decision, expected, "{name}");
        }
    }

    #[test]
    fn a_late_delivery_does_not_set_a_ref_back() {
        for (name, before, (old, new), expected) in [
            ("the first one", None, (None, "b"), Some(seen("b", None))),
            ("the next one", Some(seen("a", None)), (Some("a"), "b"), Some(seen("b", Some("a")))),
            ("the same again", Some(seen("b", Some("a"))), (Some("a"), "b"), None),
            ("one that was overtaken", Some(seen("c", Some("b"))), (Some("a"), "b"), None),
            ("a reset", Some(seen("c", Some("b"))), (Some("c"), "a"), Some(seen("a", Some("c")))),
        ] {
            assert_eq!(after_delivery(before.as_ref(), old, new), expected, "{name}");
        }
    }
}
