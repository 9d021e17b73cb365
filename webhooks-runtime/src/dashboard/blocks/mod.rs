//! The page as a list of blocks, which programs put together.
//!
//! - `context` has the trait of custom blocks, and the context of a page view.
//! - `render` renders the blocks.

mod context;
mod render;

use std::fmt;
use std::sync::Arc;

use maud::Markup;

use super::markdown::markdown;
pub use context::{Block, PageContext, Visit};

/// A page made of blocks, in the order in which they are added; see [`WebhooksServer::ui`].
///
/// `Blocks::default()` is the default page: [`intro`](Self::intro),
/// [`endpoints`](Self::endpoints), [`trigger_form`](Self::trigger_form),
/// [`activity`](Self::activity), [`next_steps`](Self::next_steps).
///
/// ```
/// use webhooks_runtime::{Blocks, WebhooksServer};
///
/// let ui = Blocks::new().markdown("# Retraining bot").endpoints().trigger_form().activity();
/// let server = WebhooksServer::new().ui(ui).webhook_secret("my_secret_key");
/// ```
///
/// [`WebhooksServer::ui`]: crate::WebhooksServer::ui
#[derive(Clone)]
#[must_use = "a page is served after it is passed to `.ui(…)`"]
pub struct Blocks {
    blocks: Vec<BlockKind>,
}

#[derive(Clone)]
enum BlockKind {
    Intro,
    Endpoints,
    TriggerForm,
    Activity,
    NextSteps,
    /// Markup that never changes.
    Fixed(Arc<str>),
    Custom(Arc<dyn Block>),
}

impl Blocks {
    /// Returns an empty page.
    ///
    /// ```
    /// # use webhooks_runtime::testing::TestClient;
    /// # use webhooks_runtime::{Blocks, WebhooksServer};
    /// let server = WebhooksServer::empty().add_webhook("/hello", async || "hello");
    /// let page = TestClient::new(server.ui(Blocks::new()))?.get("/").send();
    /// assert_eq!(page.status(), 200);
    /// assert!(!page.text().contains("/webhooks/hello"));
    /// # Ok::<(), webhooks_runtime::LaunchError>(())
    /// ```
    pub fn new() -> Self {
        Self { blocks: Vec::new() }
    }

    /// Adds an introduction: what the program does, and where it runs.
    ///
    /// ```
    /// # use webhooks_runtime::testing::TestClient;
    /// # use webhooks_runtime::{Blocks, WebhooksServer};
    /// let server = WebhooksServer::empty().add_webhook("/hello", async || "hello");
    /// let page = TestClient::new(server.ui(Blocks::new().intro()))?.get("/").send();
    /// assert!(page.text().contains("receives webhooks from the"));
    /// # Ok::<(), webhooks_runtime::LaunchError>(())
    /// ```
    pub fn intro(self) -> Self {
        self.once(BlockKind::Intro)
    }

    /// Adds a text in Markdown: [CommonMark](https://commonmark.org) with tables and strikethrough.
    /// HTML is shown as text, and an image of another site as a link.
    ///
    /// ```
    /// # use webhooks_runtime::testing::TestClient;
    /// # use webhooks_runtime::{Blocks, WebhooksServer};
    /// let ui = Blocks::new().markdown("# Retraining bot\n\nI watch *me/data*.");
    /// let server = WebhooksServer::empty().add_webhook("/hello", async || "hello");
    /// let page = TestClient::new(server.ui(ui))?.get("/").send();
    /// assert!(page.text().contains("<em>me/data</em>"));
    /// # Ok::<(), webhooks_runtime::LaunchError>(())
    /// ```
    pub fn markdown(self, text: &str) -> Self {
        self.and(BlockKind::Fixed(markdown(text).into()))
    }

    /// Adds the list of endpoints: the URL of each, and the payload that it reads.
    ///
    /// ```
    /// # use webhooks_runtime::testing::TestClient;
    /// # use webhooks_runtime::{Blocks, WebhooksServer};
    /// let server = WebhooksServer::empty().add_webhook("/hello", async || "hello");
    /// let page = TestClient::new(server.ui(Blocks::new().endpoints()))?.get("/").send();
    /// assert!(page.text().contains("/webhooks/hello"));
    /// # Ok::<(), webhooks_runtime::LaunchError>(())
    /// ```
    pub fn endpoints(self) -> Self {
        self.once(BlockKind::Endpoints)
    }

