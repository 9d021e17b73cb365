//! Serves the page of blocks: composes the dashboard, and gives the handle the URL of its deliveries.

use std::sync::Arc;

use super::ServerHandle;
use super::background::BackgroundPart;
use super::composition::Composition;
use super::ui::{RootPage, Ui};
use crate::config::error::SettingError;
use crate::dashboard::{self, Blocks, DashboardSettings};
use crate::http::part::Part;
use crate::http::webhook_status::WebhookStatus;

/// The `Kind` of a page of blocks.
#[derive(Debug)]
pub struct OfBlocks;

impl Ui<OfBlocks> for Blocks {
    fn into_page(self) -> RootPage {
        RootPage::Blocks(self)
    }
}

/// The page, with the Cargo feature `page`.
impl ServerHandle {
    /// Returns the URL that opens the page with its deliveries: the public URL if it is known, otherwise the local
    /// one, with the token. The token is the value of `WEBHOOKS_PAGE_TOKEN`, or a random one for this start. `None` if
    /// nothing on the page needs the token.
    ///
    /// Anyone who has this URL can see the payloads, which may be private.
    ///
    /// ```
    /// # use webhooks_runtime::WebhooksServer;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), webhooks_runtime::LaunchError> {
    /// # let server = WebhooksServer::empty().add_webhook("/hello", async || "hello").port(0);
    /// let server = server.start().await?;
    /// if let Some(url) = server.activity_url() {
    ///     println!("Deliveries: {url}");
    /// }
    /// # assert!(server.activity_url().unwrap().contains("/?token="));
    /// # server.stop().await;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn activity_url(&self) -> Option<String> {
        self.parts.iter().find_map(|part| part.viewer_url())
    }
}

/// Creates the parts of the dashboard. `page` is the page at `/` if the code sets one, and `webhooks` the status of the
/// server's webhooks if it registers them. Invalid settings are added to `errors`.
pub(super) fn compose(
    page: Option<RootPage>,
    version: Option<&'static str>,
    webhooks: Option<WebhookStatus>,
    background: &BackgroundPart,
    server: &Composition<'_>,
    errors: &mut Vec<SettingError>,
) -> Vec<Arc<dyn Part>> {
    let blocks = match page {
        Some(RootPage::Handler(_)) => None,
        Some(RootPage::Blocks(blocks)) => Some(blocks),
        None => Some(Blocks::default()),
    };
    let settings = DashboardSettings {
        blocks,
        version: version.unwrap_or(env!("CARGO_PKG_VERSION")),
        on_space: server.settings.on_space,
        endpoints: server.endpoints,
        addresses: server.addresses.clone(),
        dispatcher: Arc::clone(server.dispatcher),
        jobs: Arc::clone(&background.jobs),
        monitor: background.monitor.clone(),
        webhooks,
    };
    dashboard::compose(settings, server.environment, errors)
}
