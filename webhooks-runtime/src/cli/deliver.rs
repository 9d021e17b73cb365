//! The `deliver` command: runs the functions for one delivery, without a server, as a Job of the Hub does.

use std::env;
use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

use actix_web::web::Bytes;
use clap::builder::PossibleValuesParser;
use clap::{Args, Command};

use super::body::{self, Assignment, BodyError, DeliveryBody};
use super::choose::choose;
use super::print;
use super::text::grouped;
use crate::config::settings::PartialSettings;
use crate::endpoint::registry::Route;
use crate::server::WebhooksServer;
use crate::server::output::{Stream, print_message};
use crate::server::{GivenDelivery, OneDelivery, RunOutcome, first_signal};
use crate::text::{escaped, in_one_line};

/// The variables in which a Job gets its delivery. <https://huggingface.co/docs/hub/webhooks>
const PAYLOAD_VARIABLE: &str = "WEBHOOK_PAYLOAD";
const ID_VARIABLE: &str = "WEBHOOK_ID";

/// The exit code for a wrong command line, a start-up error, or a payload that cannot be read.
const BAD_INPUT: u8 = 2;
/// The exit code for a payload of the command line that no filter matches.
const NOTHING_MATCHED: u8 = 3;

const EXAMPLES: &str = "\
Examples:
  # In a Job that a webhook starts: the Hub sets WEBHOOK_PAYLOAD
  my-bot deliver

  # On your machine: a file, or a sample
  cargo run -- deliver --file delivery.json
  cargo run -- deliver trigger_training --sample dataset-commit --set repo.name=me/data

Functions:
  Without ENDPOINT, every function runs whose filter matches, one after the other. A background
  function runs with its attempts, backoff and timeout; nothing is stored, and no secret is needed.

Output:
  A line for each function goes to standard output, the log to standard error. The exit code is
  0    if every function that ran succeeded, or no filter matches the delivery of a Job
  1    if a function failed for good
  2    for a wrong command line, a start-up error, or a payload that cannot be read
  3    if no filter matches the delivery of --file or --sample
  143  after SIGTERM, which stops the functions (130 after Ctrl+C)

Environment variables:
  WEBHOOK_PAYLOAD  The delivery, as JSON
  WEBHOOK_ID       Its id, which is the same for each retry";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Deliver {
    /// Function or path of one endpoint [default: every endpoint whose filter matches]
    endpoint: Option<String>,
    /// Take this sample
    #[arg(long, value_name = "NAME", hide_possible_values = true, help_heading = "Delivery")]
    #[arg(value_parser = PossibleValuesParser::new(body::names()))]
    sample: Option<String>,
    /// Take the JSON in this file [default: in WEBHOOK_PAYLOAD]; `-` is standard input
    #[arg(long, conflicts_with = "sample", help_heading = "Delivery")]
    file: Option<String>,
    /// Set a field, such as repo.name=me/data; repeatable
    #[arg(long, value_name = "PATH=VALUE", help_heading = "Delivery")]
    set: Vec<Assignment>,
}

/// The error of a command without a delivery.
#[derive(Debug, thiserror::Error)]
#[error(
    "There is no delivery: the variable WEBHOOK_PAYLOAD is not set, as in a Job that a webhook starts. Name a delivery \
     with --file or --sample."
)]
struct NoDelivery;

/// Runs the command. `command` formats errors about the flags.
pub(super) fn run(
    deliver: &Deliver,
    command: Command,
    flags: PartialSettings,
    server: impl FnOnce() -> Result<WebhooksServer, Box<dyn Error>>,
) -> Result<ExitCode, Box<dyn Error>> {
    match prepare_and_run(deliver, command, flags, server) {
        Err(error) if !error.is::<clap::Error>() => {
            let text = format!("error: {}\n", escaped(&error.to_string()));
            print_message(Stream::Err, &text);
            Ok(BAD_INPUT.into())
        }
        ended => ended,
    }
}

