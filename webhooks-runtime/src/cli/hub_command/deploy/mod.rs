//! The `deploy` command: makes or updates a Docker Space that runs this program, and registers its webhooks.
//!
//! - `args` has the flags, `values` reads the secrets and variables that the command line names.
//! - `webhook_secret` knows or makes the secret of the Space's webhooks.
//! - `environment` is what the program finds on the Space, `run` is the way from the project to the webhooks.
//! - `register` registers the webhooks of the Space.
//! - `text` formats the plan, and `printer` what happens, for a person or a script.

mod args;
mod environment;
mod printer;
mod register;
mod run;
mod text;
mod values;
mod webhook_secret;

use std::error::Error;
use std::process::ExitCode;

pub(super) use self::args::Deploy;
use self::printer::DeployPrinter;
use crate::cli::hub_command::webhooks::{BAD_INPUT, CommandError};
use crate::server::WebhooksServer;
use crate::server::output::{Stream, print_message};
use crate::text::escaped;

/// Runs the command for the program of this name.
pub(super) fn run(
    deploy: &Deploy,
    program: &str,
    server: impl FnOnce() -> Result<WebhooksServer, Box<dyn Error>>,
) -> Result<ExitCode, Box<dyn Error>> {
    let mut printer = DeployPrinter::of_terminal(deploy.json);
    match run::run(deploy, program, server, &mut printer) {
        Ok(code) => Ok(code),
        Err(CommandError::Failed(error)) => {
            printer.failed(&*error);
            Err(error)
        }
        Err(CommandError::Setup(error)) => {
            printer.failed(&*error);
            let text = format!("error: {}\n", escaped(&error.to_string()));
            print_message(Stream::Err, &text);
            Ok(BAD_INPUT.into())
        }
    }
}
