//! The commands that act on the Hub, for programs with the feature `hub`.

mod deploy;

use std::error::Error;
use std::process::ExitCode;

use clap::Subcommand;

use self::deploy::Deploy;
use super::webhooks::{self, Webhooks};
use crate::config::settings::PartialSettings;
use crate::server::WebhooksServer;

#[derive(Debug, Subcommand)]
pub(super) enum HubCommand {
    /// Create or update a Docker Space that runs this program, and register its webhooks
    Deploy(Deploy),
    /// Register the program's webhooks on the Hub, list and manage them
    Webhooks(Webhooks),
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
            Self::Deploy(deploy) => deploy::run(deploy, program, server),
            Self::Webhooks(webhooks) => webhooks::run(webhooks, flags, server),
        }
    }
}
