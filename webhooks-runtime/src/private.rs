//! Everything that generated code names. It is not a public interface: it changes with the macros.

use std::error::Error;
use std::process::{ExitCode, Termination};

pub use inventory::submit;
pub use std::boxed::Box;
pub use std::option::Option;
pub use std::result::Result;
pub use std::vec::Vec;

pub use crate::config::table::{SETTINGS, Setting};
pub use crate::endpoint::call::{Call, CallFuture};
pub use crate::endpoint::extract::arg_body_kind::{JsonBodyKind, OtherBodyKind};
pub use crate::endpoint::extract::body_kind::BodyKind;
pub use crate::endpoint::extract::data::{OtherData, RequiredData, required_data};
pub use crate::endpoint::extract::hub::OtherHub;
pub use crate::endpoint::extract::kind::{Arg, OtherArg};
pub use crate::endpoint::filter::{FilterKeys, SCOPES, TYPES};
pub use crate::endpoint::respond::kind::{OtherReply, Reply};
pub use crate::endpoint::run::{defer, run_blocking};
pub use crate::endpoint::{Endpoint, Handler, Location, normalize};
pub use crate::server::{IntoServer, LaunchError};
pub use crate::text::hash;

/// Everything that generated code names for a background function. Without the Cargo feature this path does not
/// exist, so that the compiler reports just that, once.
#[cfg(feature = "background")]
pub use in_background as background;

#[doc(hidden)]
pub mod in_background {
    pub use crate::endpoint::Handler;
    pub use crate::endpoint::background::{
        ArgTypes, BackgroundTask, BackgroundWork, CheckedBody, KeyFunction, KeySource, Latest,
        OtherArgTypes, OtherBackgroundArg, Policy, SharedData, TaskFuture, missing_data,
        run_blocking,
    };
    pub use crate::endpoint::extract::body::BodyFaults;
    pub use crate::endpoint::extract::kind::{Arg, OtherArg};
    pub use crate::endpoint::respond::kind::{OtherReply, Reply};
    pub use crate::jobs::enqueue::{EnqueueFuture, EnqueueRequest, EnqueueTarget};
    pub use serde::Serialize;
}

use crate::server::WebhooksServer;
use crate::server::output::{FlushOnDrop, Stream, print_message};
use crate::server::panics;
use crate::text::escaped;

/// Returns the request of a call, for a `Responder`.
#[must_use]
pub fn request(call: &Call) -> &actix_web::HttpRequest {
    &call.request
}

/// Starts a server with every endpoint of the program.
///
/// # Errors
///
/// The same as of [`WebhooksServer::launch`].
pub fn launch() -> Result<(), LaunchError> {
    WebhooksServer::new().launch()
}

/// The program that calls `webhooks_main!()`.
#[derive(Debug)]
pub struct MainProgram {
    /// The name of its package, for `--help`.
    pub name: &'static str,
    /// The version of its package, for `--version`.
    pub version: &'static str,
    /// The folder of its manifest, as a hash, so that the program does not reveal where it was built.
    pub folder: u64,
    /// The name of its crate in that folder.
    pub crate_name: &'static str,
}

/// The exit code that the `main` of `webhooks_main!()` returns. It is a type of its own, so that this `main` can be
/// distinguished from any other.
#[derive(Debug)]
pub struct MainExit(ExitCode);

impl Termination for MainExit {
    fn report(self) -> ExitCode {
        self.0
    }
}

/// Runs the `main` of `webhooks_main!()`. An error ends it with one readable message and exit code 1.
///
/// `server` evaluates the expression of the macro. It is called at most once, and not for `--help`.
pub fn main(
    program: &MainProgram,
    server: impl FnOnce() -> Result<WebhooksServer, Box<dyn Error>>,
) -> MainExit {
    let _flush = FlushOnDrop::new();
    panics::install();
    let server = || {
        let server = server()?;
        let server = server.of_version(program.version);
        let server = server.of_project(format!("{:016x}/{}", program.folder, program.crate_name));
        Ok(server)
    };
    MainExit(run(program, server).unwrap_or_else(|error| {
        let error = error.to_string();
        print_message(Stream::Err, &format!("error: {}\n", escaped(&error)));
        ExitCode::FAILURE
    }))
}

/// Runs the command line; without the Cargo feature `cli`, the server.
fn run(
    program: &MainProgram,
    server: impl FnOnce() -> Result<WebhooksServer, Box<dyn Error>>,
) -> Result<ExitCode, Box<dyn Error>> {
    #[cfg(feature = "cli")]
    return crate::cli::run(program.name, program.version, server);
    #[allow(unreachable_code, reason = "with the feature, the statement above returns")]
    {
        let _ = program;
        Ok(server()?.launch().map(|()| ExitCode::SUCCESS)?)
    }
}

/// Turns the value of the macro's expression into a server. A function of its own, so that the compiler's
/// error is under the expression.
///
/// # Errors
///
/// The error of the expression, with its causes.
pub fn into_server<V: IntoServer<Kind>, Kind>(value: V) -> Result<WebhooksServer, Box<dyn Error>> {
    value.into_server()
}

/// The type that the program's `main` returns.
#[diagnostic::on_unimplemented(
    message = "`webhooks_main!()` defines the function `main`, so it must be at the top level of main.rs, not inside a function",
    label = "move this out of the function, and remove the `fn main` around it",
    note = "to start the server from your own `main`, write `WebhooksServer::new().launch()` in it"
)]
pub trait MadeByTheMacro {}

impl MadeByTheMacro for MainExit {}

/// Checks that the module's `main` is the one that the macro made.
pub const fn at_top_level<R: MadeByTheMacro>(_main: fn() -> R) {}
