//! Decides for each endpoint what to do, by the rules that protect the account.

use super::change::{SecretChange, WebhookChange, changes};
use super::overlap::also_watched;
use super::servers::{is_beside, of_other_servers, other_server, running_server};
use super::{
    EnableReason, LeaveReason, PlanInput, PlanWarning, PlannedStep, RegistrationMode,
    RegistrationPlan, StepAction,
};
use crate::hub::{Webhook, WebhookSpec, WebhookState};
use crate::registration::endpoint::WebhookEndpoint;
use crate::registration::ours::{TargetUrl, endpoint_url, query};
use crate::registration::remembered::{PauseMark, RememberedWebhook, UrlKind};

/// Makes the plan.
pub(crate) fn plan(input: &PlanInput) -> RegistrationPlan {
    let (mut steps, mut warnings) = (Vec::new(), Vec::new());
    for endpoint in input.endpoints.iter().filter(|endpoint| endpoint.is_watching()) {
        let webhook = find(endpoint, input);
        let action = match webhook {
            Some(webhook) => decide(endpoint, webhook, input, &mut warnings),
            None => StepAction::Create(spec(endpoint, &desired_url(endpoint, input, None))),
        };
        warnings.extend(of_other_servers(endpoint, input));
        warnings.extend(also_watched(endpoint, webhook, &action, input));
        let id = webhook.map(|webhook| webhook.id.clone());
        steps.push(PlannedStep { path: endpoint.path.clone(), id, action });
    }
    let without_watch = without_watch(&steps, input);
    let unwatched = input.endpoints.iter().filter(|endpoint| !endpoint.is_watching());
    let unwatched = unwatched.map(|endpoint| endpoint.path.clone()).collect();
    steps.extend(without_watch);
    RegistrationPlan { steps, warnings, resumed: resumed(input), unwatched }
}

/// Finds the webhook of an endpoint: one that is remembered for it, or one that calls its URL.
fn find<'a>(endpoint: &WebhookEndpoint, input: &'a PlanInput) -> Option<&'a Webhook> {
    let target = TargetUrl::of_endpoint(&input.public_url.url, &endpoint.path);
    let remembered_for = |webhook: &Webhook| {
        let remembered = input.remembered.get(&webhook.id);
        remembered.filter(|it| it.url_kind == input.public_url.kind).map(|it| it.path.as_str())
    };
    let is_remembered = |webhook: &Webhook| remembered_for(webhook) == Some(&endpoint.path);
    let is_of_another = |webhook: &Webhook| {
        remembered_for(webhook)
            .is_some_and(|path| path != endpoint.path && is_watching(path, input))
    };
    let calls_it = |webhook: &Webhook| {
        !is_of_another(webhook) && target.as_ref().is_some_and(|target| target.is_of(webhook))
    };
    // Of several, one that needs the fewest changes.
    let rank = |webhook: &&Webhook| {
        let by_state = match webhook.state {
            WebhookState::Enabled => 0,
            WebhookState::Suspended => 1,
            _ => 2,
        };
        (!is_remembered(webhook), !calls_it(webhook), by_state)
    };
    let ours = input.account.iter().filter(|webhook| is_remembered(webhook) || calls_it(webhook));
    let ours = ours.filter(|webhook| !is_beside(webhook, input));
    ours.min_by_key(rank)
}

/// Returns the ids of webhooks that this program has disabled, or was about to, and that are not disabled any more.
fn resumed(input: &PlanInput) -> Vec<String> {
    let is_resumed = |webhook: &&Webhook| {
        let remembered = input.remembered.get(&webhook.id);
        webhook.state != WebhookState::Disabled
            && remembered.is_some_and(|it| it.pause() != PauseMark::None)
    };
    input.account.iter().filter(is_resumed).map(|webhook| webhook.id.clone()).collect()
}

/// Decides what to do with the webhook of an endpoint.
fn decide(
    endpoint: &WebhookEndpoint,
    webhook: &Webhook,
    input: &PlanInput,
    warnings: &mut Vec<PlanWarning>,
) -> StepAction {
    use StepAction::{Adopt, Enable, LeaveAlone, Unchanged, Update};

    let Some(url) = webhook.url.as_deref() else {
        return LeaveAlone(LeaveReason::StartsJob);
    };
    let remembered = input.remembered.get(&webhook.id);
    if let Some(server) = running_server(webhook, input) {
        return LeaveAlone(LeaveReason::InUse(server));
    }
    let pause = remembered.map_or(PauseMark::None, RememberedWebhook::pause);
    let enables = match (webhook.state, pause) {
        (WebhookState::Enabled, _) => None,
        (WebhookState::Suspended, _) => Some(EnableReason::Suspended),
        (WebhookState::Disabled, PauseMark::Confirmed) => Some(EnableReason::Paused),
        // Not even an update, which might enable it.
        (WebhookState::Disabled, PauseMark::Asked) => {
            return LeaveAlone(LeaveReason::PauseUnconfirmed);
        }
        _ => return LeaveAlone(LeaveReason::DisabledByPerson),
    };
    let is_unattended = input.mode == RegistrationMode::Unattended;
    // The server enables it when it starts.
    let enables = enables.filter(|reason| is_unattended || *reason != EnableReason::Paused);
    let is_disabled = webhook.state == WebhookState::Disabled;
    let url = desired_url(endpoint, input, Some(url));
    let spec = spec(endpoint, &url);
    let changes = changes(webhook, &url, &spec, remembered);

    if is_unattended
        && enables == Some(EnableReason::Suspended)
        && !input.remembered.may_enable(&webhook.id, input.now)
    {
        return LeaveAlone(LeaveReason::SuspendedTooOften);
    }
    if is_unattended && remembered.is_none() {
        return without_adopting(endpoint, webhook, changes, enables, warnings);
    }
    let knows_secret = endpoint.secret.is_some() && !endpoint.secret_is_new;
    let loses_secret = webhook.has_secret && !knows_secret;
    if loses_secret && (!is_unattended || !changes.is_empty()) {
        return LeaveAlone(LeaveReason::UnknownSecret);
    }
    match enables {
        _ if !changes.is_empty() => Update { spec, changes, adopts: remembered.is_none(), enables },
        Some(reason) => Enable(reason),
        None if is_known_for(remembered, endpoint, input) => Unchanged { paused: is_disabled },
        None => Adopt,
    }
}

