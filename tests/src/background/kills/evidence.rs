//! Compares what was accepted with what the functions wrote down and with what the store has.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::senders::Sent;
use crate::background::{JournalEntry, Kept};

/// Everything that is known in the end.
#[derive(Debug)]
pub struct Evidence {
    /// What was accepted; of each queue in order of arrival.
    pub sent: Vec<Sent>,
    /// What the store has.
    pub kept: Vec<Kept>,
    /// What the functions wrote down, and which processes were killed.
    pub journal: Vec<JournalEntry>,
    /// The ids of deliveries that somebody cancelled.
    pub cancelled: HashSet<String>,
    /// The ids of deliveries that somebody had run again.
    pub requeued: HashSet<String>,
    /// The processes whose lease ended while they ran.
    pub without_lease: BTreeSet<u32>,
}

/// A function and a repo.
type Queue<'a> = (&'a str, &'a str);

/// An attempt, as its function wrote it down.
#[derive(Debug)]
pub(super) struct Attempt<'a> {
    entry: &'a JournalEntry,
    queue: Queue<'a>,
    /// The names of what it saw.
    changes: HashSet<&'a str>,
    /// How it ended; `None` when its process was killed.
    pub(super) end: Option<&'a str>,
    /// Whether its process had been frozen after it had claimed the delivery, and another one has run it.
    is_late: bool,
}

impl Evidence {
    /// Asserts that nothing is wrong.
    pub fn check(&self) {
        let faults = self.faults();
        let shown = faults.iter().take(20).cloned().collect::<Vec<_>>().join("\n");
        assert!(faults.is_empty(), "{} faults:\n{shown}", faults.len());
        self.print_summary();
    }

    /// Prints how much was proved, for people who run this with `--nocapture`.
    #[expect(clippy::print_stdout, reason = "the figures of a long run")]
    fn print_summary(&self) {
        println!("{}", self.summary());
    }

    /// Describes everything that is wrong.
    #[must_use]
    pub fn faults(&self) -> Vec<String> {
        let (attempts, mut faults) = self.attempts();
        faults.extend(self.unfinished());
        faults.extend(self.groups_without_a_carrier());
        faults.extend(self.lost_changes(&attempts));
        faults.extend(self.broken_chains(&attempts));
        faults.extend(self.wrong_order(&attempts));
        faults
    }

    /// Reads the attempts, and finds the ones that ran at the same time as another one of their queue. That may only be
    /// when the lease of one's process had ended, and then its result does not count.
    pub(super) fn attempts(&self) -> (Vec<Attempt<'_>>, Vec<String>) {
        let (mut attempts, mut faults): (Vec<Attempt<'_>>, _) = (Vec::new(), Vec::new());
        let mut running: Vec<usize> = Vec::new();
        let (mut overtaken, mut continued) = (BTreeSet::new(), BTreeSet::new());
        let last_attempts = self.last_attempts();
        for entry in &self.journal {
            let mut words = entry.what.split(' ');
            let (what, repo) = (words.next().unwrap(), words.next().unwrap_or_default());
            let queue = (entry.function.as_str(), repo);
            match what {
                "killed" => running.retain(|at| attempts[*at].entry.process != entry.process),
                "continued" => drop(continued.insert(entry.process)),
                "start" => {
                    let is_late = continued.contains(&entry.process)
                        && entry.attempt < last_attempts[entry.delivery.as_str()];
                    for other in running.iter().copied().filter(|at| attempts[*at].queue == queue) {
                        if is_late {
                            continue;
                        }
                        overtaken.insert(other);
                        let other = attempts[other].entry;
                        if !self.without_lease.contains(&other.process) {
                            faults.push(format!("ran at the same time: {other:?} and {entry:?}"));
                        }
                    }
                    let changes = words.next().unwrap_or_default().split(',');
                    let changes = changes.filter(|change| !change.is_empty()).collect();
                    running.push(attempts.len());
                    attempts.push(Attempt { entry, queue, changes, end: None, is_late });
                }
                end => {
                    let is_this = |at: &usize| {
                        let it = attempts[*at].entry;
                        (&it.delivery, it.attempt, it.process)
                            == (&entry.delivery, entry.attempt, entry.process)
                    };
                    match running.iter().position(is_this) {
                        Some(at) => attempts[running.remove(at)].end = Some(end),
                        None => faults.push(format!("ended without a start: {entry:?}")),
                    }
                }
            }
        }
        for at in overtaken {
            let it = &attempts[at];
            let mut later = attempts[at + 1..].iter();
            let is_last = !it.is_late && !later.any(|l| l.entry.delivery == it.entry.delivery);
            let state = self.state(&it.entry.delivery);
            if is_last && it.end == Some("done") && state == Some("done") {
                faults.push(format!("counts though its lease had ended: {:?}", it.entry));
            }
        }
        (attempts, faults)
    }

    /// The number of the last attempt of each delivery.
    fn last_attempts(&self) -> HashMap<&str, u32> {
        let mut last: HashMap<&str, u32> = HashMap::new();
        for entry in self.journal.iter().filter(|entry| entry.what.starts_with("start")) {
            let last = last.entry(&entry.delivery).or_default();
            *last = (*last).max(entry.attempt);
        }
        last
    }

    fn state(&self, id: &str) -> Option<&'static str> {
        self.kept.iter().find(|kept| kept.id == id).map(|kept| kept.state)
    }

    fn unfinished(&self) -> Vec<String> {
        let states: HashMap<_, _> = self.kept.iter().map(|it| (&it.id, it.state)).collect();
        let missing = self.sent.iter().filter(|it| !states.contains_key(&it.id));
        let missing = missing.map(|it| format!("accepted and not stored: {it:?}"));
        let ended = |it: &&Kept| !["queued", "running"].contains(&it.state);
        let left = self.kept.iter().filter(|it| !ended(it));
        missing.chain(left.map(|it| format!("has not ended: {it:?}"))).collect()
    }

