//! Decides whether the commit of a ref is one whose delivery is missing.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::Instant;
use uuid::Uuid;

/// How many commits of a ref are remembered, which a late delivery may still report.
const MOST_EARLIER: usize = 8;

/// The commit of a ref that an endpoint has seen last, in a delivery or when it was first asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SeenCommit {
    pub(super) sha: String,
    /// The commits before, the latest last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) earlier: Vec<String>,
    /// The delivery that was made here for it. The Hub's own delivery of this commit is a duplicate of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) made: Option<Uuid>,
}

impl SeenCommit {
    /// Returns what has been seen after this commit has followed.
    pub(super) fn followed_by(mut self, sha: &str, made: Option<Uuid>) -> Self {
        self.earlier.push(self.sha);
        let too_many = self.earlier.len().saturating_sub(MOST_EARLIER);
        self.earlier.drain(..too_many);
        Self { sha: sha.to_owned(), earlier: self.earlier, made }
    }
}

/// A commit that differs from the one that was seen, and when that was noticed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct UnconfirmedCommit {
    pub(super) sha: String,
    pub(super) since: Instant,
}

/// What to do about a ref.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum RefDecision {
    /// It has not been seen before, so nothing is missing: from now on, it is compared with this commit.
    Baseline,
    /// It is as it was seen.
    Unchanged,
    /// It differs since this time, and the Hub may still send its delivery.
    Pending(UnconfirmedCommit),
    /// Its delivery is missing.
    Missing,
}

/// Decides about the commit that a ref has now. A difference counts when it was noticed at least `confirm` ago.
pub(super) fn decide(
    current: &str,
    seen: Option<&SeenCommit>,
    pending: Option<&UnconfirmedCommit>,
    now: Instant,
    confirm: Duration,
) -> RefDecision {
    let Some(seen) = seen else {
        return RefDecision::Baseline;
    };
    if seen.sha == current {
        return RefDecision::Unchanged;
    }
    match pending.filter(|pending| pending.sha == current) {
        Some(pending) if now.duration_since(pending.since) >= confirm => RefDecision::Missing,
        Some(pending) => RefDecision::Pending(pending.clone()),
        None => RefDecision::Pending(UnconfirmedCommit { sha: current.to_owned(), since: now }),
    }
}

/// Returns what has been seen of a ref after a delivery with these commits; `None` if the delivery is late, and changes
/// nothing.
pub(super) fn after_delivery(
    seen: Option<SeenCommit>,
    old: Option<&str>,
    new: &str,
) -> Option<SeenCommit> {
    let Some(seen) = seen else {
        let earlier = old.map(str::to_owned).into_iter().collect();
        return Some(SeenCommit { sha: new.to_owned(), earlier, made: None });
    };
    // A ref that is set back to an earlier commit moves on from the last one.
    let is_next = old == Some(&seen.sha);
    let is_late = seen.sha == new || (!is_next && seen.earlier.iter().any(|it| it == new));
    (!is_late).then(|| seen.followed_by(new, None))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIRM: Duration = Duration::from_secs(120);

    fn seen(sha: &str, earlier: &[&str]) -> SeenCommit {
        let earlier = earlier.iter().map(|it| (*it).to_owned()).collect();
        SeenCommit { sha: sha.to_owned(), earlier, made: None }
    }

    #[test]
    fn a_difference_counts_when_it_lasts() {
        use RefDecision::{Baseline, Missing, Pending, Unchanged};

        let start = Instant::now();
        let now = start + Duration::from_secs(1000);
        let pending = |sha: &str, second| UnconfirmedCommit {
            sha: sha.to_owned(),
            since: start + Duration::from_secs(second),
        };
        for (name, seen_commit, noticed, expected) in [
            ("the first sight", None, None, Baseline),
            ("the first sight of one that was deleted", None, Some(("b", 0)), Baseline),
            ("no change", Some("b"), None, Unchanged),
            ("a delivery has arrived meanwhile", Some("b"), Some(("b", 0)), Unchanged),
            ("the first difference", Some("a"), None, Pending(pending("b", 1000))),
            ("too early", Some("a"), Some(("b", 881)), Pending(pending("b", 881))),
            ("long enough", Some("a"), Some(("b", 880)), Missing),
            ("another commit meanwhile", Some("a"), Some(("x", 0)), Pending(pending("b", 1000))),
        ] {
            let seen_commit = seen_commit.map(|sha| seen(sha, &[]));
            let noticed = noticed.map(|(sha, since)| pending(sha, since));
            let decision = decide("b", seen_commit.as_ref(), noticed.as_ref(), now, CONFIRM);
            assert_eq!(decision, expected, "{name}");
        }
    }

    #[test]
    fn a_late_delivery_does_not_set_a_ref_back() {
        let c = || Some(seen("c", &["a", "b"]));
        for (name, before, (old, new), expected) in [
            ("the first one", None, (None, "b"), Some(seen("b", &[]))),
            ("the next one", Some(seen("a", &[])), (Some("a"), "b"), Some(seen("b", &["a"]))),
            ("the same again", Some(seen("b", &["a"])), (Some("a"), "b"), None),
            ("one that was overtaken", c(), (Some("a"), "b"), None),
            ("one that was overtaken twice", c(), (Some("0"), "a"), None),
            ("a reset", c(), (Some("c"), "b"), Some(seen("b", &["a", "b", "c"]))),
        ] {
            assert_eq!(after_delivery(before, old, new), expected, "{name}");
        }
    }

    #[test]
    fn a_ref_that_moves_on_forgets_what_was_made_for_the_commit_before() {
        let made = seen("a", &[]).followed_by("b", Some(Uuid::nil()));
        assert_eq!(after_delivery(Some(made.clone()), Some("a"), "b"), None);
        assert_eq!(after_delivery(Some(made), Some("b"), "c"), Some(seen("c", &["a", "b"])));
        let mut many = seen("0", &[]);
        for at in 1..20 {
            many = many.followed_by(&at.to_string(), None);
        }
        assert_eq!((many.earlier.len(), &*many.earlier[0]), (MOST_EARLIER, "11"));
    }
}
