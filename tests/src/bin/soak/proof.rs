//! What must hold in the end, beside what [`Evidence`] proves: whatever the servers counted, started and stored.

use std::collections::{HashMap, HashSet};

use ::tests::background::kills::{FUNCTIONS, Sent};
use ::tests::background::{JournalEntry, Kept};

use crate::load::{INTRUDER, PauseStart, SoakLoad};
use crate::servers::DeliveryCounts;

/// Finds deliveries that were rejected and stored all the same.
pub(crate) fn stored_intruders(kept: &[Kept]) -> Vec<String> {
    let intruded = |id: &Option<String>| id.as_ref().is_some_and(|id| id.starts_with(INTRUDER));
    let intruders = kept.iter().filter(|kept| intruded(&kept.webhook_id));
    intruders.map(|kept| format!("rejected and stored: {kept:?}")).collect()
}

/// Compares the deliveries that clients sent while nothing failed with the counts of the servers:
/// each response has an outcome.
pub(crate) fn uncounted(calm: &SoakLoad, counts: &[DeliveryCounts]) -> Vec<String> {
    let counted = |function: &str| -> u64 {
        let path = format!("/webhooks/{function}");
        counts.iter().map(|counts| counts.of(&path, &["accepted", "duplicate"])).sum()
    };
    let counted: u64 = FUNCTIONS.iter().map(|function| counted(function)).sum();
    let (sent, again) = (calm.sent.len() as u64, calm.not_accepted as u64);
    if (sent..=sent + again).contains(&counted) {
        return Vec::new();
    }
    vec![format!(
        "{sent} deliveries were accepted, {again} were not, and the servers counted {counted}"
    )]
}

/// Finds deliveries that arrived during a pause of their endpoint and were started before its end.
pub(crate) fn started_while_paused(
    journal: &[JournalEntry],
    pauses: &[PauseStart],
    sent: &[Sent],
) -> Vec<String> {
    let pauses: HashMap<_, _> = pauses.iter().map(|pause| (pause.number, pause)).collect();
    let sent: HashMap<_, _> = sent.iter().map(|sent| (sent.id.as_str(), sent)).collect();
    let mut paused: HashMap<&str, &PauseStart> = HashMap::new();
    let mut faults = Vec::new();
    for entry in journal {
        let function = entry.function.as_str();
        match entry.what.split(' ').next() {
            Some("paused") => {
                paused.extend(pauses.get(&entry.process).map(|pause| (pause.function, *pause)));
            }
            Some("resumed") => drop(paused.remove(function)),
            Some("start") => {
                let delivery = sent.get(entry.delivery.as_str());
                if let Some((pause, sent)) = paused.get(function).zip(delivery)
                    && sent.at.checked_sub(sent.took).is_some_and(|begin| begin > pause.at)
                {
                    faults.push(format!("started during {pause:?}: {sent:?}, {entry:?}"));
                }
            }
            _ => {}
        }
    }
    faults
}

/// How many deliveries succeeded more than once, though nobody had them run again.
pub(crate) fn successes_again(journal: &[JournalEntry], requeued: &HashSet<String>) -> usize {
    let mut successes: HashMap<&str, usize> = HashMap::new();
    for entry in journal.iter().filter(|entry| entry.what.starts_with("done")) {
        *successes.entry(&entry.delivery).or_default() += 1;
    }
    successes.iter().filter(|(id, count)| **count > 1 && !requeued.contains(**id)).count()
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use ::tests::background::kills::Kind;

    use super::*;

    fn entry(what: &str, process: u32) -> JournalEntry {
        JournalEntry {
            what: what.to_owned(),
            function: FUNCTIONS[0].to_owned(),
            webhook_id: "-".to_owned(),
            delivery: "a".to_owned(),
            attempt: 1,
            process,
        }
    }

    fn sent(at: Instant) -> Sent {
        Sent {
            id: "a".to_owned(),
            function: FUNCTIONS[0],
            repo: "planted/0".to_owned(),
            kind: Kind::Commit,
            change: String::new(),
            at,
            took: Duration::from_millis(1),
        }
    }

    #[test]
    fn a_delivery_that_arrived_during_a_pause_waits_for_its_end() {
        let at = Instant::now();
        let pauses = [PauseStart { function: FUNCTIONS[0], at, number: 7 }];
        let (before, after) = ([sent(at)], [sent(at + Duration::from_secs(1))]);
        let within = [entry("paused", 7), entry("start planted/0 a", 1), entry("resumed", 7)];
        assert_eq!(started_while_paused(&within, &pauses, &after).len(), 1);
        assert!(started_while_paused(&within, &pauses, &before).is_empty());
        let later = [entry("paused", 7), entry("resumed", 7), entry("start planted/0 a", 1)];
        assert!(started_while_paused(&later, &pauses, &after).is_empty());
    }

    #[test]
    fn each_accepted_delivery_is_counted() {
        let counts = |accepted: u64| {
            let path = format!("/webhooks/{}", FUNCTIONS[0]);
            let labels = format!("endpoint=\"{path}\",outcome=\"accepted\",reason=\"\"");
            [DeliveryCounts::read(&format!("webhooks_deliveries_total{{{labels}}} {accepted}\n"))]
        };
        let calm = |not_accepted| SoakLoad {
            sent: vec![sent(Instant::now()); 2],
            not_accepted,
            ..SoakLoad::default()
        };
        assert!(uncounted(&calm(0), &counts(2)).is_empty());
        assert!(uncounted(&calm(1), &counts(3)).is_empty());
        assert_eq!(uncounted(&calm(0), &counts(1)).len(), 1, "a response without an outcome");
        assert_eq!(uncounted(&calm(0), &counts(3)).len(), 1, "an outcome without a response");
    }
}
