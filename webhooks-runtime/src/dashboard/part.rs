//! Composes the dashboard of a server, and records its deliveries.

use std::sync::{Arc, OnceLock};

use actix_web::web::ServiceConfig;
use futures_util::future::BoxFuture;
use tokio::sync::watch;
use tokio::time::Instant;

use super::auth::{TOKEN_VARIABLE, ViewerAuth};
use super::blocks::Blocks;
use super::openapi::OpenApi;
use super::page::Page;
use super::routes::Dashboard;
use crate::activity::{Activity, NewEntry};
use crate::config::addresses::Addresses;
use crate::config::environment::Environment;
use crate::config::error::SettingError;
use crate::config::token::Token;
use crate::endpoint::registry::EndpointInfo;
use crate::http::dispatch::Dispatcher;
use crate::http::outcome::{Observation, Observer};
use crate::http::part::Part;
use crate::http::store_monitor::StoreMonitor;
use crate::http::webhook_status::WebhookStatus;
use crate::jobs::Jobs;

/// The settings of a server's dashboard.
pub(crate) struct DashboardSettings<'a> {
    /// The blocks of the page; `None` when something else is served at `/`.
    pub(crate) blocks: Option<Blocks>,
    /// The version of the program.
    pub(crate) version: &'static str,
    pub(crate) on_space: bool,
    pub(crate) endpoints: &'a [EndpointInfo],
    pub(crate) addresses: Addresses,
    pub(crate) dispatcher: Arc<Dispatcher>,
    /// The background deliveries, once their store is open.
    pub(crate) jobs: Arc<OnceLock<Jobs>>,
    /// Reads which endpoints are paused.
    pub(crate) monitor: StoreMonitor,
    /// The webhooks on the Hub, if the server registers them.
    pub(crate) webhooks: Option<WebhookStatus>,
}

/// Returns the parts of a dashboard. An invalid setting goes to `errors`.
pub(crate) fn compose(
    settings: DashboardSettings<'_>,
    environment: &Environment,
    errors: &mut Vec<SettingError>,
) -> Vec<Arc<dyn Part>> {
    let token = Token::from_environment(environment, TOKEN_VARIABLE);
    let token = token.map_err(|error| errors.push(error)).ok();
    let token = token.map(|set| set.unwrap_or_else(Token::random));
    let openapi = OpenApi::new(settings.endpoints, settings.version);
    let mut parts: Vec<Arc<dyn Part>> = Vec::new();
    if let Some(blocks) = settings.blocks {
        let token = token.filter(|_| blocks.has_private());
        let activity = blocks.has_activity().then(Activity::new);
        let (addresses, on_space) = (settings.addresses, settings.on_space);
        let webhooks = settings.webhooks;
        let page = Page::new(blocks, addresses.clone(), on_space, settings.endpoints, webhooks);
        let shutdown = watch::Sender::new(false);
        let dashboard = Dashboard {
            page: Arc::new(page),
            dispatcher: settings.dispatcher,
            activity,
            jobs: settings.jobs,
            monitor: settings.monitor,
            viewers: ViewerAuth::new(token.clone(), addresses.clone()),
            shutdown: shutdown.subscribe(),
            addresses,
        };
        parts.push(Arc::new(DashboardPart { dashboard, token, shutdown }));
    }
    parts.push(Arc::new(openapi));
    parts
}

struct DashboardPart {
    dashboard: Dashboard,
    /// The token that authorizes viewers, if the page has something for them.
    token: Option<Token>,
    /// Becomes `true` when the server shuts down.
    shutdown: watch::Sender<bool>,
}

impl Part for DashboardPart {
    fn routes(&self, app: &mut ServiceConfig) {
        self.dashboard.routes(app);
    }

    fn observer(&self) -> Option<Arc<dyn Observer>> {
        let activity = self.dashboard.activity.clone()?;
        Some(Arc::new(ActivityRecorder(activity)))
    }

