//! Gathers alerts, and decides when to post them.

use serde::Serialize;
use tokio::time::Instant;

use super::alert::{Alert, line_of_omitted};
use super::timing::AlertTiming;

/// The maximum number of dead deliveries in a post, and of other alerts.
const MAX_DETAILED: usize = 20;

/// The maximum number of characters of a line, and of all lines. Discord rejects more than 2,000.
const MAX_LINE: usize = 500;
const MAX_TEXT: usize = 1900;

/// The maximum number of characters of the program's name in a line, so that each line also has its alert.
const MAX_NAME: usize = 100;

/// The alerts that are not posted yet.
#[derive(Debug)]
pub(super) struct AlertBatch {
    /// The name of the program.
    program: String,
    timing: AlertTiming,
    alerts: Vec<Alert>,
    /// The number of alerts that are only counted.
    omitted: u64,
    /// When to post them, if there are any.
    due: Option<Instant>,
    /// When the last post was sent.
    posted_at: Option<Instant>,
    /// How many posts have failed in a row.
    failures: u32,
}

/// The JSON of a post.
#[derive(Debug, Serialize)]
pub(super) struct AlertPost<'a> {
    /// What chats show.
    text: String,
    program: &'a str,
    alerts: Vec<&'a Alert>,
    /// The number of alerts that are only counted.
    omitted: u64,
}

impl AlertBatch {
    pub(super) fn new(program: String, timing: AlertTiming) -> Self {
        Self {
            program,
            timing,
            alerts: Vec::new(),
            omitted: 0,
            due: None,
            posted_at: None,
            failures: 0,
        }
    }

    /// Returns when to post, if there is anything to post.
    pub(super) fn due(&self) -> Option<Instant> {
        self.due
    }

    /// Returns how many alerts are not posted yet.
    pub(super) fn len(&self) -> u64 {
        self.alerts.len() as u64 + self.omitted
    }

    /// Returns whether a further dead delivery is only counted.
    pub(super) fn has_enough_deliveries(&self) -> bool {
        self.alerts.iter().filter(|alert| alert.is_dead_delivery()).count() >= MAX_DETAILED
    }

    pub(super) fn add(&mut self, alert: Alert, now: Instant) {
        let is_dead = alert.is_dead_delivery();
        let alike = self.alerts.iter().filter(|alert| alert.is_dead_delivery() == is_dead);
        if alike.count() >= MAX_DETAILED {
            self.omit(1, now);
        } else {
            self.alerts.push(alert);
            self.schedule(now);
        }
    }

    /// Adds alerts that are only counted.
    pub(super) fn omit(&mut self, alerts: u64, now: Instant) {
        if alerts > 0 {
            self.omitted = self.omitted.saturating_add(alerts);
            self.schedule(now);
        }
    }

    fn schedule(&mut self, now: Instant) {
        let earliest = self.posted_at.map(|at| at + self.timing.interval);
        let gathered = now + self.timing.gather;
        self.due.get_or_insert(earliest.map_or(gathered, |earliest| earliest.max(gathered)));
    }

