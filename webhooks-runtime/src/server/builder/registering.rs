//! Defines the builder's method for registration on the Hub.

use super::WebhooksServer;
use crate::config::table::setting_docs;

/// Registration on the Hub, with the Cargo feature `hub`.
impl WebhooksServer {
    #[doc = setting_docs!(register)]
    /// The server registers once its public URL works. It creates missing webhooks, updates those that it remembers,
    /// and enables those that the Hub has suspended. It never changes other webhooks, never deletes one, and never
    /// enables one that a person has disabled. The command `webhooks sync` does the same once, after it has shown what
    /// it will change.
    ///
    /// It needs a token with write access to webhooks, in `HF_TOKEN` or from `hf auth login`.
    ///
    /// ```no_run
    /// use webhooks_runtime::{LaunchError, WebhookPayload, WebhooksServer, webhook_endpoint};
    ///
    /// #[webhook_endpoint(watch = "dataset:me/data")]
    /// async fn retrain(payload: WebhookPayload) {
    ///     // train
    /// }
    ///
    /// fn main() -> Result<(), LaunchError> {
    ///     WebhooksServer::new().register(true).launch()
    /// }
    /// ```
    pub fn register(mut self, register: bool) -> Self {
        self.settings.register = Some(register);
        self
    }
}
