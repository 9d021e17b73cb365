//! The `deliveries` command: lists, shows and changes the background deliveries of a store, whether or not a server is
//! using the store.
//!
//! - `list` prints the table of deliveries.
//! - `show` prints one delivery in full.
//! - `json` formats both as JSON.
//! - `logs` prints what a function logged.
//! - `modify` retries and deletes deliveries.
//! - `control` cancels deliveries, runs them again, and pauses endpoints.
//! - `id` finds a delivery by the first digits of its id.
//! - `errors` defines the errors.

mod control;
mod errors;
#[cfg(fuzzing)]
pub(super) mod fuzzing;
mod id;
mod json;
mod list;
mod logs;
mod modify;
mod show;

use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::error::ErrorKind;
use clap::{Args, Command, Subcommand};

use self::control::{CancelArgs, EndpointArgs, RerunArgs};
use self::errors::{NoBackgroundEndpoint, NoSelection, NoStore, UNKNOWN_STORE};
use self::id::IdPrefix;
use self::logs::LogsArgs;
use self::modify::PurgeSelection;
use super::{CodeSettings, print};
use crate::config::settings::PartialSettings;
use crate::endpoint::normalize;
use crate::jobs::{Access, Jobs, State, StoreUrl};
use crate::server::StoreTarget;
use crate::server::WebhooksServer;
use crate::server::output::{Stream, print_message};

const EXAMPLES: &str = "\
Examples:
  cargo run -- deliveries --state dead --endpoint trigger_training
  cargo run -- deliveries show 0198f0c2-6ad5-7b1e-9f60-3a1c5d2e7b84
  cargo run -- deliveries logs 0198f0c2 --follow
  cargo run -- deliveries retry --dead
  cargo run -- deliveries cancel --endpoint trigger_training
  cargo run -- deliveries pause trigger_training
  cargo run -- deliveries purge --dead --older-than 30d
  cargo run -- deliveries purge --endpoint an_old_endpoint

States:
  queued      waits for its first attempt, or for a retry
  running     an attempt is running
  done        an attempt succeeded
  dead        every attempt failed, or retrying cannot help
  superseded  a newer delivery of its key replaced it
  cancelled   deliveries cancel stopped it

Store:
  The command uses the store of a server that starts with the same flags and environment variables,
  whether or not that server is running.

Exit code:
  0 for success, 2 for a wrong command line, and 1 otherwise.";

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, after_help = EXAMPLES)]
pub(super) struct Deliveries {
    #[command(flatten)]
    list: ListArgs,
    #[command(subcommand)]
    command: Option<DeliveriesCommand>,
}

/// Which deliveries to list, and how.
#[derive(Debug, Args)]
struct ListArgs {
    /// Only deliveries in this state
    #[arg(long, value_parser = state())]
    state: Option<State>,
    /// Only deliveries of this endpoint: its path, with or without /webhooks/
    #[arg(long, value_name = "PATH", value_parser = normalize)]
    endpoint: Option<String>,
    /// At most this many, newest first
    #[arg(long, value_name = "COUNT", default_value_t = 50)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
    /// Print JSON, for scripts
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    store: StoreArgs,
}

#[derive(Debug, Subcommand)]
enum DeliveriesCommand {
    /// Show a delivery: its attempts with their errors, and its payload
    Show {
        /// The id of the delivery, or its first digits
        id: IdPrefix,
        /// Print JSON, for scripts
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        store: StoreArgs,
    },
    /// Print what the function logged during the attempts of a delivery
    Logs(LogsArgs),
    /// Queue dead deliveries again, with all their attempts
    Retry {
        /// The ids of dead deliveries, or their first digits
        #[arg(value_name = "ID", conflicts_with = "dead")]
        ids: Vec<IdPrefix>,
        /// Retry all dead deliveries
        #[arg(long)]
        dead: bool,
        #[command(flatten)]
        store: StoreArgs,
    },
    /// Queue deliveries again that have ended in any state, with all their attempts
    Rerun(RerunArgs),
    /// Cancel queued deliveries, and stop running ones
    Cancel(CancelArgs),
    /// Pause an endpoint: its deliveries are accepted and stay queued
    Pause(EndpointArgs),
    /// Resume a paused endpoint
    Resume(EndpointArgs),
    /// Delete dead deliveries, or queued deliveries of an endpoint
    Purge {
        /// Delete dead deliveries [default with --endpoint: dead and queued ones]
        #[arg(long)]
        dead: bool,
        /// Delete queued deliveries, which then never run
        #[arg(long, requires = "endpoint")]
        queued: bool,
        /// Only deliveries of this endpoint: its path, with or without /webhooks/
        #[arg(long, value_name = "PATH", value_parser = normalize)]
        endpoint: Option<String>,
        /// Only deliveries that died, or were queued, at least this long ago: 30d, 12h, "1month 2days"
        #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
        #[arg(required_unless_present = "endpoint")]
        older_than: Option<Duration>,
        #[command(flatten)]
        store: StoreArgs,
    },
}

#[derive(Debug, Args)]
struct StoreArgs {
    /// The store that the server uses [default: as for the server]
    #[arg(long, value_name = "FILE|URL")]
    store: Option<String>,
}

