//! The command line of `webhooks_main!()`: the flags of the server and the commands beside it.
//!
//! - `deliver`, `deliveries`, `endpoints` and `trigger` are commands
//! - `hub_command` is the commands that need the Hub's API: `deploy`, `doctor` and `webhooks`
//! - `dotenv` reads `.env` before any of them
//! - `body` makes a delivery for a command, `choose` finds the endpoint that one names
//! - `text` formats what terminals are shown

mod body;
mod choose;
mod deliver;
mod deliveries;
mod dotenv;
mod endpoints;
#[cfg(feature = "hub")]
mod hub_command;
mod text;
mod trigger;

use std::error::Error;
use std::io::{self, Write};
use std::panic::{self, AssertUnwindSafe};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::error::ErrorKind;
use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};
use clap_complete::Shell;

use crate::config::alert_url::AlertUrl;
use crate::config::exposure::{ExposureChoice, PartialExposure};
use crate::config::log_format::LogFormat;
use crate::config::metrics::PartialMetrics;
use crate::config::settings::PartialSettings;
use crate::config::table;
use crate::jobs::StoreUrl;
use crate::server::WebhooksServer;
use crate::text::in_one_line;
#[cfg(fuzzing)]
pub use body::fuzzing::{set_in_json, set_in_sample};
#[cfg(fuzzing)]
pub(crate) use deliveries::fuzzing::print_delivery;

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
    #[arg(long)]
    host: Option<String>,
    #[arg(long)]
    port: Option<u16>,
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u16).range(1..=512))]
    workers: Option<u16>,
    #[cfg_attr(feature = "background", arg(long, value_name = "FILE|URL"))]
    #[cfg_attr(not(feature = "background"), arg(skip))]
    store: Option<String>,
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
    #[arg(long, value_name = "FORMAT", value_parser = log_format())]
    log_format: Option<LogFormat>,
    #[arg(long)]
    metrics: bool,
    #[arg(long, value_name = "PORT")]
    metrics_port: Option<u16>,
    #[arg(long, value_name = "URL")]
    alert_url: Option<AlertUrl>,
    #[cfg_attr(feature = "hub", command(flatten))]
    #[cfg_attr(not(feature = "hub"), arg(skip))]
    hub: HubFlags,
    #[cfg_attr(feature = "share", command(flatten))]
    #[cfg_attr(not(feature = "share"), arg(skip))]
    share: Share,
}

/// Parses a format of log lines, with the formats in the text of the error.
fn log_format() -> impl TypedValueParser<Value = LogFormat> {
    PossibleValuesParser::new(["text", "json"]).try_map(|format| format.parse::<LogFormat>())
}

/// What the server does on the Hub by itself.
#[derive(Debug, Default, Args)]
struct HubFlags {
    #[arg(long)]
    register: bool,
    #[arg(long, value_name = "TIME", num_args = 0..=1, require_equals = true, default_missing_value = "1h")]
    reconcile: Option<String>,
}

/// The share link.
#[derive(Debug, Default, Args)]
struct Share {
    #[arg(long, conflicts_with_all = ["no_share", "public_url"])]
    share: bool,
    #[arg(long, conflicts_with_all = ["public_url", "new_share_url", "share_server"])]
    no_share: bool,
    #[arg(long, conflicts_with = "public_url")]
    new_share_url: bool,
    #[arg(long, value_name = "HOST:PORT", conflicts_with = "public_url")]
    share_server: Option<String>,
    #[arg(long, value_name = "FILE", conflicts_with_all = ["no_share", "public_url"])]
    share_server_certificate: Option<PathBuf>,
}

/// The width at which help is wrapped in a wider terminal, in characters.
const MAX_WIDTH: usize = 100;

#[derive(Debug, Subcommand)]
enum Command {
    /// List the endpoints
    Endpoints {
        /// Print JSON, for scripts
        #[arg(long)]
        json: bool,
    },
    /// Run the functions for one delivery, without a server
    Deliver(deliver::Deliver),
    /// List, show, cancel, run again or delete background deliveries
    #[cfg_attr(not(feature = "background"), command(skip))]
    Deliveries(deliveries::Deliveries),
    /// Send a sample delivery to an endpoint
    Trigger(trigger::Trigger),
    #[cfg(feature = "hub")]
    #[command(flatten)]
    Hub(hub_command::HubCommand),
    /// Print a completion script for a shell
    Completions {
        /// The shell to complete commands in
        shell: Shell,
    },
}

/// Parses the command line of the program with this name and version, and executes it. Returns the exit code.
pub(crate) fn run(
    name: &'static str,
    version: &'static str,
    server: impl FnOnce() -> Result<WebhooksServer, Box<dyn Error>>,
) -> Result<ExitCode, Box<dyn Error>> {
    execute(command(name, version), server).or_else(|error| match error.downcast::<clap::Error>() {
        Ok(error) => {
            let _ = error.print();
            // Help and the version are "errors" with exit code 0.
            Ok(u8::try_from(error.exit_code()).map_or(ExitCode::FAILURE, ExitCode::from))
        }
        Err(error) => Err(error),
    })
}

