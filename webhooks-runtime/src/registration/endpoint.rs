//! Describes an endpoint as far as its webhook on the Hub depends on it.

use std::fmt;

use crate::endpoint::filter::{Conditions, EventDomains, WatchedRepo};
use crate::hub::{WatchedItem, WebhookDomain};

/// An endpoint, and the webhook that it needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct WebhookEndpoint {
    /// `/webhooks/…`.
    pub(crate) path: String,
    /// Without duplicates. If it is empty, the endpoint gets no webhook.
    pub(crate) watched: Vec<WatchedItem>,
    /// Not empty.
    pub(crate) domains: Vec<WebhookDomain>,
    /// The secret that the Hub is to send: the first one that the endpoint accepts.
    pub(crate) secret: Option<WebhookSecret>,
    /// Whether the secret was just made, so that no webhook has it yet.
    pub(crate) secret_is_new: bool,
}

/// A webhook's secret. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct WebhookSecret(String);

/// The error of a program on a Space whose endpoints have no secret.
///
/// Everyone knows a Space's URL, and a secret that is made there is lost with its container.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "no webhook is registered, because {} no secret: set {variable} in the Space's settings, under \"Variables and \
     secrets\"",
    if .paths.len() == 1 { format!("{} has", .paths[0]) } else { format!("{} have", .paths.join(", ")) },
    variable = "WEBHOOK_SECRET"
)]
pub(crate) struct NoSecretOnSpace {
    paths: Vec<String>,
}

impl WebhookEndpoint {
    /// Describes the endpoint at a path by the conditions of its filter, if it has one, and its first secret.
    pub(crate) fn new(path: &str, conditions: Option<&Conditions>, secret: Option<&[u8]>) -> Self {
        let repos = conditions.map_or(&[][..], Conditions::watched_repos);
        let mut watched = Vec::new();
        for item in repos.iter().map(watched_item) {
            if !watched.contains(&item) {
                watched.push(item);
            }
        }
        let domains = conditions.map_or(EventDomains::ALL, Conditions::domains);
        let domains =
            [(WebhookDomain::Repo, domains.repo), (WebhookDomain::Discussion, domains.discussion)];
        Self {
            path: path.to_owned(),
            watched,
            domains: domains
                .into_iter()
                .filter_map(|(domain, needed)| needed.then_some(domain))
                .collect(),
            // A secret is ASCII.
            secret: secret.map(|secret| WebhookSecret::new(String::from_utf8_lossy(secret))),
            secret_is_new: false,
        }
    }

    /// Returns whether the endpoint gets a webhook.
    pub(crate) fn is_watching(&self) -> bool {
        !self.watched.is_empty()
    }
}

/// Checks that on a Space each endpoint that gets a webhook has a secret.
pub(crate) fn check_secrets(
    endpoints: &[WebhookEndpoint],
    on_space: bool,
) -> Result<(), NoSecretOnSpace> {
    let paths: Vec<_> = without_secret(endpoints).map(|endpoint| endpoint.path.clone()).collect();
    if on_space && !paths.is_empty() { Err(NoSecretOnSpace { paths }) } else { Ok(()) }
}

/// Returns the endpoints that get a webhook and have no secret.
pub(crate) fn without_secret(
    endpoints: &[WebhookEndpoint],
) -> impl Iterator<Item = &WebhookEndpoint> {
    endpoints.iter().filter(|endpoint| endpoint.is_watching() && endpoint.secret.is_none())
}

fn watched_item(repo: &WatchedRepo) -> WatchedItem {
    match repo {
        WatchedRepo::Repo { repo_type, name } => WatchedItem::new(repo_type.as_str(), name),
        WatchedRepo::Owner { kind, name } => WatchedItem::new(*kind, name),
    }
}

impl WebhookSecret {
    pub(crate) fn new(secret: impl Into<String>) -> Self {
        Self(secret.into())
    }

    /// Returns the secret as text.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for WebhookSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebhookSecret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::environment::Environment;
    use crate::endpoint::Filter;

    fn endpoint(filter: &Filter, secret: Option<&[u8]>) -> WebhookEndpoint {
        let variables = Environment::from_iter([("TEAMS", "org:acme, dataset:me/data")]);
        let mut errors = Vec::new();
        let conditions = filter.resolve(&variables, &mut errors);
        assert!(errors.is_empty(), "{errors:?}");
        WebhookEndpoint::new("/webhooks/x", Some(&conditions), secret)
    }

    fn watched(endpoint: &WebhookEndpoint) -> Vec<String> {
        endpoint.watched.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_repos_of_watch_and_of_its_variable_are_watched_once_each() {
        let filter = Filter::new().watch("dataset:me/data").watch("user:me").watch_env("TEAMS");
        let endpoint = endpoint(&filter.on("repo.content"), None);
        assert_eq!(watched(&endpoint), ["dataset:me/data", "user:me", "org:acme"]);
        assert_eq!(endpoint.domains, ["repo"]);
        assert!(endpoint.is_watching());
    }

    #[test]
    fn an_endpoint_without_watch_gets_no_webhook() {
        assert!(!endpoint(&Filter::new().on("discussion"), None).is_watching());
        let unfiltered = WebhookEndpoint::new("/webhooks/x", None, None);
        assert!(!unfiltered.is_watching());
        assert_eq!(unfiltered.domains, ["repo", "discussion"]);
    }

    #[test]
    fn only_on_a_space_a_secret_is_required() {
        let watching = Filter::new().watch("model:me/tiny");
        let (open, closed) = (endpoint(&watching, None), endpoint(&watching, Some(b"hush")));
        let unwatching = endpoint(&Filter::new(), None);
        assert_eq!(check_secrets(std::slice::from_ref(&open), false), Ok(()));
        assert_eq!(check_secrets(&[closed.clone(), unwatching], true), Ok(()));
        let error = check_secrets(&[closed, open], true).unwrap_err().to_string();
        assert!(error.contains("/webhooks/x has no secret: set WEBHOOK_SECRET"), "{error}");
        assert!(!error.contains('\n'));
    }

    #[test]
    fn debug_does_not_show_the_secret() {
        let closed = endpoint(&Filter::new(), Some(b"hush"));
        assert!(!format!("{closed:?}").contains("hush"));
        assert_eq!(closed.secret.unwrap().reveal(), "hush");
    }
}
