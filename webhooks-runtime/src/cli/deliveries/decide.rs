//! What is done with dead deliveries: they are run again, or deleted.

use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

use uuid::Uuid;

use super::{counted, failed, print};
use crate::jobs::{Jobs, State, Which};

/// Queues these again. Each of the others is said to be none, and why.
pub(super) async fn retry(jobs: &Jobs, ids: &[Uuid]) -> Result<ExitCode, Box<dyn Error>> {
    let (mut queued, mut others) = (0, String::new());
    for id in ids {
        let retried = jobs.retry(Which::One(*id)).await.map_err(failed)?;
        if retried == 0 {
            let found = jobs.show(*id).await.map_err(failed)?;
            others += &reason(*id, found.map(|detail| detail.listed.state), jobs);
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
    say_queued(jobs.retry(Which::AllDead).await.map_err(failed)?)?;
    Ok(ExitCode::SUCCESS)
}

/// Deletes dead ones.
pub(super) async fn purge(jobs: &Jobs, older_than: Duration) -> Result<ExitCode, Box<dyn Error>> {
    let purged = jobs.purge_dead(older_than).await.map_err(failed)?;
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
