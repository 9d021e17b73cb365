//! Cancels deliveries, runs them again, and pauses and resumes endpoints.

use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;

use clap::Args;
use uuid::Uuid;

use super::errors::{NoEndpoint, failed};
use super::id::{FindError, IdPrefix};
use super::{StoreArgs, counted, print};
use crate::endpoint::{normalize, short};
use crate::jobs::{CancelReport, CancelTarget, DeliveryFilter, Jobs, StoreError, paused_text};
use crate::server::StoreTarget;

#[derive(Debug, Args)]
pub(super) struct CancelArgs {
    /// The ids of queued or running deliveries, or their first digits
    #[arg(value_name = "ID", conflicts_with = "endpoint")]
    pub(super) ids: Vec<IdPrefix>,
    /// Cancel all queued and running deliveries of this endpoint: its path, with or without /webhooks/
    #[arg(long, value_name = "PATH", value_parser = normalize)]
    pub(super) endpoint: Option<String>,
    #[command(flatten)]
    pub(super) store: StoreArgs,
}

#[derive(Debug, Args)]
pub(super) struct RerunArgs {
    /// The ids of deliveries that have ended, or their first digits
    #[arg(value_name = "ID", required = true)]
    pub(super) ids: Vec<IdPrefix>,
    #[command(flatten)]
    pub(super) store: StoreArgs,
}

#[derive(Debug, Args)]
pub(super) struct EndpointArgs {
    /// The path of the endpoint, with or without /webhooks/
    #[arg(value_name = "ENDPOINT", value_parser = normalize)]
    pub(super) endpoint: String,
    #[command(flatten)]
    pub(super) store: StoreArgs,
}

/// Cancels deliveries by their ids, or those of an endpoint. For each delivery that cannot be cancelled, prints why.
pub(super) async fn cancel(
    jobs: &Jobs,
    target: &StoreTarget,
    args: CancelArgs,
) -> Result<ExitCode, Box<dyn Error>> {
    let mut errors = String::new();
    let report = match args.endpoint {
        Some(path) => cancel_endpoint(jobs, target, path).await?,
        None => cancel_each(jobs, &args.ids, &mut errors).await?,
    };
    let CancelReport { cancelled, stopping, refused } = report;
    let mut text = String::new();
    if cancelled > 0 || stopping.is_empty() && refused.is_empty() && errors.is_empty() {
        text += &format!("{} cancelled.\n", counted(cancelled));
    }
    match stopping.len() {
        0 => {}
        1 => {
            text += "1 delivery is being stopped: its function ends at its next .await, and the delivery becomes \
                     cancelled.\n";
        }
        count => {
            text += &format!(
                "{count} deliveries are being stopped: each function ends at its next .await, and its delivery \
                 becomes cancelled.\n"
            );
        }
    }
    for id in refused {
        errors += &format!(
            "error: {id} cannot be stopped, because its function is not async: it runs until it returns. To \
             prevent further attempts, pause the endpoint.\n"
        );
    }
    print(text.as_bytes())?;
    end_with(&errors)
}

async fn cancel_endpoint(
    jobs: &Jobs,
    target: &StoreTarget,
    path: String,
) -> Result<CancelReport, Box<dyn Error>> {
    let cancelling = CancelTarget::Endpoint(path.clone());
    let report = jobs.cancel(cancelling).await.map_err(failed)?;
    if report == CancelReport::default() && target.attempts(&path).is_none() {
        // Deliveries of a former endpoint are in the store, and those of a mistyped one are not.
        let filter = DeliveryFilter { endpoint: Some(path.clone()), limit: 1, state: None };
        if jobs.list(filter).await.map_err(failed)?.is_empty() {
            return Err(no_endpoint(jobs, target, path));
        }
    }
    Ok(report)
}

