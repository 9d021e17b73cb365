//! The `endpoints` command: lists the endpoints of the program.

use std::io;

use serde::Serialize;

use super::print;
use crate::endpoint::Filter;
use crate::endpoint::background::{BackgroundWork, Latest};
use crate::endpoint::filter::FilterValues;
use crate::endpoint::registry::Route;
use crate::server::WebhooksServer;
use crate::server::{LaunchError, Listing};
use crate::text::in_one_line;

/// An endpoint in the output of `endpoints --json`.
#[derive(Debug, Serialize)]
struct EndpointJson<'a> {
    path: &'a str,
    name: &'a str,
    description: &'a str,
    module: &'a str,
    file: &'a str,
    line: u32,
    secret_env: Option<&'a str>,
    /// `null` if the function gets every delivery.
    filter: Option<FilterValues>,
    /// `null` if the response waits for the function.
    background: Option<BackgroundJson>,
    /// `null` if the function takes no `Hub`.
    hub: Option<HubJson<'a>>,
}

/// How the deliveries of a background endpoint are run.
#[derive(Debug, Serialize)]
struct BackgroundJson {
    /// What groups deliveries: a word of the attribute, or `function`; `null` if nothing does.
    key: Option<&'static str>,
    /// Whether a newer delivery of a key replaces the queued ones.
    latest: bool,
    /// Whether it stops a running one as well.
    cancel: bool,
    /// `null` if a delivery does not wait for newer ones.
    debounce: Option<DebounceJson>,
}

/// How long a delivery waits for newer ones, in seconds.
#[derive(Debug, Serialize)]
struct DebounceJson {
    quiet: f64,
    at_most: f64,
}

impl BackgroundJson {
    fn new(BackgroundWork { policy, key, .. }: &BackgroundWork) -> Self {
        let (latest, cancel) = (policy.supersedes(), policy.latest == Latest::Cancel);
        let debounce = policy.debounce.map(|debounce| DebounceJson {
            quiet: debounce.quiet.as_secs_f64(),
            at_most: debounce.at_most.as_secs_f64(),
        });
        Self { key: key.map(|key| key.word().unwrap_or("function")), latest, cancel, debounce }
    }
}

/// The use of the Hub by an endpoint.
#[derive(Debug, Serialize)]
struct HubJson<'a> {
    /// Whether it gets the events that the program caused itself.
    own: bool,
    /// The account whose events it does not get; `null` if it gets all, and if the account is unknown.
    account: Option<&'a str>,
}

/// Runs the command.
pub(super) fn run(server: WebhooksServer, json: bool) -> Result<(), LaunchError> {
    let listing = Listing::of(server)?;
    let text = if json { as_json(&listing)? } else { as_text(&listing) };
    Ok(print(text.as_bytes())?)
}

fn as_json(listing: &Listing) -> io::Result<String> {
    let account = listing.account.as_ref().and_then(|account| account.as_deref().ok());
    let hub = |endpoint: &Route| {
        let skips_own = endpoint.hub.skips_own();
        let account = account.filter(|_| skips_own);
        endpoint.hub.takes_hub.then_some(HubJson { own: !skips_own, account })
    };
    let endpoints = listing.endpoints.iter().map(|endpoint| EndpointJson {
        path: &endpoint.path,
        name: &endpoint.name,
        description: endpoint.description,
        module: endpoint.location.module_path,
        file: endpoint.location.file,
        line: endpoint.location.line,
        secret_env: endpoint.secret_env,
        filter: endpoint.filter.as_ref().map(Filter::values),
        background: endpoint.work.background().map(BackgroundJson::new),
        hub: hub(endpoint),
    });
    Ok(serde_json::to_string_pretty(&endpoints.collect::<Vec<_>>())? + "\n")
}

/// Formats the endpoints as text: path and source location in columns, below them the description's first line, the
/// filter, the account whose events are skipped, and how deliveries of one key are run.
fn as_text(Listing { endpoints, account }: &Listing) -> String {
    let width = endpoints.iter().map(|endpoint| endpoint.path.len()).max().unwrap_or_default();
    let own = account.as_ref().map(|account| match account {
        Ok(account) => {
            format!("    skips the events of its own account, {}\n", in_one_line(account))
        }
        Err(error) => {
            let error = in_one_line(error);
            format!("    skips the events of its own account, which is unknown: {error}\n")
        }
    });
    endpoints
        .iter()
        .map(|endpoint| {
            let first_line = endpoint.description.lines().next();
            let description = first_line.map_or_else(String::new, |line| format!("    {line}\n"));
            let filter = endpoint.filter.as_ref();
            let filter = filter.map_or_else(String::new, |filter| format!("    for {filter}\n"));
            let own = own.as_deref().filter(|_| endpoint.hub.skips_own()).unwrap_or_default();
            let key = endpoint.work.background().and_then(BackgroundWork::key_words);
            let key = key.map_or_else(String::new, |key| format!("    {key}\n"));
            let (path, location) = (&endpoint.path, endpoint.location);
            format!("{path:width$}  {location}\n{description}{filter}{own}{key}")
        })
        .collect()
}
