//! Enables a webhook, after a last check of what a person wants.

use std::time::SystemTime;

use super::{Registrar, StepFailure};
use crate::hub::WebhookState;
use crate::registration::plan::{EnableReason, RegistrationMode};
use crate::registration::remembered::{PauseMark, RememberedWebhooks};

impl Registrar<'_> {
    /// Enables a webhook.
    pub(super) async fn enable(
        &self,
        id: &str,
        reason: EnableReason,
        now: SystemTime,
    ) -> Result<(), StepFailure> {
        if self.mode == RegistrationMode::Sync {
            self.hub.enable_webhook(id).await?;
            return self.remember(|webhooks| webhooks.note_person(id)).await;
        }
        // The plan can be old: the former steps may have taken long.
        let is_enabled = self.check_before_enabling(id, reason).await?;
        match reason {
            EnableReason::Suspended if is_enabled => Ok(()),
            EnableReason::Suspended => self.enable_suspended(id, now).await,
            EnableReason::Paused => {
                if !is_enabled {
                    self.hub.enable_webhook(id).await?;
                }
                self.remember(|webhooks| webhooks.set_pause(id, PauseMark::None)).await
            }
        }
    }

    /// Returns whether the webhook is enabled already. Fails if a person may have disabled it since the plan.
    async fn check_before_enabling(
        &self,
        id: &str,
        reason: EnableReason,
    ) -> Result<bool, StepFailure> {
        let remembered = RememberedWebhooks::load(self.state).await?;
        let is_paused = remembered.get(id).is_some_and(|it| it.pause() == PauseMark::Confirmed);
        match (self.hub.webhook(id).await?.state, reason) {
            (WebhookState::Enabled, _) => Ok(true),
            (WebhookState::Suspended, EnableReason::Suspended) => Ok(false),
            (WebhookState::Disabled, EnableReason::Paused) if is_paused => Ok(false),
            _ => Err(StepFailure::ChangedMeanwhile),
        }
    }

    /// Enables a suspended webhook. It counts before the Hub is asked: the response may be lost, or the count may not
    /// be storable, and the limit must hold.
    async fn enable_suspended(&self, id: &str, now: SystemTime) -> Result<(), StepFailure> {
        self.remember(|webhooks| webhooks.note_enabled(id, now)).await?;
        let enabled = self.hub.enable_webhook(id).await;
        if enabled.as_ref().is_err_and(|error| !error.may_be_done()) {
            self.remember(|webhooks| webhooks.take_back_enabled(id, now)).await?;
        }
        enabled?;
        Ok(())
    }
}
