//! A page as a list of blocks.

use std::fmt;
use std::sync::Arc;

use maud::{Markup, PreEscaped, html};

use super::activity::{RecentDeliveries, activity};
use super::document::Deployment;
use super::endpoints::{EndpointSummary, endpoints};
use super::form::{Form, trigger_form};
use super::intro::intro;
use super::locked::locked;
use super::markdown::markdown;
use super::steps::next_steps;

/// A page made of blocks, in the order in which they are added; see [`WebhooksServer::ui`].
///
/// `Blocks::default()` is the page that is there without one: [`intro`](Self::intro),
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
#[must_use = "a page is there when it is given to `.ui(…)`"]
pub struct Blocks {
    parts: Vec<BlockKind>,
}

#[derive(Clone)]
enum BlockKind {
    Intro,
    Endpoints,
    TriggerForm,
    Activity,
    NextSteps,
    Fixed(Arc<str>),
    Own(Arc<dyn Block>),
}

/// A block of one's own, made anew for each visit.
///
/// Its markup is that of [maud](https://maud.lambda.xyz), which escapes what it is given. The page's
/// Content-Security-Policy forbids inline scripts and styles, and everything from elsewhere.
///
/// ```
/// use std::sync::Arc;
/// use std::sync::atomic::{AtomicU64, Ordering};
/// use webhooks_runtime::maud::{Markup, PreEscaped};
/// use webhooks_runtime::{Block, Blocks, Visit};
///
/// struct Runs(Arc<AtomicU64>);
///
/// impl Block for Runs {
///     fn render(&self, _visit: &Visit<'_>) -> Markup {
///         // With the crate `maud` in Cargo.toml: html! { p { (runs) " runs so far" } }
///         PreEscaped(format!("<p>{} runs so far</p>", self.0.load(Ordering::Relaxed)))
///     }
/// }
///
/// let runs = Arc::new(AtomicU64::new(0));
/// let ui = Blocks::default().block(Runs(Arc::clone(&runs)));
/// ```
pub trait Block: Send + Sync + 'static {
    /// The block as this visitor is to see it.
    ///
    /// ```
    /// use std::time::SystemTime;
    ///
    /// use webhooks_runtime::maud::{Markup, PreEscaped};
    /// use webhooks_runtime::testing::TestClient;
    /// use webhooks_runtime::{Block, Blocks, Visit, WebhooksServer};
    ///
    /// /// Since when the program has been running.
    /// struct Started(SystemTime);
    ///
    /// impl Block for Started {
    ///     fn render(&self, _visit: &Visit<'_>) -> Markup {
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
    fn render(&self, visit: &Visit<'_>) -> Markup;
}

/// A visit of the page: what a block may show. What a block makes of it is sent to everyone who opens the page,
/// through the share link too, unless it asks [`may_see_deliveries`](Self::may_see_deliveries).
///
/// ```
/// use webhooks_runtime::maud::{Markup, PreEscaped};
/// use webhooks_runtime::{Block, Visit};
///
/// /// What the bot costs, for nobody but the one who runs it.
/// struct Costs;
///
/// impl Block for Costs {
///     fn render(&self, visit: &Visit<'_>) -> Markup {
///         let text = if visit.may_see_deliveries() { "<p>12 GPU hours so far</p>" } else { "" };
///         PreEscaped(text.to_owned())
///     }
/// }
/// ```
#[derive(Debug)]
pub struct Visit<'a> {
    pub(super) base: &'a str,
    pub(super) deployment: Deployment,
    pub(super) endpoints: &'a [EndpointSummary],
    /// The last deliveries, for a visitor who may see them.
    pub(super) deliveries: Option<&'a RecentDeliveries>,
    /// Whether this visitor's page is kept up to date.
    pub(super) follows: bool,
    pub(super) form: &'a Form,
}

