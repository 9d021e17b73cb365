//! The `trigger` command: sends a delivery to an endpoint of a server that runs, as the Hub would.
//!
//! `body` is what is sent, with what `set` changes in it, where a field goes by either of its `names`.
//! `target` is whom it goes to, `send` sends it, and `report` tells what became of it.

mod body;
mod names;
mod report;
mod send;
mod set;
mod target;

use std::error::Error;
use std::ffi::OsStr;
use std::process::ExitCode;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::error::ErrorKind;
use clap::{Args, Command};

use self::body::BodyError;
use self::set::Assignment;
use super::print;
use crate::WebhooksServer;
use crate::addresses::PublicUrl;
use crate::config::Given;
use crate::endpoint::registry::Registered;
use crate::server::Recipients;

const EXAMPLES: &str = "\
Examples:
  cargo run -- trigger
  cargo run -- trigger trigger_training --set repo.name=me/data --set repo.private=true
  cargo run -- trigger trigger_training --sample tag-deleted --set updatedRefs.0.ref=refs/tags/v2
  cargo run -- trigger trigger_training --file delivery.json --url https://me-bot.hf.space

The secret that goes along is the one that the server asks for: that of the code, or else of the
variable WEBHOOK_SECRET. The answer goes to standard output, all else to standard error. The exit
code is 0 when the answer was a success, 2xx, and 2 when something is wrong with the command line;
otherwise it is 1.";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Trigger {
    /// The endpoint: its function's name, or its path. Where there is only one it can be left out
    endpoint: Option<String>,
    /// Send this sample, one of those that --list shows [default: dataset-commit, or an example of
    /// what the endpoint takes instead of the Hub's payload]
    #[arg(long, value_name = "NAME", hide_possible_values = true)]
    #[arg(value_parser = PossibleValuesParser::new(body::names()))]
    sample: Option<String>,
    /// Send the JSON in this file as it stands there; `-` is standard input
    #[arg(long, conflicts_with = "sample")]
    file: Option<String>,
    /// Set a field before it is sent, as often as need be: repo.name=me/data, repo.headSha or
    /// repo.head_sha, updatedRefs.0.ref. The value is JSON (true, 7, null, ["a"]) or else text,
    /// and what replaces a text is text. With a new repo.name come the addresses that follow
    /// from it. What no payload of the Hub has is refused in a sample, and added to a file
    #[arg(long, value_name = "PATH=VALUE", verbatim_doc_comment)]
    set: Vec<Assignment>,
    /// Send it to this address, of a server or of the endpoint itself [default: the server on this
    /// machine]
    #[arg(long, value_name = "URL", value_parser = url, conflicts_with_all = ["host", "port"])]
    url: Option<PublicUrl>,
    /// The host that the server was started with
    #[arg(long)]
    host: Option<String>,
    /// The port that the server was started with [default: found among 7860-7959]
    #[arg(long)]
    port: Option<u16>,
    /// List the samples and end
    #[arg(long, exclusive = true)]
    list: bool,
}

/// Does what the flags say. `command` is this one's, for what it says about wrong flags, and `flags`
/// are those of the server, which may stand in front.
pub(super) fn run(
    trigger: Trigger,
    mut command: Command,
    flags: Given,
    server: impl FnOnce() -> WebhooksServer,
) -> Result<ExitCode, Box<dyn Error>> {
    if trigger.list {
        print(body::list().as_bytes())?;
        return Ok(ExitCode::SUCCESS);
    }
    let given = Given {
        host: trigger.host.or(flags.host),
        port: trigger.port.or(flags.port),
        ..Given::default()
    };
    let recipients = Recipients::of(server(), given)?;
    let endpoint = choose(&recipients.endpoints, trigger.endpoint.as_deref(), &mut command)?;
    let body = match (&trigger.file, &trigger.sample) {
        (Some(file), _) => body::of_file(file, &trigger.set),
        (None, Some(sample)) => body::of_sample(sample, &trigger.set),
        (None, None) => body::of_endpoint(&endpoint.takes, &trigger.set),
    };
    let body = body.map_err(|error| match error {
        BodyError::Set(error) => command.error(ErrorKind::ValueValidation, error).into(),
        error => Box::<dyn Error>::from(error),
    })?;
    let url = match &trigger.url {
        Some(base) => target::below(base, &endpoint.path),
        None => target::local(&recipients.host(), recipients.ports(), &endpoint.path)?,
    };
    report::announce(&url, &body.name, body.bytes.len());
    let answer = send::post(&url, recipients.secret_of(endpoint), &body.bytes)?;
    report::show(&answer, recipients.secret_variable(endpoint))?;
    Ok(if answer.status.is_success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The endpoint that was asked for, or the only one.
fn choose<'a>(
    endpoints: &'a [Registered],
    given: Option<&str>,
    command: &mut Command,
) -> Result<&'a Registered, clap::Error> {
    let spellings = target::spellings(endpoints);
    let meant =
        given.map_or_else(|| endpoints.iter().collect(), |given| target::meant(endpoints, given));
    if let [endpoint] = meant[..] {
        return Ok(endpoint);
    }
    if let Some(given) = given.filter(|_| meant.is_empty()) {
        let argument = command.get_arguments().find(|argument| argument.get_id() == "endpoint");
        let possible = PossibleValuesParser::new(spellings.clone());
        // None of them is it: this is for what clap says then.
        possible.parse_ref(command, argument, OsStr::new(given))?;
    }
    let text = format!("Which endpoint? Name one of these: {}", spellings.join(", "));
    Err(command.error(ErrorKind::MissingRequiredArgument, text))
}

fn url(text: &str) -> Result<PublicUrl, &'static str> {
    PublicUrl::parse(text)
        .map_err(|_| "it is no address like https://me-bot.hf.space or http://127.0.0.1:8000")
}
