//! The `webhooks` command: registers the program's webhooks on the Hub, and lists, enables, disables and deletes them.
//!
//! - `program` is what the command knows of the program: its endpoints, its public URL, its memory.
//! - `sync` makes the account agree with the program, after it has shown its `report`.
//! - `list` prints all webhooks of the account.
//! - `manage` enables, disables and deletes webhooks, and replays a delivery.
//! - `find` finds the webhook that an argument names.
//! - `dialog` prints, and asks before something is changed.

pub(super) mod dialog;
mod find;
mod list;
mod manage;
pub(super) mod program;
pub(super) mod report;
pub(super) mod sync;
#[cfg(test)]
mod tests;

use std::error::Error;
use std::process::ExitCode;

use clap::{Args, Subcommand};

use self::dialog::Dialog;
use self::program::ProgramContext;
use crate::cli::CodeSettings;
use crate::config::addresses::PublicUrl;
use crate::config::exposure::ExposureChoice;
use crate::config::settings::PartialSettings;
use crate::hub::HubError;
use crate::server::WebhooksServer;
use crate::server::output::{Stream, print_message};
use crate::text::escaped;

/// The exit code for a wrong command line, a start-up error, or a question that nobody can answer.
pub(super) const BAD_INPUT: u8 = 2;

const EXAMPLES: &str = "\
Examples:
  # Register a webhook for each endpoint with `watch`; shows the plan and asks
  my-bot webhooks sync
  my-bot webhooks sync --public-url https://hooks.example.com --yes

  # List all webhooks of the account
  my-bot webhooks list

  # Stop the webhook of an endpoint for a while
  my-bot webhooks disable trigger_training
  my-bot webhooks enable trigger_training

Webhooks of this program:
  A webhook belongs to this program if the program has registered it, or if its URL is the public
  URL and the path of an endpoint. `sync` and `remove` change no others.

Token:
  The command needs a token that may write webhooks: in HF_TOKEN, or from `hf auth login`.

Exit code:
  0  if everything is done, or there is nothing to do
  1  if the Hub refused something or was not reachable, or you answered no
  2  for a wrong command line, a start-up error such as a missing token, or without a terminal to
     ask on and without --yes";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(in crate::cli) struct Webhooks {
    #[command(subcommand)]
    command: WebhooksCommand,
}

#[derive(Debug, Subcommand)]
enum WebhooksCommand {
    /// Create and update the webhooks of this program, and enable suspended ones
    Sync(SyncArgs),
    /// List all webhooks of the account
    List {
        /// Print JSON, for scripts
        #[arg(long)]
        json: bool,
    },
    /// Enable webhooks
    Enable {
        #[command(flatten)]
        names: Names,
    },
    /// Disable webhooks
    Disable {
        #[command(flatten)]
        names: Names,
    },
    /// Let the Hub send a delivery again, to the webhook's current URL
    Replay {
        /// The webhook's id. For one of this program also its first characters, or its endpoint
        #[arg(value_name = "WEBHOOK")]
        name: String,
        /// The delivery's id in the webhook's activity log on the Hub
        log_id: String,
    },
    /// Delete webhooks of this program
    Remove {
        #[command(flatten)]
        names: Names,
        /// Don't ask
        #[arg(long)]
        yes: bool,
    },
}

#[derive(Debug, Args)]
struct SyncArgs {
    /// Don't ask
    #[arg(long, conflicts_with = "dry_run")]
    yes: bool,
    /// Only print the plan
    #[arg(long)]
    dry_run: bool,
    /// Register this public URL [default: as for the server; else the last one of a running server]
    #[arg(long, value_name = "URL", value_parser = public_url)]
    public_url: Option<PublicUrl>,
}

#[derive(Debug, Args)]
struct Names {
    /// The webhooks' ids. For webhooks of this program also the first characters of an id, or the endpoint that it
    /// calls
    #[arg(value_name = "WEBHOOK", required = true)]
    names: Vec<String>,
}

/// Why a command failed. The two kinds have an exit code each.
pub(super) enum CommandError {
    /// The command line, a setting, the token: nothing was sent.
    Setup(Box<dyn Error>),
    /// Everything else.
    Failed(Box<dyn Error>),
}

impl CommandError {
    pub(super) fn setup(error: impl Into<Box<dyn Error>>) -> Self {
        Self::Setup(error.into())
    }

    pub(super) fn failed(error: impl Into<Box<dyn Error>>) -> Self {
        Self::Failed(error.into())
    }
}

impl From<HubError> for CommandError {
    fn from(error: HubError) -> Self {
        if error.is_missing_token() { Self::setup(error) } else { Self::failed(error) }
    }
}

/// Runs the command. `flags` are those of the server, which may precede the command.
pub(super) fn run(
    webhooks: Webhooks,
    flags: PartialSettings,
    server: impl FnOnce() -> Result<WebhooksServer, Box<dyn Error>>,
) -> Result<ExitCode, Box<dyn Error>> {
    match execute(webhooks.command, flags, server) {
        Ok(code) => Ok(code),
        Err(CommandError::Failed(error)) => Err(error),
        Err(CommandError::Setup(error)) => {
            let text = format!("error: {}\n", escaped(&error.to_string()));
            print_message(Stream::Err, &text);
            Ok(BAD_INPUT.into())
        }
    }
}

fn execute(
    command: WebhooksCommand,
    mut flags: PartialSettings,
    server: impl FnOnce() -> Result<WebhooksServer, Box<dyn Error>>,
) -> Result<ExitCode, CommandError> {
    if let WebhooksCommand::Sync(SyncArgs { public_url: Some(url), .. }) = &command {
        flags.exposure.choice = Some(ExposureChoice::Url(url.as_str().to_owned()));
    }
    // The code decides about secrets, repos and the URL of a webhook, so that `sync` needs it.
    let server = match &command {
        WebhooksCommand::Sync(_) => server().map_err(CommandError::Setup)?,
        _ => CodeSettings::evaluate(server).server,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(CommandError::failed)?;
    runtime.block_on(async {
        let is_sync = matches!(command, WebhooksCommand::Sync(_));
        let program = ProgramContext::open(server, flags, is_sync).await?;
        let result = run_for(command, &program, &mut Dialog::of_terminal()).await;
        // Also after an error, so that a store finishes its pending work.
        program.close().await;
        result
    })
}

async fn run_for(
    command: WebhooksCommand,
    program: &ProgramContext,
    dialog: &mut Dialog<'_>,
) -> Result<ExitCode, CommandError> {
    match command {
        WebhooksCommand::Sync(args) => sync::sync(program, &args, dialog).await,
        WebhooksCommand::List { json } => list::list(program, json, dialog).await,
        WebhooksCommand::Enable { names } => {
            manage::switch(program, &names.names, true, dialog).await
        }
        WebhooksCommand::Disable { names } => {
            manage::switch(program, &names.names, false, dialog).await
        }
        WebhooksCommand::Replay { name, log_id } => {
            manage::replay(program, &name, &log_id, dialog).await
        }
        WebhooksCommand::Remove { names, yes } => {
            manage::remove(program, &names.names, yes, dialog).await
        }
    }
}

fn public_url(text: &str) -> Result<PublicUrl, &'static str> {
    PublicUrl::parse(text).map_err(|_| "expected an address like https://hooks.example.com")
}