fn command(name: &'static str, version: &'static str) -> clap::Command {
    let version = format!("{version} (webhooks-runtime {})", env!("CARGO_PKG_VERSION"));
    let command = CommandLine::command().name(name).bin_name(name).version(version);
    let command = command.mut_args(|arg| {
        let Some(flag) = arg.get_long().map(|long| format!("--{long}")) else { return arg };
        // A flag that this build lacks is an error that names the Cargo feature, and is not offered.
        let arg = if table::is_compiled(&flag) { arg } else { arg.hide(true) };
        if let Some(help) = table::flag_help(&flag) { arg.help(help) } else { arg }
    });
    command.max_term_width(MAX_WIDTH).after_help(table::variables_help())
}

fn execute(
    mut command: clap::Command,
    server: impl FnOnce() -> Result<WebhooksServer, Box<dyn Error>>,
) -> Result<ExitCode, Box<dyn Error>> {
    let matches = command.try_get_matches_from_mut(std::env::args_os())?;
    let command_line = CommandLine::from_arg_matches(&matches)?;
    // Checked first, and not by clap, whose error would show the value: it can contain a password.
    if let Some(Err(error)) = command_line.store().map(StoreUrl::parse) {
        return Err(command.error(ErrorKind::ValueValidation, error).into());
    }
    // A script that is sourced in every shell needs no variables.
    if !matches!(command_line.command, Some(Command::Completions { .. })) {
        dotenv::load()?;
    }
    let flags = command_line.serve.into();
    match command_line.command {
        None => server()?.launch_with(flags)?,
        Some(Command::Endpoints { json }) => {
            endpoints::run(CodeSettings::evaluate(server).server, json)?;
        }
        Some(Command::Deliver(deliver)) => {
            let command = command.find_subcommand("deliver").cloned().unwrap_or(command);
            return deliver::run(&deliver, command, flags, server);
        }
        Some(Command::Deliveries(deliveries)) => {
            let command = command.find_subcommand("deliveries").cloned().unwrap_or(command);
            return deliveries::run(deliveries, command, flags, server);
        }
        Some(Command::Trigger(trigger)) => {
            let command = command.find_subcommand("trigger").cloned().unwrap_or(command);
            return trigger::run(trigger, command, flags, || CodeSettings::evaluate(server).server);
        }
        #[cfg(feature = "hub")]
        Some(Command::Hub(hub)) => return hub.run(command.get_name(), flags, server),
        Some(Command::Completions { shell }) => {
            let name = command.get_name().to_owned();
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut command, name, &mut script);
            print(&script)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

impl CommandLine {
    /// Returns the store that the flags name.
    fn store(&self) -> Option<&str> {
        let of_command = match &self.command {
            Some(Command::Deliveries(deliveries)) => deliveries.store(),
            _ => None,
        };
        of_command.or(self.serve.store.as_deref())
    }
}

/// The settings in the program's code, for a command that does not start the server.
///
/// The expression in `webhooks_main!(…)` often fails in a terminal, for example because a token is missing that
/// only the deployed program has. Commands such as `deliveries` work all the same: they use the endpoints of the
/// program, the flags and the environment.
struct CodeSettings {
    server: WebhooksServer,
    /// Why the expression failed, so that `server` lacks the settings in code.
    error: Option<Box<dyn Error>>,
}

impl CodeSettings {
    /// Evaluates the expression. If it fails or panics, prints a warning and continues without it.
    fn evaluate(server: impl FnOnce() -> Result<WebhooksServer, Box<dyn Error>>) -> Self {
        // Unwind safe: a server whose setup panicked is dropped.
        let result = panic::catch_unwind(AssertUnwindSafe(server));
        let result = result.unwrap_or_else(|_| Err("it panicked".into()));
        let error = match result {
            Ok(server) => return Self { server, error: None },
            Err(error) => error,
        };
        let _ = writeln!(
            io::stderr(),
            "Warning: the settings in this program's code are ignored, because the expression in \
             webhooks_main!(…) failed: {}. Only flags and environment variables are used.",
            in_one_line(&error.to_string())
        );
        Self { server: WebhooksServer::new(), error: Some(error) }
    }
}

impl From<Serve> for PartialSettings {
    fn from(flags: Serve) -> Self {
        let mut exposure = PartialExposure::from(flags.share);
        if let Some(url) = flags.public_url {
            exposure.choice = Some(ExposureChoice::Url(url));
        }
        let workers = flags.workers.map(usize::from);
        let register = flags.hub.register.then_some(true);
        Self {
            host: flags.host,
            port: flags.port,
            workers,
            store: flags.store,
            register,
            reconcile: flags.hub.reconcile,
            log_format: flags.log_format,
            metrics: PartialMetrics { on: flags.metrics.then_some(true), port: flags.metrics_port },
            alert_url: flags.alert_url,
            exposure,
        }
    }
}

impl From<Share> for PartialExposure {
    fn from(flags: Share) -> Self {
        // The other two flags imply --share.
        let share = flags.share || flags.share_server.is_some() || flags.new_share_url;
        Self {
            choice: (share || flags.no_share).then_some(ExposureChoice::Share(share)),
            server: flags.share_server,
            certificate: flags.share_server_certificate,
            tunnel: false,
            renew: flags.new_share_url,
        }
    }
}

/// Writes to standard output. A reader that stops reading is no error: `… endpoints | head -1`.
fn print(text: &[u8]) -> io::Result<()> {
    let mut stdout = io::stdout();
    match stdout.write_all(text).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error),
        _ => Ok(()),
    }
}
