//! Registers the webhooks of a Space that runs.

use std::time::SystemTime;

use super::environment::is_unknown;
use crate::cli::hub_command::webhooks::CommandError;
use crate::cli::hub_command::webhooks::program::ProgramContext;
use crate::cli::hub_command::webhooks::report::done_word;
use crate::cli::hub_command::webhooks::sync::Draft;
use crate::config::addresses::PublicUrl;
use crate::deploy::event::{DeployEvent, EventReport};
use crate::hub::Hub;
use crate::registration::StepError;
use crate::registration::endpoint::WebhookEndpoint;
use crate::registration::remembered::{ServerUrl, UrlKind};
use crate::state::FileState;

const PRIVATE: &str =
    "No webhook is registered, because the Space is private: the Hub cannot deliver to it.";

const NOTHING_WATCHED: &str = "No webhook is registered, because no endpoint has `watch`. Enter the URL of an endpoint \
    in https://huggingface.co/settings/webhooks, with the Space's WEBHOOK_SECRET.";

const UNKNOWN_SECRET: &str = "No webhook is registered, because the Space has a secret that this machine does not know. \
    Deploy from the machine that has set it, or set another one with --secret WEBHOOK_SECRET.";

/// Returns why no webhook of these endpoints is registered, if none is.
pub(super) fn obstacle(endpoints: &[WebhookEndpoint], is_private: bool) -> Option<&'static str> {
    let mut watching = endpoints.iter().filter(|endpoint| endpoint.is_watching()).peekable();
    if is_private {
        return Some(PRIVATE);
    }
    if watching.peek().is_none() {
        return Some(NOTHING_WATCHED);
    }
    let secret = |endpoint: &WebhookEndpoint| endpoint.secret.clone();
    let mut secrets = watching.filter_map(secret);
    secrets.any(|secret| is_unknown(secret.reveal())).then_some(UNKNOWN_SECRET)
}

/// Registers the webhooks of these endpoints at a public URL. Returns what the Hub refused.
pub(super) async fn register(
    endpoints: Vec<WebhookEndpoint>,
    (hub, state): (Hub, FileState),
    url: PublicUrl,
    report: EventReport<'_>,
) -> Result<Vec<StepError>, CommandError> {
    let url = ServerUrl { url, kind: UrlKind::Fixed };
    let program = ProgramContext {
        hub,
        state: Box::new(state),
        store: None,
        endpoints: endpoints.clone(),
        names: Vec::new(),
        public_url: Some(url.clone()),
        on_space: true,
        secret_file: None,
    };
    let endpoints = endpoints.into();
    let draft = Draft { program: &program, url: &url, endpoints, now: SystemTime::now() };
    let plan = draft.plan().await?;
    for warning in &plan.warnings {
        report(DeployEvent::Warning { message: &format!("{warning}.") });
    }
    for step in plan.steps.iter().filter(|step| !step.action.is_change()) {
        let (action, id) = (done_word(&step.action), step.id.as_deref().unwrap_or_default());
        report(DeployEvent::Webhook { endpoint: &step.path, action, id });
    }
    let errors = draft.carry_out(&plan, |step, id| {
        let action = done_word(&step.action);
        report(DeployEvent::Webhook { endpoint: &step.path, action, id });
    });
    Ok(errors.await)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::hub_command::deploy::environment::on_space;
    use crate::deploy::snapshot::SpaceSnapshot;
    use crate::hub::{SpaceSecretInfo, WatchedItem, WebhookDomain};
    use crate::registration::endpoint::WebhookSecret;

    fn endpoint(watched: bool, secret: &str) -> WebhookEndpoint {
        WebhookEndpoint {
            path: "/webhooks/x".to_owned(),
            watched: if watched { vec![WatchedItem::new("model", "me/tiny")] } else { Vec::new() },
            domains: vec![WebhookDomain::Repo],
            secret: Some(WebhookSecret::new(secret)),
            secret_is_new: false,
        }
    }

    #[test]
    fn nothing_is_registered_that_could_not_work() {
        let info = SpaceSecretInfo { updated_at: String::new() };
        let secrets = [("WEBHOOK_SECRET".to_owned(), info)].into();
        let snapshot = SpaceSnapshot { secrets, ..SpaceSnapshot::default() };
        let none = std::collections::BTreeMap::new();
        let environment = on_space("me/bot", Some(&snapshot), &none, &none, None);
        let unknown = environment.get("WEBHOOK_SECRET").unwrap().unwrap();
        for (endpoints, private, expected) in [
            (vec![endpoint(true, "hush")], false, None),
            (vec![endpoint(true, "hush")], true, Some(PRIVATE)),
            (vec![endpoint(false, "hush")], false, Some(NOTHING_WATCHED)),
            (vec![endpoint(true, "hush"), endpoint(true, &unknown)], false, Some(UNKNOWN_SECRET)),
            (vec![endpoint(true, "hush"), endpoint(false, &unknown)], false, None),
        ] {
            assert_eq!(obstacle(&endpoints, private), expected);
        }
    }
}
