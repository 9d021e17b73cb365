//! Finds the client of the Hub that endpoints need, and reports its account when the server starts.
//!
//! - `builder` defines the builder's methods for the Hub.
//! - `reconciling` composes the part that looks for missed deliveries.
//! - `registering` composes the part that registers the server's webhooks, and `url_memory` remembers the URL of its
//!   tunnel for the command `webhooks`. `registration_target` is what this command knows of a server that does not run
//!   in its process.

mod builder;
mod reconciling;
mod registering;
mod registration_target;
mod url_memory;

use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use futures_util::future::{BoxFuture, ready};
use tokio::runtime::Builder;
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep, timeout};

use crate::config::environment::Environment;
use crate::endpoint::background::SharedData;
use crate::endpoint::checks::{HubChecks, OwnEvents, Undetermined};
use crate::http::part::{Console, Part};
use crate::http::webhook_status::WebhookStatus;
use crate::hub::{Hub, OwnActivity};
use crate::jobs::Jobs;
use crate::reconcile;
use crate::server::composition::Composition;
use crate::server::output::{Stream, print_message};
use crate::server::state::ServerState;
use crate::state::MemoryState;
use crate::task;
use crate::text::in_one_line;
pub(crate) use registration_target::{RegistrationTarget, hub_of};

/// How long a command waits for the name of the account.
const ACCOUNT_LIMIT: Duration = Duration::from_secs(5);

/// How long after its deadline a shutdown waits for commits. At the deadline, the last functions are stopped, and their
/// commits may be on the way.
const COMMIT_MARGIN: Duration = Duration::from_secs(5);

/// The client of the Hub of a server.
#[derive(Default)]
pub(super) struct HubOptions {
    /// The client that the code sets.
    given: Option<Hub>,
    /// The client of a server that registers its webhooks.
    registrar: Option<Hub>,
    /// The client of a server that looks for missed deliveries.
    reconciler: Option<Hub>,
    /// What the program did on the Hub lately, if endpoints need the Hub.
    activity: Option<Arc<OwnActivity>>,
}

impl HubOptions {
    /// Finds the client, for a server that registers its webhooks or whose endpoints need it. Provides it to their
    /// functions, and returns what their deliveries are checked with. `environment` is `None` in a test.
    ///
    /// # Errors
    ///
    /// Returns the reason why there is no client.
    pub(super) fn provide(
        &mut self,
        for_endpoints: bool,
        (registers, reconciles): (bool, bool),
        environment: Option<&Environment>,
        shared: &mut SharedData,
    ) -> Result<Option<HubChecks>, String> {
        let hub = self.find(environment)?;
        self.registrar = registers.then(|| hub.clone());
        self.reconciler = reconciles.then(|| hub.clone());
        if !for_endpoints {
            return Ok(None);
        }
        let activity = OwnActivity::of(&hub);
        shared.provide(hub.clone());
        self.activity = Some(Arc::clone(&activity));
        Ok(Some(HubChecks { own: activity, files: Arc::new(hub) }))
    }

    /// Asks the Hub for the name of the account, for a command that prints it.
    ///
    /// # Errors
    ///
    /// Returns the reason why it is unknown.
    pub(super) fn account_name(&self, environment: &Environment) -> Result<String, String> {
        let hub = self.find(Some(environment))?;
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| error.to_string())?;
        let account = runtime.block_on(async { timeout(ACCOUNT_LIMIT, hub.whoami()).await });
        runtime.shutdown_background();
        match account {
            Ok(account) => Ok(account.map_err(|error| error.to_string())?.name),
            Err(_) => Err(format!("the Hub did not respond within {ACCOUNT_LIMIT:?}")),
        }
    }

    /// Returns whether the code provides the client, so that no token is needed.
    fn is_given(&self) -> bool {
        self.given.is_some()
    }

    /// Returns the client: that of the code, or else that of the environment.
    fn find(&self, environment: Option<&Environment>) -> Result<Hub, String> {
        match (&self.given, environment) {
            (Some(hub), _) => Ok(hub.clone()),
            (None, Some(environment)) => Hub::from_environment(environment).map_err(|error| {
                let text = error.to_string();
                match Hub::address_in(environment) {
                    Ok(hub) if error.is_missing_token() => {
                        format!("{text}. Create a token at {hub}/settings/tokens")
                    }
                    _ => text,
                }
            }),
            (None, None) => Err(
                "a test does not read the token of its environment. Set a stand-in with `.hub(stub.hub())`, where \
                 `stub` is a `webhooks_runtime::testing::HubStub`"
                    .to_owned(),
            ),
        }
    }
}

