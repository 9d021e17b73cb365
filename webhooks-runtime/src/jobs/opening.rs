//! Reports that a store is still being opened: another process may hold a lock that opening needs.

use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::timeout;

/// How long opening may take before that is reported.
const FIRST: Duration = Duration::from_secs(2);

/// How long until the next report; each one after it takes twice as long.
const NEXT: Duration = Duration::from_secs(8);

/// Takes the line that the store is waited for.
pub(crate) type Report = fn(&str);

/// What opening waits for, as far as that is known.
#[derive(Clone, Debug, Default)]
pub(super) struct Obstacle(Arc<Mutex<Option<String>>>);

impl Obstacle {
    #[cfg(feature = "postgres")]
    pub(super) fn set(&self, obstacle: Option<String>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = obstacle;
    }

    pub(super) fn get(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Awaits the opening of the store of this name, and reports at times that it isn't open yet.
pub(super) async fn reported<T>(
    opening: impl Future<Output = T>,
    name: &str,
    obstacle: &Obstacle,
    report: Report,
) -> T {
    let mut opening = pin!(opening);
    let (mut pause, mut next) = (FIRST, NEXT);
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
    async fn what_takes_long_is_reported_less_and_less_often() {
        static LINES: Mutex<Vec<(u64, String)>> = Mutex::new(Vec::new());
        static BEGUN: Mutex<Option<Instant>> = Mutex::new(None);
        *BEGUN.lock().unwrap() = Some(Instant::now());
        let report = |line: &str| {
            let begun = BEGUN.lock().unwrap().unwrap();
            LINES.lock().unwrap().push((begun.elapsed().as_secs(), line.to_owned()));
        };
        let obstacle = Obstacle::default();
        reported(sleep(FIRST / 2), "quick.db", &obstacle, report).await;
        *BEGUN.lock().unwrap() = Some(Instant::now());
        reported(sleep(Duration::from_secs(60)), "slow.db", &obstacle, report).await;
        let lines = LINES.lock().unwrap();
        assert_eq!(lines.iter().map(|(at, _)| *at).collect::<Vec<_>>(), [2, 10, 26, 58]);
        let line = "Waiting for the store of background deliveries in slow.db.\n";
        assert!(lines.iter().all(|(_, said)| said == line), "{lines:?}");
    }
}
