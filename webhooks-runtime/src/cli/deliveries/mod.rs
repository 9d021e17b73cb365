//! The `deliveries` command: looks at the background deliveries in a store, and decides about dead ones,
//! whether or not a server has it.
//!
//! `list` is the table of them, `show` one in full, `json` both for scripts, `id` finds one by the beginning
//! of its id, and `decide` runs deliveries again or deletes them.

mod decide;
mod id;
mod json;
mod list;
mod show;

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::error::ErrorKind;
use clap::{Args, Command, Subcommand};

use self::decide::Deleted;
use self::id::IdPrefix;
use super::{Settings, print};
use crate::WebhooksServer;
use crate::config::settings::PartialSettings;
use crate::endpoint::normalize;
use crate::jobs::{Access, Jobs, State, StoreError, StoreUrl};
use crate::server::StoreTarget;
use crate::server::output::{Stream, print_message};

const EXAMPLES: &str = "\
Examples:
  cargo run -- deliveries --state dead --endpoint trigger_training
  cargo run -- deliveries show 0198f0c2-6ad5-7b1e-9f60-3a1c5d2e7b84
  cargo run -- deliveries retry --dead
  cargo run -- deliveries purge --dead --older-than 30d
  cargo run -- deliveries purge --endpoint an_old_endpoint

A delivery is queued until it runs, and for its next attempt when one failed; then running; and in the
end done, or dead when it failed too often. They are looked for where the server keeps them that starts
with the same flags and variables, while it runs or when it doesn't. The exit code is 0 when all was
done, and 2 when something is wrong with the command line; otherwise it is 1.";

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, after_help = EXAMPLES)]
pub(super) struct Deliveries {
    #[command(flatten)]
    list: List,
    #[command(subcommand)]
    what: Option<What>,
}

/// Which are listed, and how.
#[derive(Debug, Args)]
struct List {
    /// Those in this state
    #[arg(long, value_parser = state())]
    state: Option<State>,
    /// Those of this endpoint: its path, with or without /webhooks/
    #[arg(long, value_name = "PATH", value_parser = normalize)]
    endpoint: Option<String>,
    /// At most this many, the newest first
    #[arg(long, value_name = "COUNT", default_value_t = 50)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
    /// Print them as JSON, for scripts
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    store: Store,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Show a delivery: its attempts with their errors, and its payload
    Show {
        /// The delivery's id, or its beginning
        id: IdPrefix,
        /// Print it as JSON, for scripts
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        store: Store,
    },
    /// Run dead deliveries again, with all attempts before them
    Retry {
        /// The ids of dead deliveries, or their beginnings
        #[arg(value_name = "ID", conflicts_with = "dead")]
        ids: Vec<IdPrefix>,
        /// All that are dead
        #[arg(long)]
        dead: bool,
        #[command(flatten)]
        store: Store,
    },
    /// Delete dead deliveries, and queued ones of an endpoint
    Purge {
        /// Dead ones [default with --endpoint: dead and queued ones]
        #[arg(long)]
        dead: bool,
        /// Queued ones, which then never run
        #[arg(long, requires = "endpoint")]
        queued: bool,
        /// Those of this endpoint: its path, with or without /webhooks/
        #[arg(long, value_name = "PATH", value_parser = normalize)]
        endpoint: Option<String>,
        /// Those that died, or were queued, this long ago: 30d, 12h, "1month 2days"
        #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
        #[arg(required_unless_present = "endpoint")]
        older_than: Option<Duration>,
        #[command(flatten)]
        store: Store,
    },
}

#[derive(Debug, Args)]
struct Store {
    /// The store that the server was started with [default: where the server keeps them]
    #[arg(long, value_name = "FILE|URL")]
    store: Option<String>,
}

/// Why there is nothing to look at.
#[derive(Debug, thiserror::Error)]
#[error(
    "No deliveries have been kept in {} yet. The server makes that file when it starts. If it keeps them \
     elsewhere, say where, as you told it: --store FILE, or WEBHOOKS_STORE.",
    .0.display()
)]
struct NoFile(PathBuf);

/// The program has nothing that could be listed.
#[derive(Debug, thiserror::Error)]
#[error(
    "No function of this program runs in the background, so it has no deliveries to show. \
     #[webhook_endpoint(background)] makes one that does."
)]
struct NoFunctions;