impl Deliveries {
    /// Returns the store that the flag names.
    pub(super) fn store(&self) -> Option<&str> {
        let store = match &self.command {
            None => &self.list.store,
            Some(
                DeliveriesCommand::Show { store, .. }
                | DeliveriesCommand::Logs(LogsArgs { store, .. })
                | DeliveriesCommand::Retry { store, .. }
                | DeliveriesCommand::Rerun(RerunArgs { store, .. })
                | DeliveriesCommand::Cancel(CancelArgs { store, .. })
                | DeliveriesCommand::Pause(EndpointArgs { store, .. })
                | DeliveriesCommand::Resume(EndpointArgs { store, .. })
                | DeliveriesCommand::Purge { store, .. },
            ) => store,
        };
        store.store.as_deref()
    }

    /// Checks what clap cannot check.
    fn check(&self) -> Result<(), NoSelection> {
        match &self.command {
            Some(DeliveriesCommand::Retry { ids, dead: false, .. }) if ids.is_empty() => {
                Err(NoSelection::Retry)
            }
            Some(DeliveriesCommand::Cancel(CancelArgs { ids, endpoint: None, .. }))
                if ids.is_empty() =>
            {
                Err(NoSelection::Cancel)
            }
            Some(DeliveriesCommand::Purge { dead: false, endpoint: None, .. }) => {
                Err(NoSelection::Purge)
            }
            _ => Ok(()),
        }
    }

    /// Returns the access to the store that the command needs.
    fn access(&self) -> Access {
        match &self.command {
            None | Some(DeliveriesCommand::Show { .. } | DeliveriesCommand::Logs(_)) => {
                Access::Read
            }
            Some(_) => Access::Modify,
        }
    }
}

fn state() -> impl TypedValueParser<Value = State> {
    PossibleValuesParser::new(State::ALL.map(State::name)).try_map(|name| name.parse::<State>())
}

/// Runs the command. `flags` are those of the server, which may precede the command.
pub(super) fn run(
    deliveries: Deliveries,
    mut command: Command,
    flags: PartialSettings,
    server: impl FnOnce() -> Result<WebhooksServer, Box<dyn Error>>,
) -> Result<ExitCode, Box<dyn Error>> {
    if let Err(error) = deliveries.check() {
        return Err(command.error(ErrorKind::MissingRequiredArgument, error).into());
    }
    let store = deliveries.store().map(str::to_owned).or(flags.store);
    // The flag overrides the code, so the code need not be evaluated.
    let settings = match store {
        Some(_) => CodeSettings::evaluate(|| Ok(WebhooksServer::new())),
        None => CodeSettings::evaluate(server),
    };
    let access = deliveries.access();
    let modifies = access == Access::Modify;
    if modifies && settings.error.is_some() && std::env::var_os("WEBHOOKS_STORE").is_none() {
        return Err(UNKNOWN_STORE.into());
    }
    let target =
        StoreTarget::of(settings.server, PartialSettings { store, ..PartialSettings::default() })?;
    if !target.has_functions() {
        return Err(NoBackgroundEndpoint.into());
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let jobs = open_store(&target.url, access).await?;
        let Deliveries { list, command } = deliveries;
        let result = match command {
            None => list::list(&jobs, &target, list).await,
            Some(DeliveriesCommand::Show { id, json, .. }) => {
                show::show(&jobs, &target, &id, json).await
            }
            Some(DeliveriesCommand::Logs(args)) => logs::logs(&jobs, &args).await,
            Some(DeliveriesCommand::Retry { ids, dead: false, .. }) => {
                modify::retry(&jobs, &ids).await
            }
            Some(DeliveriesCommand::Retry { dead: true, .. }) => modify::retry_dead(&jobs).await,
            Some(DeliveriesCommand::Rerun(args)) => control::rerun(&jobs, &args.ids).await,
            Some(DeliveriesCommand::Cancel(args)) => control::cancel(&jobs, &target, args).await,
            Some(DeliveriesCommand::Pause(args)) => {
                control::pause(&jobs, &target, args.endpoint).await
            }
            Some(DeliveriesCommand::Resume(args)) => {
                control::resume(&jobs, &target, args.endpoint).await
            }
            Some(DeliveriesCommand::Purge { dead, queued, endpoint, older_than, .. }) => {
                let selection = PurgeSelection { dead, queued, endpoint, older_than };
                modify::purge(&jobs, selection).await
            }
        };
        // Also after an error, so that the store finishes its pending work.
        jobs.close().await;
        result
    })
}

/// Opens the store. Does not create a file that does not exist.
async fn open_store(place: &StoreUrl, access: Access) -> Result<Jobs, Box<dyn Error>> {
    if let StoreUrl::File(file) = place
        && !file.exists()
    {
        return Err(NoStore(file.clone()).into());
    }
    Ok(Jobs::inspect(place, access, |waiting| print_message(Stream::Err, waiting)).await?)
}

/// Formats a number of deliveries.
fn counted(count: u64) -> String {
    if count == 1 { "1 delivery".to_owned() } else { format!("{count} deliveries") }
}
