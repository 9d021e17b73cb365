//! What the command knows of the program: its endpoints, its public URL, its client of the Hub, and its memory.

use super::CommandError;
use crate::config::settings::PartialSettings;
use crate::hub::{Hub, Webhook};
use crate::jobs::{Access, Jobs, StoreUrl};
use crate::registration::endpoint::WebhookEndpoint;
use crate::registration::ours::path_of_ours;
use crate::registration::remembered::{RememberedWebhooks, ServerUrl, UrlKind, import};
use crate::server::WebhooksServer;
use crate::server::hub::RegistrationTarget;
use crate::server::output::{Stream, print_message};
use crate::state::{FileState, SecretFile, SharedState};

/// The error of a user without a folder for files.
#[derive(Debug, thiserror::Error)]
#[error(
    "The command cannot remember which webhooks belong to this program, because this user has no home folder. Set \
     XDG_STATE_HOME to a folder."
)]
pub(in crate::cli) struct NoFolder;

/// The program, and the account of its token.
pub(in crate::cli) struct ProgramContext {
    pub(in crate::cli) hub: Hub,
    pub(in crate::cli) state: Box<dyn SharedState>,
    /// The store that holds the state, if the program has one.
    pub(in crate::cli) store: Option<Jobs>,
    /// All endpoints, also those without `watch`.
    pub(in crate::cli) endpoints: Vec<WebhookEndpoint>,
    /// The name of each function, and its endpoint's path.
    pub(in crate::cli) names: Vec<(String, String)>,
    pub(in crate::cli) public_url: Option<ServerUrl>,
    pub(in crate::cli) on_space: bool,
    pub(in crate::cli) secret_file: Option<SecretFile>,
}

impl ProgramContext {
    /// Resolves the settings, and opens the state that a server with the same settings has. `is_sync` is whether all
    /// settings must be valid, and the state may change.
    pub(super) async fn open(
        server: WebhooksServer,
        flags: PartialSettings,
        is_sync: bool,
    ) -> Result<Self, CommandError> {
        let mut target = RegistrationTarget::of(server, flags).map_err(CommandError::setup)?;
        if is_sync {
            target.check().map_err(CommandError::setup)?;
        }
        let hub = target.hub.map_err(CommandError::setup)?;
        let (state, store) = open_state(target.store, target.file).await?;
        let public_url = match target.public_url {
            Some(url) => Some(ServerUrl { url, kind: UrlKind::Fixed }),
            None => ServerUrl::load(&*state).await.map_err(CommandError::failed)?,
        };
        Ok(Self {
            hub,
            state,
            store,
            endpoints: target.endpoints,
            names: target.names,
            public_url,
            on_space: target.on_space,
            secret_file: target.secret_file,
        })
    }

    /// Closes the store, if there is one.
    pub(super) async fn close(&self) {
        if let Some(store) = &self.store {
            store.close().await;
        }
    }

    /// Returns the path of the endpoint that a webhook of this program is for.
    pub(super) fn path_of(
        &self,
        webhook: &Webhook,
        remembered: &RememberedWebhooks,
    ) -> Option<String> {
        let url = self.public_url.as_ref().map(|url| &url.url);
        path_of_ours(webhook, &self.endpoints, url, remembered)
    }

    /// Returns the path of the endpoint whose function has this name, if it is the only one.
    pub(super) fn path_named(&self, name: &str) -> Option<String> {
        let mut named = self.names.iter().filter(|(function, _)| function == name);
        let (_, path) = named.next()?;
        named.next().is_none().then(|| path.clone())
    }
}

/// Opens the state of the server: in its store of background deliveries, or in a file if it has none. A store that does
/// not exist yet is not created. One that is new takes over what is in the file.
async fn open_state(
    store: Option<StoreUrl>,
    file: Option<FileState>,
) -> Result<(Box<dyn SharedState>, Option<Jobs>), CommandError> {
    let exists = |store: &StoreUrl| match store {
        StoreUrl::File(file) => file.exists(),
        StoreUrl::Postgres { .. } => true,
    };
    if let Some(store) = store.filter(exists) {
        let report = |waiting: &str| print_message(Stream::Err, waiting);
        let jobs = Jobs::inspect(&store, Access::Modify, report).await;
        let jobs = jobs.map_err(CommandError::failed)?;
        if let Some(file) = &file {
            import(file, &jobs).await.map_err(CommandError::failed)?;
        }
        return Ok((Box::new(jobs.clone()), Some(jobs)));
    }
    let file = file.ok_or_else(|| CommandError::setup(NoFolder))?;
    Ok((Box::new(file), None))
}
