//! The `trigger` command: sends a delivery to an endpoint of a running server, as the Hub would.
//!
//! - `target` finds the endpoint's URL.
//! - `send` sends the request.
//! - `report` prints the request and the response.

mod report;
mod send;
mod target;

use std::error::Error;
use std::process::ExitCode;

use clap::builder::PossibleValuesParser;
use clap::{Args, Command};

use self::send::Recipient;
use super::body::{self, Assignment};
use super::choose::choose;
use super::print;
use crate::config::addresses::PublicUrl;
use crate::config::settings::PartialSettings;
use crate::server::Recipients;
use crate::server::WebhooksServer;

const EXAMPLES: &str = "\
Examples:
  # Send the default sample to the only endpoint
  cargo run -- trigger

  # Choose the endpoint and set fields
  cargo run -- trigger trigger_training --set repo.name=me/data --set repo.private=true

  # Choose the sample
  cargo run -- trigger trigger_training --sample tag-deleted --set updatedRefs.0.ref=refs/tags/v2

  # Send a file to a deployed server
  cargo run -- trigger trigger_training --file delivery.json --url https://me-bot.hf.space

Fields:
  A path uses the names of the Hub or of Rust: repo.headSha, repo.head_sha, updatedRefs.0.ref.
  A value is JSON (true, 7, null, [\"a\"]) or text. Setting repo.name also changes the repo's URLs.
  Unknown fields are rejected for samples and added to files.

Output:
  The response goes to standard output, everything else to standard error. The exit code is 0 for a
  2xx response, 2 for a wrong command line, and 1 otherwise.

Environment variables:
  WEBHOOK_SECRET  The secret to send, unless the code sets one";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Trigger {
    /// Function or path of the endpoint; optional if there is only one
    endpoint: Option<String>,
    /// List the samples
    #[arg(long, exclusive = true)]
    list: bool,
    /// Send this sample [default: one that matches the endpoint, or its example]
    #[arg(long, value_name = "NAME", hide_possible_values = true, help_heading = "Delivery")]
    #[arg(value_parser = PossibleValuesParser::new(body::names()))]
    sample: Option<String>,
    /// Send the JSON in this file unchanged; `-` is standard input
    #[arg(long, conflicts_with = "sample", help_heading = "Delivery")]
    file: Option<String>,
    /// Set a field, such as repo.name=me/data; repeatable
    #[arg(long, value_name = "PATH=VALUE", help_heading = "Delivery")]
    set: Vec<Assignment>,
    /// Send to the server or endpoint at this URL [default: the local server]
    #[arg(long, value_name = "URL", value_parser = url, conflicts_with_all = ["host", "port"])]
    #[arg(help_heading = "Server")]
    url: Option<PublicUrl>,
    /// Host that the server was started with
    #[arg(long, help_heading = "Server")]
    host: Option<String>,
    /// Port that the server was started with [default: found among 7860-7959]
    #[arg(long, help_heading = "Server")]
    port: Option<u16>,
}

/// Runs the command. `command` formats errors about the flags, and `flags` are those of the server, which may
/// precede the command.
pub(super) fn run(
    trigger: Trigger,
    mut command: Command,
    flags: PartialSettings,
    server: impl FnOnce() -> WebhooksServer,
) -> Result<ExitCode, Box<dyn Error>> {
    if trigger.list {
        print(body::list().as_bytes())?;
        return Ok(ExitCode::SUCCESS);
    }
    let settings = PartialSettings {
        host: trigger.host.or(flags.host),
        port: trigger.port.or(flags.port),
        ..PartialSettings::default()
    };
    let recipients = Recipients::of(server(), settings)?;
    let endpoint = choose(&recipients.endpoints, trigger.endpoint.as_deref(), &mut command)?;
    let filter = recipients.filter_of(endpoint);
    let body = match (&trigger.file, &trigger.sample) {
        (Some(file), _) => body::of_file(file, &trigger.set),
        (None, Some(sample)) => body::of_sample(sample, filter, &trigger.set),
        (None, None) => body::of_endpoint(&endpoint.body, filter, &trigger.set),
    };
    let body = body.map_err(|error| error.for_command(&mut command))?;
    let url = match &trigger.url {
        Some(base) => target::join(base, &endpoint.path),
        None => target::local_url(&recipients.host(), recipients.ports(), &endpoint.path)?,
    };
    let recipient = Recipient::at(&url)?;
    report::print_request(&url, &body.name, body.bytes.len(), recipient.proxy());
    let response = recipient.post(recipients.secret_of(endpoint), &body.bytes)?;
    let is_filtered = filter.is_some();
    report::print_response(&response, is_filtered, recipients.secret_variable(endpoint))?;
    Ok(if response.status.is_success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn url(text: &str) -> Result<PublicUrl, &'static str> {
    PublicUrl::parse(text)
        .map_err(|_| "expected a URL like https://me-bot.hf.space or http://127.0.0.1:8000")
}
