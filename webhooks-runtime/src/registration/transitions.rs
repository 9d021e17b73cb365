//! Logs what has happened to the webhooks between two checks of them.

use super::plan::{LeaveReason, PlannedStep, RegistrationPlan, StepAction};
use crate::http::webhook_status::{WebhookCondition, WebhookReport};

/// Logs each webhook whose condition has changed.
pub(super) fn log_transitions(
    before: &WebhookReport,
    after: &WebhookReport,
    plan: &RegistrationPlan,
) {
    for webhook in &after.webhooks {
        let path = &webhook.path;
        let former = before.webhook(path).map(|before| before.condition);
        let needs_person = plan.steps.iter().any(|step| step.path == *path && is_given_up(step));
        match webhook.condition {
            now if former == Some(now) => {}
            WebhookCondition::Suspended if needs_person => tracing::error!(
                endpoint = path,
                "the Hub has suspended the webhook again and again today: find out why its deliveries fail, then \
                 enable it with `webhooks enable`"
            ),
            WebhookCondition::Suspended => tracing::warn!(
                endpoint = path,
                "the Hub has suspended the webhook, because its deliveries failed: it is enabled again as soon as \
                 the public URL works"
            ),
            WebhookCondition::Disabled => {
                tracing::warn!(endpoint = path, "the webhook on the Hub was disabled by a person");
            }
            WebhookCondition::Missing => tracing::warn!(
                endpoint = path,
                "the webhook on the Hub was deleted: the next start creates it again"
            ),
            WebhookCondition::Enabled => {
                tracing::info!(endpoint = path, "the webhook on the Hub is enabled again");
            }
        }
    }
}

fn is_given_up(step: &PlannedStep) -> bool {
    matches!(step.action, StepAction::LeaveAlone(LeaveReason::SuspendedTooOften))
}