/// Creates the parts that use the Hub. `status` is that of the server's webhooks, if it registers them.
pub(super) fn compose(
    options: HubOptions,
    status: Option<WebhookStatus>,
    project: Option<&str>,
    jobs: &Arc<OnceLock<Jobs>>,
    server: &Composition<'_>,
) -> Vec<Arc<dyn Part>> {
    let register = |(status, hub)| registering::compose(status, hub, project, jobs, server);
    let url_memory = url_memory::compose(project, jobs, server);
    let notice = registering::compose_notice(project, jobs, server);
    let registering = status.zip(options.registrar).map(register);
    let activity = options.activity.as_ref();
    let reconciling = |hub| reconciling::compose(hub, activity, jobs, server);
    let reconcile = options.reconciler.and_then(reconciling);
    let account = options.activity.and_then(|activity| report_account(activity, jobs, server));
    [url_memory, notice, registering, account, reconcile].into_iter().flatten().collect()
}

/// Creates the part that reports the account, if endpoints skip its events. Commits are remembered in the store of
/// background deliveries once it is open, and in memory without one.
fn report_account(
    activity: Arc<OwnActivity>,
    jobs: &Arc<OnceLock<Jobs>>,
    server: &Composition<'_>,
) -> Option<Arc<dyn Part>> {
    // A server that was down may come across an old commit, which is not one of somebody else.
    let remembered = server.settings.reconcile.map_or(Duration::ZERO, |_| reconcile::STORED);
    activity.remember_in(Arc::new(ServerState::new(jobs, MemoryState::default())), remembered);
    let skipping = server.endpoints.iter().filter(|endpoint| endpoint.skips_own);
    let skipping: Vec<_> = skipping.map(|endpoint| endpoint.path.clone()).collect();
    let part = || AccountPart { activity, skipping: skipping.join(", "), task: Mutex::default() };
    (!skipping.is_empty()).then(|| Arc::new(part()) as Arc<dyn Part>)
}

/// Reports the account whose events are skipped.
struct AccountPart {
    activity: Arc<OwnActivity>,
    /// The paths of the endpoints that skip them.
    skipping: String,
    /// Asks for the account until it is known.
    task: Mutex<Option<AbortHandle>>,
}

impl Part for AccountPart {
    /// Asks the Hub once the server accepts connections, so that it starts without the Hub, too. A failure is logged.
    fn started(&self, console: Console) {
        let activity = Arc::clone(&self.activity);
        let endpoints = self.skipping.clone();
        let task = task::spawn(async move {
            let account = loop {
                match activity.account().await {
                    Ok(account) => break account.name,
                    Err(Undetermined { retry_after, .. }) => sleep(retry_after).await,
                }
            };
            match console {
                Console::Terminal => {
                    let account = in_one_line(&account);
                    let text = format!(
                        "* Account on the Hub: {account}. Its own comments, discussions and commits are skipped by \
                         {endpoints}.\n"
                    );
                    print_message(Stream::Out, &text);
                }
                Console::Log => {
                    tracing::info!(account, endpoints, "the events of this account are skipped");
                }
            }
        });
        *self.task.lock().unwrap_or_else(PoisonError::into_inner) = Some(task.abort_handle());
    }

    fn drain(&self, _: Instant) -> BoxFuture<'_, ()> {
        if let Some(task) = self.task.lock().unwrap_or_else(PoisonError::into_inner).take() {
            task.abort();
        }
        Box::pin(ready(()))
    }

    /// Waits for the commits whose functions were stopped, and closes before the store that they are remembered in.
    fn close(&self, deadline: Instant) -> BoxFuture<'_, ()> {
        Box::pin(self.activity.finish_commits(deadline + COMMIT_MARGIN))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_token_is_created_at_the_hub_of_the_environment() {
        let reason = |endpoint: &str| {
            let variables = [("HF_TOKEN_PATH", "/nonexistent/token"), ("HF_ENDPOINT", endpoint)];
            let environment = Environment::from_iter(variables);
            HubOptions::default().find(Some(&environment)).unwrap_err()
        };
        for (endpoint, hub) in
            [("", "https://huggingface.co"), ("https://hub.example/", "https://hub.example")]
        {
            let text = reason(endpoint);
            assert!(text.ends_with(&format!("Create a token at {hub}/settings/tokens")), "{text}");
        }
    }
}