    fn banner(&self, terminal: bool) -> Option<String> {
        let base = self.dashboard.addresses.best();
        let has_activity = self.dashboard.activity.is_some();
        Some(banner(&base, self.token.as_ref()?, has_activity, terminal))
    }

    fn viewer_url(&self) -> Option<String> {
        let base = self.dashboard.addresses.best();
        self.token.as_ref().map(|token| format!("{base}/?token={}", token.as_str()))
    }

    /// Ends the event streams of the viewers, which would otherwise never end.
    fn drain(&self, _: Instant) -> BoxFuture<'_, ()> {
        Box::pin(async {
            self.shutdown.send_replace(true);
        })
    }
}

/// Records each delivery for the page.
struct ActivityRecorder(Activity);

impl Observer for ActivityRecorder {
    fn observe(&self, observation: &Observation<'_>) {
        let Observation { delivery, body, outcome, response_body, duration } = observation;
        self.0.record(&NewEntry {
            request: delivery.number,
            endpoint: delivery.endpoint,
            webhook_id: delivery.webhook_id(),
            query: without_secret(delivery.request.query_string()),
            duration: *duration,
            status: outcome.response.status().as_u16(),
            skipped: outcome.skip_reason().is_some(),
            body: *body,
            response: *response_body,
        });
    }
}

/// Returns a query without its secret; `None` when nothing is left.
fn without_secret(query: &str) -> Option<String> {
    if query.is_empty() {
        return None;
    }
    let mut pairs: Vec<(String, String)> = serde_urlencoded::from_str(query).ok()?;
    pairs.retain(|(name, _)| name != "secret");
    serde_urlencoded::to_string(pairs).ok().filter(|query| !query.is_empty())
}

/// Returns the lines about the page. The token is printed to a terminal only: any other reader of standard
/// output stores it, and shows it to others.
fn banner(base: &str, token: &Token, has_activity: bool, terminal: bool) -> String {
    let (page, harm) = if has_activity {
        ("Page with deliveries:  ", "sees the payloads")
    } else {
        ("Page:                  ", "can call your functions")
    };
    let warning = format!("Anyone who opens this URL {harm}, so keep it to yourself.");
    let (token, note) = if terminal {
        (token.as_str(), warning)
    } else if token.is_set() {
        (TOKEN_IN_SHELL, format!("The token is the value of {TOKEN_VARIABLE}. {warning}"))
    } else {
        let note = format!(
            "To open it, set {TOKEN_VARIABLE} to 16 or more letters, digits, - or _ and start again."
        );
        (TOKEN_IN_SHELL, note)
    };
    format!("* {page}{base}/?token={token}\n  {note}\n")
}

/// The token in a URL that is not printed to a terminal: the variable, as a shell reads it.
const TOKEN_IN_SHELL: &str = "$WEBHOOKS_PAGE_TOKEN";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_recorded_without_its_secret() {
        assert_eq!(without_secret("a=1&s%65cret=hush&b=%26").as_deref(), Some("a=1&b=%26"));
        assert_eq!(without_secret("secret=hush"), None);
        assert_eq!(without_secret(""), None);
    }

    #[test]
    fn the_token_is_printed_to_a_terminal_only() {
        let base = "http://127.0.0.1:7860";
        let random = Token::random();
        let variable = [(TOKEN_VARIABLE, "a-token-of_16-ch")];
        let set = Token::from_environment(&Environment::from_iter(variable), TOKEN_VARIABLE);
        let set = set.unwrap().unwrap();
        for token in [&random, &set] {
            let url = format!("* Page with deliveries:  {base}/?token={}\n", token.as_str());
            assert!(banner(base, token, true, true).starts_with(&url));
            let hint = banner(base, token, true, false);
            assert!(!hint.contains(token.as_str()) && hint.contains(TOKEN_VARIABLE), "{hint}");
        }
        assert!(banner(base, &random, true, false).contains("To open it, set WEBHOOKS_PAGE_TOKEN"));
        assert!(banner(base, &set, false, false).contains("can call your functions"));
    }
}