    /// Returns the JSON of all alerts.
    pub(super) fn post(&self) -> AlertPost<'_> {
        // Other alerts first, so that a burst of dead deliveries does not push them out of the text.
        let (dead, others): (Vec<_>, Vec<_>) =
            self.alerts.iter().partition(|alert| alert.is_dead_delivery());
        let alerts = [others, dead].concat();
        AlertPost {
            text: self.text(&alerts),
            program: &self.program,
            alerts,
            omitted: self.omitted,
        }
    }

    fn text(&self, alerts: &[&Alert]) -> String {
        let program: String = self.program.chars().take(MAX_NAME).collect();
        let more = |count| format!("{program}: {}", line_of_omitted(count));
        let left = MAX_TEXT - more(u64::MAX).chars().count();
        let (mut lines, mut length) = (Vec::new(), 0);
        for alert in alerts {
            let line = format!("{program}: {}", alert.line());
            let line: String = line.chars().take(MAX_LINE).collect();
            length += line.chars().count() + 1;
            if length > left {
                break;
            }
            lines.push(line);
        }
        match self.len() - lines.len() as u64 {
            0 => {}
            count => lines.push(more(count)),
        }
        lines.join("\n")
    }

    /// Records whether the alerts could be posted. Otherwise they stay, and are posted again with the next ones.
    pub(super) fn posted(&mut self, succeeded: bool, now: Instant) {
        self.posted_at = Some(now);
        if succeeded {
            self.alerts.clear();
            (self.omitted, self.failures, self.due) = (0, 0, None);
        } else {
            self.failures = self.failures.saturating_add(1);
            self.due = Some(now + self.timing.backoff(self.failures));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use serde_json::Value;

    use super::super::alert::tests::died;
    use super::*;
    use crate::config::environment::Environment;

    fn batch() -> AlertBatch {
        AlertBatch::new("bot".to_owned(), AlertTiming::of(&Environment::from_iter([])))
    }

    fn dead() -> Alert {
        Alert::dead(died("busy"))
    }

    fn json(batch: &AlertBatch) -> Value {
        serde_json::to_value(batch.post()).unwrap()
    }

    #[test]
    fn the_first_alerts_are_posted_soon_and_the_next_ones_together() {
        let (start, mut batch) = (Instant::now(), batch());
        let at = |milliseconds| start + Duration::from_millis(milliseconds);
        assert_eq!(batch.due(), None);
        batch.add(dead(), at(0));
        batch.add(dead(), at(900));
        assert_eq!((batch.due(), batch.len()), (Some(at(1000)), 2));
        batch.posted(true, at(1100));
        assert_eq!((batch.due(), batch.len()), (None, 0));
        // At most one post in 10 s.
        batch.add(dead(), at(1200));
        assert_eq!(batch.due(), Some(at(11_100)));
        batch.posted(true, at(11_100));
        batch.add(dead(), at(60_000));
        assert_eq!(batch.due(), Some(at(61_000)));
    }

    #[test]
    fn a_failed_post_is_repeated_ever_later_with_what_came_meanwhile() {
        let (start, mut batch) = (Instant::now(), batch());
        let at = |seconds| start + Duration::from_secs(seconds);
        batch.add(dead(), at(0));
        batch.posted(false, at(1));
        assert_eq!(batch.due(), Some(at(3)));
        batch.add(dead(), at(2));
        assert_eq!((batch.due(), batch.len()), (Some(at(3)), 2));
        batch.posted(false, at(3));
        assert_eq!((batch.due(), batch.len()), (Some(at(7)), 2));
        batch.posted(true, at(7));
        batch.add(dead(), at(30));
        batch.posted(false, at(31));
        // The failures are counted anew.
        assert_eq!(batch.due(), Some(at(33)));
    }

    #[test]
    fn a_burst_is_counted_and_does_not_hide_other_alerts() {
        let (now, mut batch) = (Instant::now(), batch());
        for _ in 0..100 {
            assert_eq!(batch.has_enough_deliveries(), batch.alerts.len() >= MAX_DETAILED);
            batch.add(dead(), now);
        }
        batch.omit(7, now);
        batch.add(Alert::store_unavailable("sqlite", SystemTime::UNIX_EPOCH), now);
        let json = json(&batch);
        let alerts = json["alerts"].as_array().unwrap();
        assert_eq!((alerts.len(), &json["omitted"]), (MAX_DETAILED + 1, &Value::from(87)));
        assert_eq!(alerts[0]["kind"], "store_unavailable");
        let text = json["text"].as_str().unwrap();
        assert!(text.starts_with("bot: The store of background deliveries"), "{text}");
        let shown = text.lines().count() - 1;
        let last = format!("\nbot: {}", line_of_omitted(108 - shown as u64));
        assert!(shown > 5 && text.ends_with(&last), "{text}");
        assert!(text.chars().count() < 2000);
    }

    #[test]
    fn a_long_name_of_a_program_leaves_room_for_each_alert() {
        let timing = AlertTiming::of(&Environment::from_iter([]));
        let (now, mut batch) = (Instant::now(), AlertBatch::new("x".repeat(5000), timing));
        for _ in 0..100 {
            batch.add(dead(), now);
        }
        let json = json(&batch);
        let text = json["text"].as_str().unwrap();
        assert!(text.chars().count() <= MAX_TEXT, "{text}");
        let shown = text.lines().count() - 1;
        assert!(shown > 2 && text.ends_with(&line_of_omitted(100 - shown as u64)), "{text}");
    }

    #[test]
    fn a_text_is_bounded_whatever_its_alerts_contain() {
        let mut batch = batch();
        let mut summary = died(&"<".repeat(1000));
        summary.endpoint = "x".repeat(5000);
        batch.add(Alert::dead(summary), Instant::now());
        let text = json(&batch)["text"].as_str().unwrap().chars().count();
        assert_eq!(text, MAX_LINE);
    }

    #[test]
    fn alerts_that_are_only_counted_are_posted_too() {
        let (now, mut batch) = (Instant::now(), batch());
        batch.omit(0, now);
        assert_eq!(batch.due(), None);
        batch.omit(3, now);
        assert!(batch.due().is_some());
        let text = "bot: Further alerts: 3. Dead deliveries: deliveries --state dead";
        assert_eq!(json(&batch)["text"], text);
    }
}