fn prepare_and_run(
    deliver: &Deliver,
    mut command: Command,
    flags: PartialSettings,
    server: impl FnOnce() -> Result<WebhooksServer, Box<dyn Error>>,
) -> Result<ExitCode, Box<dyn Error>> {
    // First: in a container, a process that listens for no signals ignores them.
    let signal = first_signal()?;
    let is_of_job = deliver.file.is_none() && deliver.sample.is_none();
    let program = OneDelivery::prepare(server()?, flags)?;
    let selected: Vec<&Route> = match deliver.endpoint.as_deref() {
        Some(name) => vec![choose(&program.endpoints, Some(name), &mut command)?],
        None => program.endpoints.iter().collect(),
    };
    let body = make_body(deliver, &program, &selected);
    let body = body.map_err(|error| match error.downcast::<BodyError>() {
        Ok(error) => error.for_command(&mut command),
        Err(error) => error,
    })?;
    let _ = writeln!(io::stderr(), "{}, {} bytes", body.name, grouped(body.bytes.len()));
    let delivery = GivenDelivery {
        body: Bytes::from(body.bytes),
        webhook_id: env::var(ID_VARIABLE).ok().filter(|_| is_of_job),
    };
    let paths: Vec<_> = selected.iter().map(|endpoint| endpoint.path.clone()).collect();
    let width = paths.iter().map(String::len).max().unwrap_or_default();
    let mut outcomes = Vec::new();
    let stopped = program.run(&paths, &delivery, signal, |path, outcome, duration| {
        let _ = print(line(path, width, outcome, duration).as_bytes());
        outcomes.push(outcome.clone());
    })?;
    if let Some(signal) = stopped {
        let path = &paths[outcomes.len().min(paths.len() - 1)];
        print_message(Stream::Err, &format!("{signal} stopped {path}.\n"));
        return Ok(signal.exit_code().into());
    }
    if outcomes.iter().all(|outcome| matches!(outcome, RunOutcome::Skipped(_))) {
        print_message(Stream::Err, "No filter matches this delivery, so no function was called.\n");
    }
    Ok(exit_code(&outcomes, is_of_job).into())
}

/// Makes the body of the delivery that the command line or the environment names.
fn make_body(
    deliver: &Deliver,
    program: &OneDelivery,
    selected: &[&Route],
) -> Result<DeliveryBody, Box<dyn Error>> {
    let assignments = &deliver.set[..];
    let body = match (&deliver.file, &deliver.sample, env::var_os(PAYLOAD_VARIABLE)) {
        (Some(file), _, _) => body::of_file(file, assignments),
        (None, Some(sample), _) => {
            // A sample is about the repo that the only endpoint watches.
            let filter = match selected {
                [endpoint] => program.filter_of(endpoint),
                _ => None,
            };
            body::of_sample(sample, filter, assignments)
        }
        (None, None, Some(payload)) => {
            body::of_bytes(PAYLOAD_VARIABLE.to_owned(), payload.into_encoded_bytes(), assignments)
        }
        (None, None, None) => return Err(NoDelivery.into()),
    };
    Ok(body?)
}

/// Formats the outcome of the delivery at an endpoint. Errors may contain text from outside.
fn line(path: &str, width: usize, outcome: &RunOutcome, duration: Duration) -> String {
    let millis = duration.as_secs_f64() * 1000.0;
    let text = match outcome {
        RunOutcome::Succeeded => format!("succeeded in {millis:.1} ms"),
        RunOutcome::Skipped(reason) => format!("skipped ({})", in_one_line(reason)),
        RunOutcome::Rejected(reason) => format!("rejected: {}", in_one_line(reason)),
        RunOutcome::Failed(None) => format!("failed after {millis:.1} ms"),
        RunOutcome::Failed(Some(error)) => {
            format!("failed after {millis:.1} ms: {}", in_one_line(error))
        }
    };
    format!("{path:width$}  {text}\n")
}

/// Returns the exit code. A failure counts more than a payload that another function could not read.
fn exit_code(outcomes: &[RunOutcome], is_of_job: bool) -> u8 {
    let any = |is: fn(&RunOutcome) -> bool| outcomes.iter().any(is);
    if any(|outcome| matches!(outcome, RunOutcome::Failed(_))) {
        1
    } else if any(|outcome| matches!(outcome, RunOutcome::Rejected(_))) {
        BAD_INPUT
    } else if any(|outcome| *outcome == RunOutcome::Succeeded) || is_of_job {
        // A Job for an event that no filter matches has nothing to do, which is no failure.
        0
    } else {
        NOTHING_MATCHED
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exit_code_depends_on_every_outcome() {
        let skipped = || RunOutcome::Skipped("on: …".to_owned());
        let rejected = || RunOutcome::Rejected("body.repo: field required".to_owned());
        let failed = || RunOutcome::Failed(None);
        for (outcomes, of_command_line, of_job) in [
            (vec![RunOutcome::Succeeded, skipped()], 0, 0),
            (vec![skipped(), skipped()], 3, 0),
            (vec![RunOutcome::Succeeded, rejected()], 2, 2),
            (vec![rejected(), failed(), RunOutcome::Succeeded], 1, 1),
        ] {
            assert_eq!(exit_code(&outcomes, false), of_command_line, "{outcomes:?}");
            assert_eq!(exit_code(&outcomes, true), of_job, "{outcomes:?}");
        }
    }
}
