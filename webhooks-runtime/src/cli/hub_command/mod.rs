//! The commands that need the Hub's API, for programs with the feature `hub`.

mod deploy;
mod doctor;
mod webhooks;

use std::error::Error;
use std::process::ExitCode;

use clap::Subcommand;

use self::deploy::Deploy;
use self::doctor::Doctor;
use self::webhooks::Webhooks;
use crate::config::settings::PartialSettings;
use crate::server::WebhooksServer;

#[derive(Debug, Subcommand)]
pub(super) enum HubCommand {
    /// Create or update a Docker Space that runs this program, and register its webhooks
    Deploy(Deploy),
    /// Register the program's webhooks on the Hub, list and manage them
    Webhooks(Webhooks),
    /// Find out why no deliveries arrive
    Doctor(Doctor),
}

impl HubCommand {
    /// Runs the command. `flags` are those of the server, which may precede the command.
    pub(super) fn run(
        self,
        program: &str,
        flags: PartialSettings,
        server: impl FnOnce() -> Result<WebhooksServer, Box<dyn Error>>,
    ) -> Result<ExitCode, Box<dyn Error>> {
        match self {
            Self::Deploy(deploy) => deploy::run(&deploy, program, server),
            Self::Webhooks(webhooks) => webhooks::run(webhooks, flags, server),
            Self::Doctor(doctor) => doctor::run(&doctor, program, flags, server),
        }
    }
}
