//! The figures of a run, from all that is known in the end.

use std::collections::BTreeMap;
use std::time::Duration;

use tests::background::kills::Evidence;

use crate::figures::{ProcessResources, SoakFigures, times_to_accept};
use crate::load::SoakLoad;
use crate::plan::SoakFault;
use crate::proof::successes_again;

/// The rows of the faults.
const FAULTS: [(SoakFault, &str); 12] = [
    (SoakFault::Kill, "kills"),
    (SoakFault::KillEarly, "kills during a start"),
    (SoakFault::Stop, "shutdowns"),
    (SoakFault::Freeze, "freezes"),
    (SoakFault::LogStalled, "log readers that stall"),
    (SoakFault::LogClosed, "log readers that are gone"),
    (SoakFault::ShareServer, "restarts of the share server"),
    (SoakFault::Clock, "clock jumps"),
    (SoakFault::Disk, "full disks"),
    (SoakFault::Network, "network faults"),
    (SoakFault::Database, "database restarts"),
    (SoakFault::Failover, "database failovers"),
];

/// The rows of the requests beside the deliveries, and what they are counted as.
const REQUESTS: [(&str, &[&str]); 10] = [
    ("inline requests that succeeded", &["inline: 200"]),
    ("… with a large body", &["inline: 200 to a large body"]),
    ("… failed, 500", &["inline: 500"]),
    (
        "… rejected, 401, 403, 409, 413, 422",
        &["inline: 401", "inline: 403", "inline: 409", "inline: 413", "inline: 422"],
    ),
    ("rejected deliveries: secret", &["wrong secret", "no secret"]),
    ("rejected deliveries: body", &["malformed", "huge"]),
    ("requests of strangers", &["stranger", "stranger through a link"]),
    ("requests of viewers", &["viewer"]),
    ("scrapes of the metrics", &["scrape of the metrics"]),
    ("clients that stall", &["stalled"]),
];

/// What a run was, and how it ended.
pub(crate) struct SoakOutcome {
    pub(crate) is_file: bool,
    pub(crate) evidence: Evidence,
    /// All loads, without what the evidence has.
    pub(crate) load: SoakLoad,
    /// What was done, how often.
    pub(crate) done: BTreeMap<&'static str, usize>,
    /// How long it took to drain the queue after the faults.
    pub(crate) draining: Duration,
    /// How many requests with traces came.
    pub(crate) exports: usize,
    /// In seconds, while nothing failed.
    pub(crate) oldest_due: f64,
    pub(crate) before: Vec<ProcessResources>,
    pub(crate) after: Vec<ProcessResources>,
}

/// Makes the figures.
pub(crate) fn figures(outcome: &SoakOutcome) -> SoakFigures {
    let SoakOutcome { is_file, evidence, load, done, draining, exports, oldest_due, .. } = outcome;
    let mut figures = SoakFigures::default();
    let count_of = |what: &str| done.get(what).copied().unwrap_or_default();
    for (fault, row) in FAULTS {
        if fault.is_for(*is_file) {
            figures.count(row, count_of(fault.name()));
        }
    }

    figures.count("deliveries accepted", evidence.sent.len());
    figures.count("… through the share link", load.through_links);
    let states = evidence.states();
    for (row, state) in [
        ("… done", "done"),
        ("… superseded", "superseded"),
        ("… dead", "dead"),
        ("… cancelled", "cancelled"),
    ] {
        figures.count(row, states.get(state).copied().unwrap_or_default());
    }
    let (attempts, killed) = evidence.attempt_counts();
    figures.count("attempts", attempts);
    figures.count("… ended by a kill", killed);
    let again = successes_again(&evidence.journal, &evidence.requeued);
    figures.count("deliveries that succeeded more than once", again);
    figures.count("cancels", evidence.cancelled.len());
    figures.count("runs again", evidence.requeued.len());
    figures.count("pauses", load.pauses.len());

    let [half, almost_all] = times_to_accept(&evidence.sent);
    figures.milliseconds("time to accept, median, ms", half);
    figures.milliseconds("time to accept, p99, ms", almost_all);
    figures.seconds("longest time without an accept, s", load.longest_gap);
    figures.seconds("time to drain the queue afterwards, s", *draining);
    figures.set("oldest due delivery while nothing failed, s", format!("{oldest_due:.1}"));

    for (row, kinds) in REQUESTS {
        let counts = kinds.iter().map(|kind| load.counts.get(kind).copied().unwrap_or_default());
        figures.count(row, counts.sum());
    }
    figures.count("servers whose counts were compared", count_of("comparisons"));
    figures.count("exports of traces", *exports);
    let each = |held: &[ProcessResources], value: fn(&ProcessResources) -> u64| {
        held.iter().map(|it| value(it).to_string()).collect::<Vec<_>>().join(", ")
    };
    for (row, held) in
        [("memory before, MiB", &outcome.before), ("memory after, MiB", &outcome.after)]
    {
        figures.set(row, each(held, ProcessResources::mebibytes));
    }
    for (row, held) in
        [("descriptors before", &outcome.before), ("descriptors after", &outcome.after)]
    {
        figures.set(row, each(held, |it| it.descriptors as u64));
    }
    figures
}