/// Nothing says which deliveries are to be run again.
#[derive(Debug, thiserror::Error)]
#[error("Name the deliveries by their ids, or run all dead ones again: deliveries retry --dead")]
struct NoIds;

/// Nothing says which deliveries are to be deleted.
#[derive(Debug, thiserror::Error)]
#[error(
    "Say which deliveries are deleted: --dead for the dead ones, --endpoint for the dead and the queued ones \
     of an endpoint"
)]
struct NoneToPurge;

impl Deliveries {
    /// The store that its flag names.
    pub(super) fn store(&self) -> Option<&str> {
        let store = match &self.what {
            None => &self.list.store,
            Some(
                What::Show { store, .. } | What::Retry { store, .. } | What::Purge { store, .. },
            ) => store,
        };
        store.store.as_deref()
    }

    /// What is wrong with the command line.
    fn check(&self) -> Result<(), Box<dyn Error>> {
        match &self.what {
            Some(What::Retry { ids, dead: false, .. }) if ids.is_empty() => Err(NoIds.into()),
            Some(What::Purge { dead: false, endpoint: None, .. }) => Err(NoneToPurge.into()),
            _ => Ok(()),
        }
    }

    /// What the command does with the store.
    fn access(&self) -> Access {
        match &self.what {
            None | Some(What::Show { .. }) => Access::Read,
            Some(What::Retry { .. } | What::Purge { .. }) => Access::Modify,
        }
    }
}

/// Why nothing is changed when the code could not be evaluated: the default store may be another one.
const UNKNOWN_STORE: &str = "The store may be set in code, so nothing was changed. \
    Name it: --store FILE or --store URL.";

fn state() -> impl TypedValueParser<Value = State> {
    PossibleValuesParser::new(State::ALL.map(State::name)).try_map(|name| name.parse::<State>())
}

/// Does what the flags say. `flags` are those of the server, which may stand in front.
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
    // The flag overrides the code, which then need not be evaluated.
    let settings = match store {
        Some(_) => Settings::of(|| Ok(WebhooksServer::new())),
        None => Settings::of(server),
    };
    let changes = matches!(deliveries.what, Some(What::Retry { .. } | What::Purge { .. }));
    if changes && settings.error.is_some() && std::env::var_os("WEBHOOKS_STORE").is_none() {
        return Err(UNKNOWN_STORE.into());
    }
    let target =
        StoreTarget::of(settings.server, PartialSettings { store, ..PartialSettings::default() })?;
    if !target.has_functions() {
        return Err(NoFunctions.into());
    }
    let access = deliveries.access();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let jobs = visit(&target.url, access).await?;
        let Deliveries { list, what } = deliveries;
        let done = match what {
            None => list::list(&jobs, &target, list).await,
            Some(What::Show { id, json, .. }) => show::show(&jobs, &target, &id, json).await,
            Some(What::Retry { ids, dead: false, .. }) => decide::retry(&jobs, &ids).await,
            Some(What::Retry { dead: true, .. }) => decide::retry_dead(&jobs).await,
            Some(What::Purge { dead, queued, endpoint, older_than, .. }) => {
                let deleted = Deleted { dead, queued, endpoint, older_than };
                decide::purge(&jobs, deleted).await
            }
        };
        // Whatever came of it: a file is brought in order then.
        jobs.close().await;
        done
    })
}

/// Opens the store. A file that isn't there is not made.
async fn visit(place: &StoreUrl, access: Access) -> Result<Jobs, Box<dyn Error>> {
    if let StoreUrl::File(file) = place
        && !file.exists()
    {
        return Err(NoFile(file.clone()).into());
    }
    Ok(Jobs::inspect(place, access, |waiting| print_message(Stream::Err, waiting)).await?)
}

/// What a store's failure is called here.
fn failed(error: StoreError) -> Box<dyn Error> {
    match error {
        StoreError::Failed(cause) => {
            format!("The store of background deliveries failed: {cause}.").into()
        }
        error => error.into(),
    }
}

/// A number of deliveries, in words.
fn counted(count: u64) -> String {
    if count == 1 { "1 delivery".to_owned() } else { format!("{count} deliveries") }
}