impl Visit<'_> {
    /// The address of this server, without a slash at its end: the public one, if there is one by now,
    /// or else the one on this machine.
    ///
    /// ```
    /// # use webhooks_runtime::maud::{Markup, PreEscaped};
    /// # use webhooks_runtime::testing::TestClient;
    /// # use webhooks_runtime::{Block, Blocks, Visit, WebhooksServer};
    /// struct Health;
    ///
    /// impl Block for Health {
    ///     fn render(&self, visit: &Visit<'_>) -> Markup {
    ///         let base = visit.base_url();
    ///         PreEscaped(format!("<p><a href=\"{base}/health\">Is it well?</a></p>"))
    ///     }
    /// }
    /// # let server = WebhooksServer::empty().add_webhook("/hello", async || "hello");
    /// # let page = TestClient::new(server.ui(Blocks::new().block(Health)))?.get("/").send();
    /// # assert!(page.text().contains("127.0.0.1:7860/health"));
    /// # Ok::<(), webhooks_runtime::LaunchError>(())
    /// ```
    #[must_use]
    pub fn base_url(&self) -> &str {
        self.base
    }

    /// Whether this viewer has opened the page with its token, and so may see deliveries and whatever else is
    /// private to the person who runs the program.
    ///
    /// ```
    /// # use webhooks_runtime::maud::{Markup, PreEscaped};
    /// # use webhooks_runtime::testing::TestClient;
    /// # use webhooks_runtime::{Block, Blocks, Visit, WebhooksServer};
    /// struct Notes;
    ///
    /// impl Block for Notes {
    ///     fn render(&self, visit: &Visit<'_>) -> Markup {
    ///         let notes = visit.may_see_deliveries().then_some("<p>Ask before you retrain.</p>");
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
        self.follows
    }

    /// The paths of the endpoints, sorted.
    ///
    /// ```
    /// # use webhooks_runtime::maud::{Markup, PreEscaped};
    /// # use webhooks_runtime::testing::TestClient;
    /// # use webhooks_runtime::{Block, Blocks, Visit, WebhooksServer};
    /// struct Paths;
    ///
    /// impl Block for Paths {
    ///     fn render(&self, visit: &Visit<'_>) -> Markup {
    ///         let items: String = visit.paths().map(|path| format!("<li>{path}</li>")).collect();
    ///         PreEscaped(format!("<ul>{items}</ul>"))
    ///     }
    /// }
    /// # let server = WebhooksServer::empty().add_webhook("/hello", async || "hello");
    /// # let page = TestClient::new(server.ui(Blocks::new().block(Paths)))?.get("/").send();
    /// # assert!(page.text().contains("<li>/webhooks/hello</li>"));
    /// # Ok::<(), webhooks_runtime::LaunchError>(())
    /// ```
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.endpoints.iter().map(|endpoint| endpoint.info.path.as_str())
    }
}

