//! Retries dead deliveries, and deletes deliveries.

use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use super::control::{end_with, find, not_changed, print_queued};
use super::errors::failed;
use super::id::IdPrefix;
use super::{counted, print};
use crate::jobs::{Jobs, Purge, RetryTarget, State};

/// Queues dead deliveries again. For each id that cannot be retried, prints why.
pub(super) async fn retry(jobs: &Jobs, ids: &[IdPrefix]) -> Result<ExitCode, Box<dyn Error>> {
    let (mut queued, mut errors) = (0, String::new());
    for id in ids {
        let Some(id) = find(jobs, id, &mut errors).await else { continue };
        let retried = jobs.retry(RetryTarget::One(id)).await.map_err(failed)?;
        if retried == 0 {
            errors += &not_changed(jobs, id, "only dead deliveries can be retried").await?;
        }
        queued += retried;
    }
    if queued > 0 || errors.is_empty() {
        print_queued(queued)?;
    }
    end_with(&errors)
}

/// Queues all dead deliveries again.
pub(super) async fn retry_dead(jobs: &Jobs) -> Result<ExitCode, Box<dyn Error>> {
    print_queued(jobs.retry(RetryTarget::AllDead).await.map_err(failed)?)?;
    Ok(ExitCode::SUCCESS)
}

/// The deliveries to delete.
pub(super) struct PurgeSelection {
    pub(super) dead: bool,
    pub(super) queued: bool,
    pub(super) endpoint: Option<String>,
    pub(super) older_than: Option<Duration>,
}

/// Deletes dead deliveries, and queued deliveries of an endpoint.
pub(super) async fn purge(
    jobs: &Jobs,
    selection: PurgeSelection,
) -> Result<ExitCode, Box<dyn Error>> {
    let PurgeSelection { dead, queued, endpoint, older_than } = selection;
    let mut purged = 0;
    for (state, selected) in [(State::Dead, dead), (State::Queued, queued)] {
        // With only an endpoint, both states are selected.
        if selected || !(dead || queued) {
            let older_than = older_than.unwrap_or_default();
            let purge = Purge { state, endpoint: endpoint.clone(), older_than };
            purged += jobs.purge(purge).await.map_err(failed)?;
        }
    }
    print(format!("{} deleted.\n", counted(purged)).as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::super::Deliveries;

    #[derive(Debug, Parser)]
    struct DeliveriesLine {
        #[command(flatten)]
        _deliveries: Deliveries,
    }

    #[test]
    fn the_purge_that_doctor_proposes_is_a_command() {
        let proposed = "deliveries purge --dead --older-than 30d";
        assert!(DeliveriesLine::try_parse_from(proposed.split(' ')).is_ok());
        assert!(DeliveriesLine::try_parse_from(["deliveries", "purge"]).is_err());
    }
}