    /// Adds a form that sends a delivery to an endpoint, for viewers who have opened the page with its token.
    ///
    /// ```
    /// # use webhooks_runtime::testing::TestClient;
    /// # use webhooks_runtime::{Blocks, WebhooksServer};
    /// let server = WebhooksServer::empty().add_webhook("/hello", async || "hello");
    /// let page = TestClient::new(server.ui(Blocks::new().trigger_form()))?.get("/").send();
    ///
    /// // Without the token, the page explains how to open it instead.
    /// assert!(page.text().contains("open this page with its token"));
    /// # Ok::<(), webhooks_runtime::LaunchError>(())
    /// ```
    pub fn trigger_form(self) -> Self {
        self.once(BlockKind::TriggerForm)
    }

    /// Adds the last 200 deliveries, as they arrive, and the background deliveries with their attempts. Dead
    /// background deliveries can be run again.
    ///
    /// Payloads can be private, so they are shown only to viewers who have opened the page with its token.
    /// Without this block, the server records no deliveries.
    ///
    /// ```
    /// # use webhooks_runtime::testing::{TestClient, dataset_commit};
    /// # use webhooks_runtime::{Blocks, WebhooksServer};
    /// let server = WebhooksServer::empty().add_webhook("/hello", async || "hello");
    /// let client = TestClient::new(server.ui(Blocks::new().activity()))?;
    /// client.post("/webhooks/hello", dataset_commit().repo("me/data")).send();
    ///
    /// // Not for a viewer without the token.
    /// assert!(!client.get("/").send().text().contains("me/data"));
    /// # Ok::<(), webhooks_runtime::LaunchError>(())
    /// ```
    pub fn activity(self) -> Self {
        self.once(BlockKind::Activity)
    }

    /// Adds the next steps, which depend on where the program runs.
    ///
    /// ```
    /// # use webhooks_runtime::testing::TestClient;
    /// # use webhooks_runtime::{Blocks, WebhooksServer};
    /// let server = WebhooksServer::empty().add_webhook("/hello", async || "hello");
    /// let page = TestClient::new(server.ui(Blocks::new().next_steps()))?.get("/").send();
    /// assert!(page.text().contains("Next steps"));
    /// # Ok::<(), webhooks_runtime::LaunchError>(())
    /// ```
    pub fn next_steps(self) -> Self {
        self.once(BlockKind::NextSteps)
    }

    /// Adds markup without changing it. To write it with `maud::html!`, add `maud = "0.27"` to your `Cargo.toml`.
    ///
    /// ```
    /// use webhooks_runtime::Blocks;
    /// use webhooks_runtime::maud::PreEscaped;
    ///
    /// let markup = PreEscaped("<p>Ask <a href=\"mailto:ops@example.com\">ops</a>.</p>".to_owned());
    /// let ui = Blocks::default().html(markup);
    /// ```
    #[allow(clippy::needless_pass_by_value, reason = "markup is rarely used twice")]
    pub fn html(self, markup: Markup) -> Self {
        self.and(BlockKind::Fixed(markup.into_string().into()))
    }

    /// Adds a custom block.
    ///
    /// ```
    /// use webhooks_runtime::maud::{Markup, PreEscaped};
    /// use webhooks_runtime::{Block, Blocks, PageContext};
    ///
    /// struct Rule;
    ///
    /// impl Block for Rule {
    ///     fn render(&self, _context: &PageContext<'_>) -> Markup {
    ///         PreEscaped("<hr>".to_owned())
    ///     }
    /// }
    ///
    /// let ui = Blocks::new().intro().block(Rule).endpoints();
    /// ```
    pub fn block(self, block: impl Block) -> Self {
        self.and(BlockKind::Custom(Arc::new(block)))
    }

    fn and(mut self, block: BlockKind) -> Self {
        self.blocks.push(block);
        self
    }

    /// Adds a block, and removes an earlier one of its kind: scripts and links find it by its id.
    fn once(mut self, block: BlockKind) -> Self {
        let kind = std::mem::discriminant(&block);
        self.blocks.retain(|other| std::mem::discriminant(other) != kind);
        self.and(block)
    }
}

impl Default for Blocks {
    /// Returns the default page.
    fn default() -> Self {
        Self::new().intro().endpoints().trigger_form().activity().next_steps()
    }
}

impl fmt::Debug for Blocks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.blocks).finish()
    }
}

impl fmt::Debug for BlockKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Intro => "intro",
            Self::Endpoints => "endpoints",
            Self::TriggerForm => "trigger_form",
            Self::Activity => "activity",
            Self::NextSteps => "next_steps",
            Self::Fixed(_) => "html",
            Self::Custom(_) => "block",
        })
    }
}