async fn cancel_each(
    jobs: &Jobs,
    ids: &[IdPrefix],
    errors: &mut String,
) -> Result<CancelReport, Box<dyn Error>> {
    let mut total = CancelReport::default();
    for id in ids {
        let Some(id) = find(jobs, id, errors).await else { continue };
        let report = jobs.cancel(CancelTarget::One(id)).await.map_err(failed)?;
        if report == CancelReport::default() {
            let rule = "only queued and running deliveries can be cancelled";
            *errors += &not_changed(jobs, id, rule).await?;
        }
        total.cancelled += report.cancelled;
        total.stopping.extend(report.stopping);
        total.refused.extend(report.refused);
    }
    Ok(total)
}

/// Queues ended deliveries again. For each id that cannot be queued, prints why.
pub(super) async fn rerun(jobs: &Jobs, ids: &[IdPrefix]) -> Result<ExitCode, Box<dyn Error>> {
    let (mut queued, mut errors) = (0, String::new());
    for id in ids {
        let Some(id) = find(jobs, id, &mut errors).await else { continue };
        if jobs.rerun(id).await.map_err(failed)? {
            queued += 1;
        } else {
            let rule = "only deliveries that have ended can be run again";
            errors += &not_changed(jobs, id, rule).await?;
        }
    }
    if queued > 0 {
        print_queued(queued)?;
    }
    end_with(&errors)
}

/// Prints how many deliveries were queued again.
pub(super) fn print_queued(count: u64) -> io::Result<()> {
    print(format!("{} queued again.\n", counted(count)).as_bytes())
}

/// Pauses an endpoint.
pub(super) async fn pause(
    jobs: &Jobs,
    target: &StoreTarget,
    path: String,
) -> Result<ExitCode, Box<dyn Error>> {
    let text = match paused_since(jobs, &path).await.map_err(failed)? {
        Some(text) => text,
        None if jobs.pause(&path, true).await.map_err(failed)? => format!(
            "{path} is paused: its deliveries are accepted and stay queued, running ones go on. To run them: \
             deliveries resume {}\n",
            short(&path)
        ),
        None => return Err(no_endpoint(jobs, target, path)),
    };
    print(text.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

/// Resumes a paused endpoint.
pub(super) async fn resume(
    jobs: &Jobs,
    target: &StoreTarget,
    path: String,
) -> Result<ExitCode, Box<dyn Error>> {
    let was_paused = paused_since(jobs, &path).await.map_err(failed)?.is_some();
    if !jobs.pause(&path, false).await.map_err(failed)? {
        return Err(no_endpoint(jobs, target, path));
    }
    let text = if was_paused { "is resumed: its queued deliveries run" } else { "was not paused" };
    print(format!("{path} {text}.\n").as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

/// Formats since when an endpoint is paused, if it is.
async fn paused_since(jobs: &Jobs, path: &str) -> Result<Option<String>, StoreError> {
    let paused = jobs.paused().await?;
    let since = paused.into_iter().find(|(paused, _)| paused == path).map(|(_, since)| since);
    Ok(since.map(|since| format!("{}.\n", paused_text(path, since))))
}

fn no_endpoint(jobs: &Jobs, target: &StoreTarget, path: String) -> Box<dyn Error> {
    NoEndpoint { path, store: jobs.name().to_owned(), known: target.paths().join(", ") }.into()
}

/// Finds a delivery by its id, or adds an error.
pub(super) async fn find(jobs: &Jobs, id: &IdPrefix, errors: &mut String) -> Option<Uuid> {
    match id.find(jobs).await {
        Ok(id) => Some(id),
        Err(error) => {
            *errors += &format!("error: {error}\n");
            None
        }
    }
}

/// Formats the error of a delivery whose state does not allow the change.
pub(super) async fn not_changed(
    jobs: &Jobs,
    id: Uuid,
    rule: &str,
) -> Result<String, Box<dyn Error>> {
    let found = jobs.summary_of(id).await.map_err(failed)?;
    Ok(match found.map(|summary| summary.state) {
        Some(state) => format!("error: {id} is {state}, and {rule}.\n"),
        None => format!("error: {}\n", FindError::none(&id, jobs)),
    })
}

/// Prints the errors of some of the deliveries, and returns the exit code.
pub(super) fn end_with(errors: &str) -> Result<ExitCode, Box<dyn Error>> {
    let _ = io::stderr().write_all(errors.as_bytes());
    Ok(if errors.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