    /// Finds superseded deliveries that not exactly one other delivery carries.
    fn groups_without_a_carrier(&self) -> Vec<String> {
        let carriers = self.carriers();
        let carried = self.kept.iter().filter(|it| it.state == "superseded");
        let without = carried.filter(|it| {
            it.group.as_ref().and_then(|group| carriers.get(group)).map(Vec::len) != Some(1)
        });
        without.map(|it| format!("has not one carrier: {it:?}")).collect()
    }

    /// The deliveries of each group that are not superseded.
    fn carriers(&self) -> HashMap<&String, Vec<&Kept>> {
        let mut carriers: HashMap<_, Vec<_>> = HashMap::new();
        for kept in self.kept.iter().filter(|it| it.state != "superseded") {
            if let Some(group) = &kept.group {
                carriers.entry(group).or_default().push(kept);
            }
        }
        carriers
    }

    /// Finds accepted changes that no function saw in an attempt that succeeded, though their delivery, or the one that
    /// carries it, neither died nor was cancelled.
    fn lost_changes(&self, attempts: &[Attempt<'_>]) -> Vec<String> {
        let carriers = self.carriers();
        let by_id: HashMap<_, _> = self.kept.iter().map(|it| (&it.id, it)).collect();
        let mut seen: HashMap<&str, HashSet<&str>> = HashMap::new();
        for attempt in attempts.iter().filter(|it| it.end == Some("done")) {
            let names = attempt.changes.iter().map(|change| name(change));
            // A barrier changes nothing.
            seen.entry(&attempt.entry.delivery).or_default().extend(names.chain([""]));
        }
        let mut faults = Vec::new();
        for (at, sent) in self.sent.iter().enumerate() {
            let Some(kept) = by_id.get(&sent.id) else { continue };
            let carrier = match &kept.group {
                Some(group) if kept.state == "superseded" => carriers.get(group),
                _ => None,
            };
            let end = carrier.and_then(|carriers| carriers.first()).unwrap_or(kept);
            let is_seen =
                seen.get(end.id.as_str()).is_some_and(|seen| seen.contains(sent.change.as_str()));
            let is_explained = match end.state {
                "done" => is_seen || (end.id != sent.id && self.came_too_late(at, &end.id)),
                "cancelled" => self.cancelled.contains(&end.id),
                "dead" => end.error.is_some(),
                _ => false,
            };
            if !is_explained {
                faults.push(format!("lost: {sent:?}, {kept:?}, at the end {end:?}"));
            }
        }
        faults
    }

    /// Whether a delivery may have been superseded by one that was done already: it had failed, and what arrived in
    /// between kept it from being merged.
    fn came_too_late(&self, at: usize, carrier: &str) -> bool {
        let sent = &self.sent[at];
        let mut later = self.sent[at + 1..]
            .iter()
            .filter(|it| (it.function, &it.repo) == (sent.function, &sent.repo))
            .take_while(|it| it.id != carrier);
        later.any(|it| it.kind != sent.kind || self.requeued.contains(&it.id))
    }

    /// Finds attempts whose branch did not move from the first to the last commit that they saw.
    fn broken_chains(&self, attempts: &[Attempt<'_>]) -> Vec<String> {
        let mut faults = Vec::new();
        for attempt in attempts {
            let range = |change: &&str| -> Option<(u32, u32)> {
                let (old, new) = change.split_once('=')?.1.split_once("..")?;
                Some((old.parse().unwrap_or_default(), new.parse().ok()?))
            };
            let (branch, tags): (Vec<&str>, Vec<&str>) =
                attempt.changes.iter().partition(|change| change.starts_with("refs/heads/"));
            let commits: Vec<u32> = tags.iter().filter_map(range).map(|(_, new)| new).collect();
            let expected = commits.iter().min().zip(commits.iter().max());
            let expected = expected.map(|(first, last)| (first - 1, *last));
            if branch.first().and_then(range) != expected {
                faults.push(format!("not from {expected:?}: {:?}", attempt.entry));
            }
        }
        faults
    }

    /// Finds deliveries whose first attempt began before that of one that had arrived earlier. Not after a process died
    /// between a claim and the start of its function: that attempt counts, and the next one waits for its time. For the
    /// same reason, not after a process was frozen there.
    fn wrong_order(&self, attempts: &[Attempt<'_>]) -> Vec<String> {
        let places: HashMap<&str, usize> =
            self.sent.iter().enumerate().map(|(at, it)| (it.id.as_str(), at)).collect();
        let (mut started, mut faults) = (HashSet::new(), Vec::new());
        let mut newest: HashMap<Queue<'_>, usize> = HashMap::new();
        for attempt in attempts.iter().filter(|attempt| !attempt.is_late) {
            let id = attempt.entry.delivery.as_str();
            let is_first = started.insert(id) && attempt.entry.attempt == 1;
            let Some(place) = places.get(id).filter(|_| is_first && !self.requeued.contains(id))
            else {
                continue;
            };
            let newest = newest.entry(attempt.queue).or_insert(*place);
            if *place < *newest {
                let newer = &self.sent[*newest];
                faults.push(format!("began after {newer:?}, which is newer: {:?}", attempt.entry));
            }
            *newest = (*newest).max(*place);
        }
        faults
    }
}

/// The name of a change, without commits.
fn name(change: &str) -> &str {
    change.split_once('=').map_or(change, |(name, _)| name)
}
