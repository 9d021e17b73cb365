//! What generated code may name. Not a public interface: it changes with the macros.

use std::error::Error;
use std::process::{ExitCode, Termination};

pub use inventory::submit;
pub use std::boxed::Box;
pub use std::option::Option;
pub use std::result::Result;

pub use crate::config::table::{SETTINGS, Setting};
pub use crate::endpoint::arg::{Arg, OtherArg};
pub use crate::endpoint::arg_takes::{JsonTakes, OtherTakes};
pub use crate::endpoint::call::{Call, CallFuture};
pub use crate::endpoint::needs::{Needs, OtherNeeds, needs};
pub use crate::endpoint::reply::{OtherReply, Reply};
pub use crate::endpoint::takes::Takes;
pub use crate::endpoint::{Endpoint, Location, normalize};
pub use crate::endpoint::{defer, run as run_blocking};
pub use crate::server::{IntoServer, LaunchError};

/// Everything that the expansion names for a background function. Where the Cargo feature is off there is no
/// such path, so that the compiler reports just that, once.
#[cfg(feature = "background")]
pub use in_background as background;

#[doc(hidden)]
pub mod in_background {
    use crate::endpoint::{Endpoint, Location, takes::Takes};

    pub use crate::endpoint::arg::{Arg, OtherArg};
    pub use crate::endpoint::background::{Background, Policy, Shared, Task, TaskFuture};
    pub use crate::endpoint::fault::BodyFaults;
    pub use crate::endpoint::in_background::{
        Args, Missing, OtherArgs, OtherBackgroundArg, blocking, missing,
    };

    pub use crate::endpoint::reply::{OtherReply, Reply};

    /// The endpoint.
    #[must_use]
    pub const fn endpoint(
        path: &'static str,
        name: &'static str,
        description: &'static str,
        secret_env: Option<&'static str>,
        location: Location,
        takes: fn() -> Takes,
        background: Background,
    ) -> Endpoint {
        Endpoint::__background(path, name, description, secret_env, location, takes, background)
    }
}

use crate::WebhooksServer;
use crate::server::output::{FlushOnDrop, Stream, print_message};
use crate::server::panics;
use crate::text::escaped;

/// The request of a call, for replies.
#[must_use]
pub fn request(call: &Call) -> &actix_web::HttpRequest {
    &call.request
}

/// Starts a server with every endpoint of the program.
///
/// # Errors
///
/// As [`WebhooksServer::launch`].
pub fn launch() -> Result<(), LaunchError> {
    WebhooksServer::new().launch()
}

/// The program that `webhooks_main!()` stands in.
#[derive(Debug)]
pub struct Program {
    /// Its name, for `--help`.
    pub name: &'static str,
    /// Its version, for `--version`.
    pub version: &'static str,
    /// The folder of its manifest, as a hash: the program doesn't say where it was built.
    pub folder: u64,
    /// Its name in that folder.
    pub crate_name: &'static str,
}

/// The FNV-1a hash of a text, for constants: the program then has the hash and not the text.
#[must_use]
pub const fn hash(text: &str) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        hash = (hash ^ bytes[at] as u64).wrapping_mul(0x0100_0000_01b3);
        at += 1;
    }
    hash
}

/// What the `main` of `webhooks_main!()` returns; a type of its own, so that this `main` can be told
/// from another.
#[derive(Debug)]
pub struct MainExit(ExitCode);

impl Termination for MainExit {
    fn report(self) -> ExitCode {
        self.0
    }
}

/// The `main` of `webhooks_main!()`. An error ends it with one readable message and exit code 1.
///
/// `server` evaluates the expression of the macro. It is called at most once, and not for `--help`.
pub fn main(
    program: &Program,
    server: impl FnOnce() -> Result<WebhooksServer, Box<dyn Error>>,
) -> MainExit {
    let _flush = FlushOnDrop::new();
    panics::install();
    let server = || {
        let server = server()?;
        let server = server.of_version(program.version);
        #[cfg(feature = "share")]
        let server = server.of_project(format!("{:016x}/{}", program.folder, program.crate_name));
        Ok(server)
    };
    #[cfg(feature = "cli")]
    let ended = crate::cli::run(program.name, program.version, server);
    #[cfg(not(feature = "cli"))]
    let ended = {
        let _ = program;
        server().and_then(|server| Ok(server.launch().map(|()| ExitCode::SUCCESS)?))
    };
    MainExit(ended.unwrap_or_else(|error: Box<dyn Error>| {
        let error = error.to_string();
        print_message(Stream::Err, &format!("error: {}\n", escaped(&error)));
        ExitCode::FAILURE
    }))
}

/// Turns the value of the macro's expression into a server. A function of its own, so that the compiler's
/// error is under the expression.
///
/// # Errors
///
/// That of the expression, with its causes.
pub fn into_server<V: IntoServer<Kind>, Kind>(value: V) -> Result<WebhooksServer, Box<dyn Error>> {
    value.into_server()
}

/// What the program's `main` returns.
#[diagnostic::on_unimplemented(
    message = "`webhooks_main!()` makes the function `main`, so it stands at the top level of main.rs, not inside a function",
    label = "move this out of the function, and delete the `fn main` around it",
    note = "to start the server from a `main` of your own, write `WebhooksServer::new().launch()` in it"
)]
pub trait MadeByTheMacro {}

impl MadeByTheMacro for MainExit {}

/// Checks that the module's `main` is the one that the macro made.
pub const fn at_top_level<R: MadeByTheMacro>(_main: fn() -> R) {}

#[cfg(feature = "background")]
pub use crate::endpoint::background::{
    Background, BackgroundArg, Policy, Shared, Task, TaskFailure, TaskFuture,
};
