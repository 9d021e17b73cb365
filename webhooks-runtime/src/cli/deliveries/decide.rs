//! Runs dead deliveries again, and deletes deliveries.

use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

use uuid::Uuid;

use super::id::IdPrefix;
use super::{counted, failed, print};
use crate::jobs::{Jobs, Purge, RetryTarget, State};

/// Queues these again. For each of the others it is said why not.
pub(super) async fn retry(jobs: &Jobs, ids: &[IdPrefix]) -> Result<ExitCode, Box<dyn Error>> {
    let (mut queued, mut others) = (0, String::new());
    for id in ids {
        let id = match id.find(jobs).await {
            Ok(id) => id,
            Err(error) => {
                others += &format!("error: {error}\n");
                continue;
            }
        };
        let retried = jobs.retry(RetryTarget::One(id)).await.map_err(failed)?;
        if retried == 0 {
            let found = jobs.show(id).await.map_err(failed)?;
            others += &reason(id, found.map(|detail| detail.summary.state), jobs);
        }
        queued += retried;
    }
    if queued > 0 || others.is_empty() {
        say_queued(queued)?;
    }
    let _ = io::stderr().write_all(others.as_bytes());
    Ok(if others.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Queues all dead ones again.
pub(super) async fn retry_dead(jobs: &Jobs) -> Result<ExitCode, Box<dyn Error>> {
    say_queued(jobs.retry(RetryTarget::AllDead).await.map_err(failed)?)?;
    Ok(ExitCode::SUCCESS)
}

/// Which deliveries a person wants deleted.
pub(super) struct Deleted {
    pub(super) dead: bool,
    pub(super) queued: bool,
    pub(super) endpoint: Option<String>,
    pub(super) older_than: Option<Duration>,
}

/// Deletes dead ones, and queued ones of an endpoint.
pub(super) async fn purge(jobs: &Jobs, deleted: Deleted) -> Result<ExitCode, Box<dyn Error>> {
    let Deleted { dead, queued, endpoint, older_than } = deleted;
    let mut purged = 0;
    for (state, named) in [(State::Dead, dead), (State::Queued, queued)] {
        // Of an endpoint both, unless one of them is named.
        if named || !(dead || queued) {
            let older_than = older_than.unwrap_or_default();
            let purge = Purge { state, endpoint: endpoint.clone(), older_than };
            purged += jobs.purge(purge).await.map_err(failed)?;
        }
    }
    print(format!("{} deleted.\n", counted(purged)).as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

fn say_queued(count: u64) -> io::Result<()> {
    print(format!("{} queued again.\n", counted(count)).as_bytes())
}

fn reason(id: Uuid, state: Option<State>, jobs: &Jobs) -> String {
    match state {
        None => format!("error: There is no delivery {id} in {}.\n", jobs.name()),
        Some(state) => format!("error: {id} is {state}, and only dead deliveries are run again.\n"),
    }
}