/// Decides what a server does, without a person, with a webhook that it does not remember: it only enables it.
fn without_adopting(
    endpoint: &WebhookEndpoint,
    webhook: &Webhook,
    mut changes: Vec<WebhookChange>,
    enables: Option<EnableReason>,
    warnings: &mut Vec<PlanWarning>,
) -> StepAction {
    // What was sent last cannot be known.
    changes.retain(|change| *change != WebhookChange::Secret(SecretChange::Unknown));
    match enables {
        Some(reason) => {
            if !changes.is_empty() {
                let (path, id) = (endpoint.path.clone(), webhook.id.clone());
                warnings.push(PlanWarning::Differs { path, id, changes });
            }
            StepAction::Enable(reason)
        }
        None if changes.is_empty() => StepAction::Unchanged { paused: false },
        None => StepAction::LeaveAlone(LeaveReason::NotRemembered(changes)),
    }
}

/// Returns whether the webhook is remembered for just this endpoint and kind of URL.
fn is_known_for(
    remembered: Option<&RememberedWebhook>,
    endpoint: &WebhookEndpoint,
    input: &PlanInput,
) -> bool {
    remembered.is_some_and(|remembered| {
        remembered.path == endpoint.path && remembered.url_kind == input.public_url.kind
    })
}

/// Returns whether an endpoint at this path gets a webhook.
fn is_watching(path: &str, input: &PlanInput) -> bool {
    input.endpoints.iter().any(|endpoint| endpoint.path == path && endpoint.is_watching())
}

/// Returns a step for each webhook of ours whose endpoint no longer exists, or watches nothing: it is left alone.
fn without_watch(steps: &[PlannedStep], input: &PlanInput) -> Vec<PlannedStep> {
    let has_step = |webhook: &Webhook| {
        steps.iter().any(|step| step.id.as_deref() == Some(webhook.id.as_str()))
    };
    // Another server of the program may have other endpoints. The former link of a tunnel has none.
    let is_known = |webhook: &Webhook| {
        input.public_url.kind == UrlKind::Tunnel || other_server(webhook, input).is_none()
    };
    let path_of = |webhook: &Webhook| match input.remembered.get(&webhook.id) {
        Some(remembered) if remembered.url_kind == input.public_url.kind => {
            is_known(webhook).then(|| remembered.path.clone())
        }
        _ => input.endpoints.iter().map(|endpoint| &endpoint.path).find_map(|path| {
            let target = TargetUrl::of_endpoint(&input.public_url.url, path)?;
            target.is_of(webhook).then(|| path.clone())
        }),
    };
    let webhooks = input.account.iter().filter(|webhook| !has_step(webhook));
    let left = webhooks.filter_map(|webhook| {
        let path = path_of(webhook).filter(|path| !is_watching(path, input))?;
        let action = StepAction::LeaveAlone(LeaveReason::NoWatch);
        Some(PlannedStep { path, id: Some(webhook.id.clone()), action })
    });
    left.collect()
}

/// Returns the URL that the webhook of an endpoint calls. It keeps the query of `before` if it is otherwise the same,
/// because a person may have added one.
fn desired_url(endpoint: &WebhookEndpoint, input: &PlanInput, before: Option<&str>) -> String {
    let url = endpoint_url(&input.public_url.url, &endpoint.path);
    match before {
        Some(before) if TargetUrl::parse(before) == TargetUrl::parse(&url) => url + query(before),
        _ => url,
    }
}

/// Returns the webhook that an endpoint needs.
fn spec(endpoint: &WebhookEndpoint, url: &str) -> WebhookSpec {
    let spec = WebhookSpec::new(url).domains(endpoint.domains.iter().cloned());
    let spec = endpoint.watched.iter().cloned().fold(spec, WebhookSpec::watch);
    match &endpoint.secret {
        Some(secret) => spec.secret(secret.reveal()),
        None => spec,
    }
}
