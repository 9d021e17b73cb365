//! Composes the alerts that are posted to a URL, and defines the builder's method for them.

use std::sync::Arc;

use super::WebhooksServer;
use super::background::BackgroundPart;
use super::composition::Composition;
use crate::alerts::{AlertSettings, AlertsPart};
use crate::config::table::setting_docs;
use crate::http::part::Part;
use crate::http::webhook_status::WebhookStatus;

/// Alerts, with the Cargo feature `cli` or `hub`.
impl WebhooksServer {
    #[doc = setting_docs!(alert_url)]
    /// Anyone who has the URL of a chat can post to it, so keep it out of the code: read it from the variable. Nothing that
    /// the server logs or shows contains it.
    ///
    /// Alerts are gathered, so that a burst of them is one post, and posted at most every 10 s. While the URL cannot be
    /// reached they are kept, and that is logged once. A post contains no payload, and of an error only its outermost text.
    ///
    /// ```
    /// # use webhooks_runtime::WebhooksServer;
    /// let server = WebhooksServer::new().alert_url("https://hooks.slack.com/services/T0/B0/XXXX");
    /// ```
    pub fn alert_url(mut self, url: impl Into<String>) -> Self {
        self.settings.alert_url = Some(url.into().into());
        self
    }
}

/// Creates the part of the alerts, if there is a URL for them. `webhooks` is the status of the server's webhooks if it
/// registers them.
pub(super) fn compose(
    webhooks: Option<&WebhookStatus>,
    background: &BackgroundPart,
    server: &Composition<'_>,
) -> Option<Arc<dyn Part>> {
    Some(Arc::new(AlertsPart::new(AlertSettings {
        url: server.settings.alert_url.clone()?,
        jobs: Arc::clone(&background.jobs),
        monitor: background.monitor.clone(),
        webhooks,
        environment: server.environment,
    })))
}
