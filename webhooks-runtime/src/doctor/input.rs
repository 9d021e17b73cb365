//! Collects what the checks know of the program: its settings, like those of a server with the same flags and variables,
//! and what it remembers.

use super::finding::{Diagnosis, Finding};
use crate::config::environment::Environment;
use crate::config::settings::PartialSettings;
use crate::http::probe::program_version;
use crate::hub::Hub;
use crate::jobs::{Access, Jobs, StoreError, StoreUrl};
use crate::registration::endpoint::WebhookEndpoint;
use crate::registration::remembered::{ServerUrl, UrlKind};
use crate::server::hub::RegistrationTarget;
use crate::server::output::{Stream, print_message};
use crate::server::{LaunchError, WebhooksServer};
use crate::state::{FileState, MemoryState, SharedState};

/// What the checks know of the program.
pub(crate) struct DoctorInput {
    /// The words that commands begin with: `cargo run --`.
    pub(super) program: String,
    pub(super) version: String,
    /// The client of the Hub, or the reason why there is none.
    pub(super) hub: Result<Hub, String>,
    /// All endpoints, also those without `watch`.
    pub(super) endpoints: Vec<WebhookEndpoint>,
    pub(super) public_url: Option<ServerUrl>,
    /// The id of the Space that the program runs on.
    pub(super) space: Option<String>,
    pub(super) on_space: bool,
    /// The store of a program with background endpoints.
    pub(super) store: Option<StoreUrl>,
    /// Why it cannot be opened, if it exists.
    pub(super) store_error: Option<StoreError>,
    /// Whether the token is in `HF_TOKEN`, which overrides that of `hf auth login`.
    pub(super) token_in_variable: bool,
    /// What the program remembers. A check only reads it.
    pub(super) state: Box<dyn SharedState>,
    /// The open store, if the state is there.
    jobs: Option<Jobs>,
    /// The errors with which no server starts.
    invalid: Vec<String>,
}

impl DoctorInput {
    /// Resolves the settings, and opens what the program remembers. `error` is why the code's settings are
    /// not known.
    ///
    /// # Errors
    ///
    /// When the name of the store is invalid.
    pub(crate) async fn of(
        program: String,
        server: WebhooksServer,
        error: Option<String>,
        flags: PartialSettings,
    ) -> Result<Self, LaunchError> {
        let mut target = RegistrationTarget::of(server, flags)?;
        let invalid = match (error, target.check()) {
            // The rest may be invalid only because the code's settings are missing.
            (Some(error), _) => vec![error],
            (None, Err(LaunchError::Setup(errors))) => {
                errors.iter().map(ToString::to_string).collect()
            }
            (None, Err(error)) => vec![error.to_string()],
            (None, Ok(())) => Vec::new(),
        };
        let (state, jobs, store_error) = match &target.store {
            Some(StoreUrl::File(file)) if !file.exists() => (of_file(target.file), None, None),
            None => (of_file(target.file), None, None),
            Some(store) => match open(store).await {
                Ok(jobs) => (Box::new(jobs.clone()) as Box<dyn SharedState>, Some(jobs), None),
                Err(error) => (of_file(target.file), None, Some(error)),
            },
        };
        let public_url = match target.public_url {
            Some(url) => Some(ServerUrl { url, kind: UrlKind::Fixed }),
            // One that cannot be read counts as none.
            None => ServerUrl::load(&*state).await.unwrap_or_default(),
        };
        let environment = Environment::default();
        Ok(Self {
            program,
            token_in_variable: matches!(environment.filled("HF_TOKEN"), Ok(Some(_))),
            version: program_version(target.version),
            hub: target.hub,
            endpoints: target.endpoints,
            public_url,
            space: environment.filled("SPACE_ID").unwrap_or_default(),
            on_space: target.on_space,
            store: target.store,
            store_error,
            state,
            jobs,
            invalid,
        })
    }

    /// Closes the store, if it is open.
    pub(crate) async fn close(&self) {
        if let Some(jobs) = &self.jobs {
            jobs.close().await;
        }
    }

    /// Returns a command of this program.
    pub(super) fn command(&self, arguments: &str) -> String {
        format!("{} {arguments}", self.program)
    }

    /// Returns whether an endpoint gets a webhook.
    pub(super) fn is_watching(&self) -> bool {
        self.endpoints.iter().any(WebhookEndpoint::is_watching)
    }

    /// Checks that a server with these settings starts.
    pub(super) fn settings(&self) -> Diagnosis {
        let finding = |error: &String| {
            let why = "with these settings, the server does not start";
            Finding::new(error, why, "correct it: see https://docs.rs/webhooks-runtime")
        };
        Diagnosis::of(self.invalid.iter().map(finding).collect(), "valid")
    }

    /// What a program without a store, that remembers nothing, has.
    #[cfg(test)]
    pub(super) fn for_test(hub: Result<Hub, String>, endpoints: Vec<WebhookEndpoint>) -> Self {
        Self {
            program: "my-bot".to_owned(),
            version: program_version(Some("1.2.0")),
            hub,
            endpoints,
            public_url: None,
            space: None,
            on_space: false,
            store: None,
            store_error: None,
            token_in_variable: false,
            state: Box::new(MemoryState::default()),
            jobs: None,
            invalid: Vec::new(),
        }
    }
}

/// Returns the values in the file of a program without a store.
fn of_file(file: Option<FileState>) -> Box<dyn SharedState> {
    match file {
        Some(file) => Box::new(file),
        None => Box::new(MemoryState::default()),
    }
}

/// Opens a store. Its values can only be read through a connection that may write.
async fn open(store: &StoreUrl) -> Result<Jobs, StoreError> {
    Jobs::inspect(store, Access::Modify, |waiting| print_message(Stream::Err, waiting)).await
}
