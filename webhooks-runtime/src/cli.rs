//! The command line of `webhooks_main!()`.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};
use serde::Serialize;

use crate::WebhooksServer;
use crate::config::Given;
use crate::endpoint::registry::Registered;
use crate::server::{LaunchError, listing};

/// Receives webhooks of the Hugging Face Hub.
#[derive(Debug, Parser)]
struct CommandLine {
    #[command(flatten)]
    serve: Serve,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Args)]
struct Serve {
    /// Listen on this host name or address [default: 127.0.0.1, on a Space 0.0.0.0]
    #[arg(long)]
    host: Option<String>,
    /// Listen on this port; 0 takes any free one [default: the first free one of 7860-7959]
    #[arg(long)]
    port: Option<u16>,
    /// Serve requests with this many threads [default: one for each core]
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u16).range(1..=512))]
    workers: Option<u16>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List the endpoints and end
    Endpoints {
        /// Print them as JSON, for scripts
        #[arg(long)]
        json: bool,
    },
}

/// An endpoint in the output of `endpoints --json`.
#[derive(Debug, Serialize)]
struct Listed<'a> {
    path: &'a str,
    name: &'a str,
    description: &'a str,
    module: &'a str,
    file: &'a str,
    line: u32,
    secret_env: Option<&'a str>,
}

/// Reads the command line of the program of this name and version, and does what it says. Returns
/// what the program ends with.
pub(crate) fn run(
    name: &'static str,
    version: &'static str,
    server: impl FnOnce() -> WebhooksServer,
) -> Result<ExitCode, LaunchError> {
    let command_line = match parse(name, version) {
        Ok(command_line) => command_line,
        Err(error) => {
            let _ = error.print();
            // Help and the version are "errors" too, with 0.
            return Ok(u8::try_from(error.exit_code()).map_or(ExitCode::FAILURE, ExitCode::from));
        }
    };
    match command_line.command {
        None => server().launch_with(command_line.serve.into())?,
        Some(Command::Endpoints { json }) => print_endpoints(server(), json)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn parse(name: &'static str, version: &'static str) -> Result<CommandLine, clap::Error> {
    let version = format!("{version} (webhooks-runtime {})", env!("CARGO_PKG_VERSION"));
    let command = CommandLine::command().name(name).bin_name(name).version(version);
    CommandLine::from_arg_matches(&command.try_get_matches()?)
}

impl From<Serve> for Given {
    fn from(flags: Serve) -> Self {
        Self { host: flags.host, port: flags.port, workers: flags.workers.map(usize::from) }
    }
}

fn print_endpoints(server: WebhooksServer, json: bool) -> Result<(), LaunchError> {
    let endpoints = listing(server)?;
    let text = if json { as_json(&endpoints)? } else { as_text(&endpoints) };
    // Nobody need read to the end: `… endpoints | head -1`.
    match io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

fn as_json(endpoints: &[Registered]) -> io::Result<String> {
    let listed: Vec<_> = endpoints
        .iter()
        .map(|endpoint| Listed {
            path: &endpoint.path,
            name: &endpoint.name,
            description: endpoint.description,
            module: endpoint.location.module_path,
            file: endpoint.location.file,
            line: endpoint.location.line,
            secret_env: endpoint.secret_env,
        })
        .collect();
    Ok(serde_json::to_string_pretty(&listed)? + "\n")
}

/// Path and place in columns, and the description's first line below.
fn as_text(endpoints: &[Registered]) -> String {
    let width = endpoints.iter().map(|endpoint| endpoint.path.len()).max().unwrap_or_default();
    endpoints
        .iter()
        .map(|endpoint| {
            let first_line = endpoint.description.lines().next();
            let description = first_line.map_or_else(String::new, |line| format!("    {line}\n"));
            format!("{:width$}  {}\n{description}", endpoint.path, endpoint.location)
        })
        .collect()
}
