//! Defines the types that the expression in `webhooks_main!(…)` may have: a [`WebhooksServer`], or a `Result` of one.

use std::error::Error;

use super::WebhooksServer;
use crate::endpoint::EndpointError;
use crate::endpoint::causes::causes;

/// A type that the expression in `webhooks_main!(…)` may have. `Kind` is always inferred.
#[diagnostic::on_unimplemented(
    message = "`webhooks_main!(…)` takes a `WebhooksServer` or a `Result<WebhooksServer, E>`, not `{Self}`",
    label = "not a server",
    note = "write `webhooks_main!(WebhooksServer::new().port(8000));`, or call a function that returns a server or a `Result` of one"
)]
pub trait IntoServer<Kind> {
    /// Returns the server.
    ///
    /// # Errors
    ///
    /// Returns the error of the `Result`, with all of its causes in one text.
    fn into_server(self) -> Result<WebhooksServer, Box<dyn Error>>;
}

impl IntoServer<()> for WebhooksServer {
    fn into_server(self) -> Result<WebhooksServer, Box<dyn Error>> {
        Ok(self)
    }
}

impl<E: SetupFailure<Kind>, Kind> IntoServer<(Kind,)> for Result<WebhooksServer, E> {
    fn into_server(self) -> Result<WebhooksServer, Box<dyn Error>> {
        self.map_err(|error| causes(&*error.into_boxed_error()).into())
    }
}

/// The error type of a `Result` in `webhooks_main!(…)`. Like [`EndpointError`], but with a compile error that names
/// `webhooks_main!`. `Kind` is always inferred.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the error of the `Result` in `webhooks_main!(…)`",
    label = "not an error",
    note = "the error is an `anyhow::Error`, a `String`, or a type that implements `std::error::Error`"
)]
pub trait SetupFailure<Kind> {
    /// Returns the error without its type.
    fn into_boxed_error(self) -> Box<dyn Error>;
}

#[diagnostic::do_not_recommend]
impl<E: EndpointError<Kind>, Kind> SetupFailure<Kind> for E {
    fn into_boxed_error(self) -> Box<dyn Error> {
        self.into_boxed()
    }
}
