//! Lists the endpoints of a program that does not start its server, for the command `endpoints`.

use super::parts::account;
use super::prepare::sorted;
use super::{LaunchError, WebhooksServer};
use crate::config::environment::Environment;
use crate::endpoint::registry::Route;

/// The endpoints of a program.
pub(crate) struct Listing {
    /// Sorted by path.
    pub(crate) endpoints: Vec<Route>,
    /// The account whose events some endpoints skip, or why it is unknown; `None` if no endpoint skips any.
    pub(crate) account: Option<Result<String, String>>,
}

impl Listing {
    /// Lists the endpoints, and asks the Hub for the account if it is needed.
    ///
    /// # Errors
    ///
    /// Returns an error if the paths are invalid or not unique.
    pub(crate) fn of(mut server: WebhooksServer) -> Result<Self, LaunchError> {
        let endpoints = std::mem::take(&mut server.endpoints);
        let endpoints = sorted(endpoints, std::mem::take(&mut server.bad_paths))?;
        let skips_own = endpoints.iter().any(|endpoint| endpoint.hub.skips_own());
        let account = skips_own.then(|| account(&server.parts, &Environment::default()));
        Ok(Self { endpoints, account })
    }
}