impl Blocks {
    /// An empty page.
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
        Self { parts: Vec::new() }
    }

    /// Adds what this is and where it runs.
    ///
    /// ```
    /// # use webhooks_runtime::testing::TestClient;
    /// # use webhooks_runtime::{Blocks, WebhooksServer};
    /// let server = WebhooksServer::empty().add_webhook("/hello", async || "hello");
    /// let page = TestClient::new(server.ui(Blocks::new().intro()))?.get("/").send();
    /// assert!(page.text().contains("receives webhooks of the"));
    /// # Ok::<(), webhooks_runtime::LaunchError>(())
    /// ```
    pub fn intro(self) -> Self {
        self.once(BlockKind::Intro)
    }

    /// Adds a text in Markdown: [CommonMark](https://commonmark.org) with tables and strikethrough.
    /// HTML in it is shown as text, and a picture from elsewhere as a link.
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

    /// Adds the endpoints: where to point the Hub, and what each of them takes.
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

    /// Adds a form that sends a delivery to an endpoint, for a viewer who has opened the page with its token.
    ///
    /// ```
    /// # use webhooks_runtime::testing::TestClient;
    /// # use webhooks_runtime::{Blocks, WebhooksServer};
    /// let server = WebhooksServer::empty().add_webhook("/hello", async || "hello");
    /// let page = TestClient::new(server.ui(Blocks::new().trigger_form()))?.get("/").send();
    ///
    /// // Without the token, the page says how to open it instead.
    /// assert!(page.text().contains("opens this page with its token"));
    /// # Ok::<(), webhooks_runtime::LaunchError>(())
    /// ```
    pub fn trigger_form(self) -> Self {
        self.once(BlockKind::TriggerForm)
    }

    /// Adds the last 200 deliveries, as they arrive, and what becomes of those that run in the background.
    /// Of these a person can run dead ones again.
    ///
    /// Payloads can be private, so they are shown only to a viewer who has opened the page with its token.
    /// Without this block none are kept.
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

    /// Adds what to do next, which depends on where the program runs.
    ///
    /// ```
    /// # use webhooks_runtime::testing::TestClient;
    /// # use webhooks_runtime::{Blocks, WebhooksServer};
    /// let server = WebhooksServer::empty().add_webhook("/hello", async || "hello");
    /// let page = TestClient::new(server.ui(Blocks::new().next_steps()))?.get("/").send();
    /// assert!(page.text().contains("What to do next"));
    /// # Ok::<(), webhooks_runtime::LaunchError>(())
    /// ```
    pub fn next_steps(self) -> Self {
        self.once(BlockKind::NextSteps)
    }

    /// Adds markup, as it is. To write it with `maud::html!`, add `maud = "0.27"` to your `Cargo.toml`.
    ///
    /// ```
    /// use webhooks_runtime::Blocks;
    /// use webhooks_runtime::maud::PreEscaped;
    ///
    /// let markup = PreEscaped("<p>Ask <a href=\"mailto:ops@example.com\">ops</a>.</p>".to_owned());
    /// let ui = Blocks::default().html(markup);
    /// ```
    #[allow(clippy::needless_pass_by_value, reason = "markup is made for its place")]
    pub fn html(self, markup: Markup) -> Self {
        self.and(BlockKind::Fixed(markup.into_string().into()))
    }

    /// Adds a block of one's own.
    ///
    /// ```
    /// use webhooks_runtime::maud::{Markup, PreEscaped};
    /// use webhooks_runtime::{Block, Blocks, Visit};
    ///
    /// struct Rule;
    ///
    /// impl Block for Rule {
    ///     fn render(&self, _visit: &Visit<'_>) -> Markup {
    ///         PreEscaped("<hr>".to_owned())
    ///     }
    /// }
    ///
    /// let ui = Blocks::new().intro().block(Rule).endpoints();
    /// ```
    pub fn block(self, block: impl Block) -> Self {
        self.and(BlockKind::Own(Arc::new(block)))
    }

    fn and(mut self, part: BlockKind) -> Self {
        self.parts.push(part);
        self
    }

    /// Adds a part that a page has once: scripts and links find it by its name.
    fn once(mut self, part: BlockKind) -> Self {
        let kind = std::mem::discriminant(&part);
        self.parts.retain(|other| std::mem::discriminant(other) != kind);
        self.and(part)
    }

    /// Whether deliveries are to be kept.
    pub(crate) fn has_activity(&self) -> bool {
        self.parts.iter().any(|part| matches!(part, BlockKind::Activity))
    }

    fn has_form(&self) -> bool {
        self.parts.iter().any(|part| matches!(part, BlockKind::TriggerForm))
    }

    /// Whether the page has something for authorized viewers.
    pub(crate) fn has_private(&self) -> bool {
        let private = |part: &BlockKind| {
            matches!(part, BlockKind::Activity | BlockKind::TriggerForm | BlockKind::Own(_))
        };
        self.parts.iter().any(private)
    }

    /// Whether there is a block whose markup nobody can foretell.
    pub(super) fn has_own(&self) -> bool {
        self.parts.iter().any(|part| matches!(part, BlockKind::Own(_)))
    }

    /// The way to each block, where there are several.
    fn contents(&self, visit: &Visit<'_>) -> Markup {
        let link = |part: &BlockKind| match part {
            BlockKind::Endpoints => Some(("#endpoints", "Endpoints")),
            BlockKind::TriggerForm if visit.follows => Some(("#trigger", "Try it")),
            BlockKind::Activity if visit.deliveries.is_some() => Some(("#activity", "Activity")),
            BlockKind::NextSteps => Some(("#next", "What to do next")),
            _ => None,
        };
        let links: Vec<_> = self.parts.iter().filter_map(link).collect();
        html! {
            @if links.len() > 1 {
                nav.contents aria-label="On this page" {
                    @for (address, name) in links { a href=(address) { (name) } }
                }
            }
        }
    }

    pub(super) fn render(&self, visit: &Visit<'_>) -> Markup {
        html! {
            (self.contents(visit))
            @for part in &self.parts {
                @match part {
                    BlockKind::Intro => (intro(visit.deployment)),
                    BlockKind::Endpoints => (endpoints(visit.base, visit.endpoints, visit.follows)),
                    BlockKind::TriggerForm => @if visit.follows {
                        (trigger_form(visit.endpoints, visit.form))
                    } @else {
                        (locked(visit.deployment))
                    },
                    BlockKind::Activity => @if let Some(shown) = visit.deliveries {
                        (activity(shown, visit.endpoints))
                    } @else if !visit.follows && !self.has_form() {
                        (locked(visit.deployment))
                    },
                    BlockKind::NextSteps => (next_steps(visit.deployment, visit.endpoints)),
                    BlockKind::Fixed(markup) => div.text { (PreEscaped(markup)) },
                    BlockKind::Own(block) => (block.render(visit)),
                }
            }
        }
    }
}

impl Default for Blocks {
    /// The page that is there without one of one's own.
    fn default() -> Self {
        Self::new().intro().endpoints().trigger_form().activity().next_steps()
    }
}

impl fmt::Debug for Blocks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.parts).finish()
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
            Self::Own(_) => "block",
        })
    }
}
