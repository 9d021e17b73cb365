//! Custom blocks, and the context that they are rendered in.

use maud::Markup;

use super::super::activity::RecentDeliveries;
use super::super::background::PausedEndpoints;
use super::super::document::Deployment;
use super::super::endpoints::EndpointSummary;
use super::super::form::Form;
use crate::http::webhook_status::WebhookReport;

/// A custom block, rendered for each page view.
///
/// Its markup is that of [maud](https://maud.lambda.xyz), which escapes text. The page's
/// Content-Security-Policy forbids inline scripts and styles, and anything from other sites.
///
/// ```
/// use std::sync::Arc;
/// use std::sync::atomic::{AtomicU64, Ordering};
/// use webhooks_runtime::maud::{Markup, PreEscaped};
/// use webhooks_runtime::{Block, Blocks, PageContext};
///
/// struct Runs(Arc<AtomicU64>);
///
/// impl Block for Runs {
///     fn render(&self, _context: &PageContext<'_>) -> Markup {
///         // With the crate `maud` in Cargo.toml: html! { p { (runs) " runs so far" } }
///         PreEscaped(format!("<p>{} runs so far</p>", self.0.load(Ordering::Relaxed)))
///     }
/// }
///
/// let runs = Arc::new(AtomicU64::new(0));
/// let ui = Blocks::default().block(Runs(Arc::clone(&runs)));
/// ```
pub trait Block: Send + Sync + 'static {
    /// Renders the block for one page view.
    ///
    /// ```
    /// use std::time::SystemTime;
    ///
    /// use webhooks_runtime::maud::{Markup, PreEscaped};
    /// use webhooks_runtime::testing::TestClient;
    /// use webhooks_runtime::{Block, Blocks, PageContext, WebhooksServer};
    ///
    /// /// Shows how long the program has been running.
    /// struct Started(SystemTime);
    ///
    /// impl Block for Started {
    ///     fn render(&self, _context: &PageContext<'_>) -> Markup {
    ///         let seconds = self.0.elapsed().map(|time| time.as_secs()).unwrap_or_default();
    ///         PreEscaped(format!("<p>Running for {seconds} s</p>"))
    ///     }
    /// }
    ///
    /// let ui = Blocks::new().block(Started(SystemTime::now()));
    /// let server = WebhooksServer::empty().add_webhook("/hello", async || "hello").ui(ui);
    /// let page = TestClient::new(server)?.get("/").send();
    /// assert!(page.text().contains("<p>Running for 0 s</p>"));
    /// # Ok::<(), webhooks_runtime::LaunchError>(())
    /// ```
    fn render(&self, context: &PageContext<'_>) -> Markup;
}

/// The context of one page view, for a [`Block`].
///
/// Whatever a block renders is visible to anyone who opens the page, also through the share link. Check
/// [`may_see_deliveries`](Self::may_see_deliveries) before rendering anything private.
///
/// ```
/// use webhooks_runtime::maud::{Markup, PreEscaped};
/// use webhooks_runtime::{Block, PageContext};
///
/// /// Shows what the bot costs, to authorized viewers only.
/// struct Costs;
///
/// impl Block for Costs {
///     fn render(&self, context: &PageContext<'_>) -> Markup {
///         let text = if context.may_see_deliveries() { "<p>12 GPU hours so far</p>" } else { "" };
///         PreEscaped(text.to_owned())
///     }
/// }
/// ```
#[derive(Debug)]
pub struct PageContext<'a> {
    pub(in crate::dashboard) base: &'a str,
    pub(in crate::dashboard) deployment: Deployment,
    pub(in crate::dashboard) endpoints: &'a [EndpointSummary],
    /// The webhooks on the Hub, if the server registers them.
    pub(in crate::dashboard) webhooks: Option<&'a WebhookReport>,
    /// The recent deliveries, for an authorized viewer.
    pub(in crate::dashboard) deliveries: Option<&'a RecentDeliveries>,
    pub(in crate::dashboard) paused: &'a PausedEndpoints,
    /// Whether the viewer is authorized.
    pub(in crate::dashboard) authorized: bool,
    pub(in crate::dashboard) form: &'a Form,
}

/// The former name of [`PageContext`].
#[doc(hidden)]
pub type Visit<'a> = PageContext<'a>;

impl PageContext<'_> {
    /// Returns the URL of this server, without a slash at its end: the public URL if there is one yet, or else the
    /// local one.
    ///
    /// ```
    /// # use webhooks_runtime::maud::{Markup, PreEscaped};
    /// # use webhooks_runtime::testing::TestClient;
    /// # use webhooks_runtime::{Block, Blocks, PageContext, WebhooksServer};
    /// struct HealthLink;
    ///
    /// impl Block for HealthLink {
    ///     fn render(&self, context: &PageContext<'_>) -> Markup {
    ///         let base = context.base_url();
    ///         PreEscaped(format!("<p><a href=\"{base}/health\">Health</a></p>"))
    ///     }
    /// }
    /// # let server = WebhooksServer::empty().add_webhook("/hello", async || "hello");
    /// # let page = TestClient::new(server.ui(Blocks::new().block(HealthLink)))?.get("/").send();
    /// # assert!(page.text().contains("127.0.0.1:7860/health"));
    /// # Ok::<(), webhooks_runtime::LaunchError>(())
    /// ```
    #[must_use]
    pub fn base_url(&self) -> &str {
        self.base
    }

    /// Returns whether the viewer is authorized: they have opened the page with its token, and may see deliveries and
    /// anything else that is private to the operator of the program.
    ///
    /// ```
    /// # use webhooks_runtime::maud::{Markup, PreEscaped};
    /// # use webhooks_runtime::testing::TestClient;
    /// # use webhooks_runtime::{Block, Blocks, PageContext, WebhooksServer};
    /// struct Notes;
    ///
    /// impl Block for Notes {
    ///     fn render(&self, context: &PageContext<'_>) -> Markup {
    ///         let notes = context.may_see_deliveries().then_some("<p>Ask before you retrain.</p>");
    ///         PreEscaped(notes.unwrap_or_default().to_owned())
    ///     }
    /// }
    /// # let server = WebhooksServer::empty().add_webhook("/hello", async || "hello");
    /// # let page = TestClient::new(server.ui(Blocks::new().block(Notes)))?.get("/");
    /// # assert!(!page.send().text().contains("Ask before"));
    /// # Ok::<(), webhooks_runtime::LaunchError>(())
    /// ```
    #[must_use]
    pub fn may_see_deliveries(&self) -> bool {
        self.authorized
    }

    /// Returns the paths of the endpoints, sorted.
    ///
    /// ```
    /// # use webhooks_runtime::maud::{Markup, PreEscaped};
    /// # use webhooks_runtime::testing::TestClient;
    /// # use webhooks_runtime::{Block, Blocks, PageContext, WebhooksServer};
    /// struct PathList;
    ///
    /// impl Block for PathList {
    ///     fn render(&self, context: &PageContext<'_>) -> Markup {
    ///         let items: String = context.paths().map(|path| format!("<li>{path}</li>")).collect();
    ///         PreEscaped(format!("<ul>{items}</ul>"))
    ///     }
    /// }
    /// # let server = WebhooksServer::empty().add_webhook("/hello", async || "hello");
    /// # let page = TestClient::new(server.ui(Blocks::new().block(PathList)))?.get("/").send();
    /// # assert!(page.text().contains("<li>/webhooks/hello</li>"));
    /// # Ok::<(), webhooks_runtime::LaunchError>(())
    /// ```
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.endpoints.iter().map(|endpoint| endpoint.info.path.as_str())
    }
}
