//! Tells the servers of a program apart by their public URLs: several can remember their webhooks in one place, such as
//! those of two teams on one machine, each with its own `watch_env` and prefix.

use std::collections::BTreeSet;

use super::{LeaveReason, PlanInput, PlanWarning, RegistrationPlan, StepAction};
use crate::hub::Webhook;
use crate::registration::endpoint::WebhookEndpoint;
use crate::registration::ours::{TargetUrl, server_of};
use crate::registration::remembered::UrlKind;

/// Returns the public URLs of the servers whose webhooks a plan would take over. They must not run.
pub(crate) fn taken(plan: &RegistrationPlan, input: &PlanInput) -> BTreeSet<String> {
    let no_watch = StepAction::LeaveAlone(LeaveReason::NoWatch);
    let used = plan.steps.iter().filter(|step| step.action != no_watch);
    let ids: BTreeSet<_> = used.filter_map(|step| step.id.as_deref()).collect();
    let webhooks = input.account.iter().filter(|webhook| ids.contains(&*webhook.id));
    webhooks.filter_map(|webhook| other_server(webhook, input)).collect()
}

/// Returns the public URL of the server whose endpoint a remembered webhook calls; `None` if it is this one, or not
/// known, because a person has changed the webhook's URL.
pub(super) fn other_server(webhook: &Webhook, input: &PlanInput) -> Option<String> {
    let remembered = input.remembered.get(&webhook.id)?;
    let server = server_of(webhook, &remembered.path)?;
    let is_this = TargetUrl::parse(server)? == TargetUrl::parse(input.public_url.url.as_str())?;
    (remembered.url_kind == input.public_url.kind && !is_this).then(|| server.to_owned())
}

/// Returns the public URL of another server whose endpoint a remembered webhook calls, and that runs now.
pub(super) fn running_server(webhook: &Webhook, input: &PlanInput) -> Option<String> {
    other_server(webhook, input).filter(|server| input.running.contains(server))
}

/// Returns whether the webhook is one for another server that runs now, beside which this one has its own. A program
/// has only one webhook for its share link.
pub(super) fn is_beside(webhook: &Webhook, input: &PlanInput) -> bool {
    input.public_url.kind == UrlKind::Fixed && running_server(webhook, input).is_some()
}

/// Returns a warning for each webhook of an endpoint that stays at another server.
pub(super) fn of_other_servers(endpoint: &WebhookEndpoint, input: &PlanInput) -> Vec<PlanWarning> {
    let is_of_endpoint = |webhook: &&Webhook| {
        input.remembered.get(&webhook.id).is_some_and(|it| it.path == endpoint.path)
    };
    let warning = |webhook: &Webhook| {
        let public_url = running_server(webhook, input)?;
        let (path, id) = (endpoint.path.clone(), webhook.id.clone());
        is_beside(webhook, input).then_some(PlanWarning::OfOtherServer { path, id, public_url })
    };
    input.account.iter().filter(is_of_endpoint).filter_map(warning).collect()
}
