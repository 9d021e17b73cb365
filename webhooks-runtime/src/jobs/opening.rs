//! Reports when opening a store takes long, for example because another process holds a lock.

use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::timeout;

/// How long opening may take before the first report.
const FIRST_REPORT: Duration = Duration::from_secs(2);

/// The time from the first report to the second. It doubles with each further report.
const SECOND_REPORT: Duration = Duration::from_secs(8);

/// Receives a line of text for the terminal while the store is being opened.
pub(crate) type OpeningReport = fn(&str);

/// The reason why opening takes long, if known. The store sets it, and the reports show it.
#[derive(Clone, Debug, Default)]
pub(super) struct Obstacle(Arc<Mutex<Option<String>>>);

impl Obstacle {
    pub(super) fn set(&self, obstacle: Option<String>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = obstacle;
    }

    pub(super) fn get(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Awaits the opening of a store, and reports at growing intervals that it is not open yet.
pub(super) async fn reported<T>(
    opening: impl Future<Output = T>,
    name: &str,
    obstacle: &Obstacle,
    report: OpeningReport,
) -> T {
    let mut opening = pin!(opening);
    let (mut pause, mut next) = (FIRST_REPORT, SECOND_REPORT);
    loop {
        if let Ok(opened) = timeout(pause, &mut opening).await {
            return opened;
        }
        match obstacle.get() {
            Some(obstacle) => report(&format!(
                "Waiting for the store of background deliveries in {name}: {obstacle}.\n"
            )),
            None => report(&format!("Waiting for the store of background deliveries in {name}.\n")),
        }
        (pause, next) = (next, next * 2);
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::{Instant, sleep};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn slow_opening_is_reported_with_growing_intervals() {
        static LINES: Mutex<Vec<(u64, String)>> = Mutex::new(Vec::new());
        static START: Mutex<Option<Instant>> = Mutex::new(None);
        *START.lock().unwrap() = Some(Instant::now());
        let report = |line: &str| {
            let start = START.lock().unwrap().unwrap();
            LINES.lock().unwrap().push((start.elapsed().as_secs(), line.to_owned()));
        };
        let obstacle = Obstacle::default();
        reported(sleep(FIRST_REPORT / 2), "quick.db", &obstacle, report).await;
        *START.lock().unwrap() = Some(Instant::now());
        reported(sleep(Duration::from_secs(60)), "slow.db", &obstacle, report).await;
        let lines = LINES.lock().unwrap();
        assert_eq!(lines.iter().map(|(at, _)| *at).collect::<Vec<_>>(), [2, 10, 26, 58]);
        let line = "Waiting for the store of background deliveries in slow.db.\n";
        assert!(lines.iter().all(|(_, text)| text == line), "{lines:?}");
    }
}
