//! What may be served at `/`: a handler, or a page of blocks.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use actix_web::{FromRequest, Handler, Responder, web};

use crate::http::app::Configure;

/// What may be a server's page, given to [`WebhooksServer::ui`]: any handler of actix-web and, with the Cargo
/// feature `page`, [`Blocks`](crate::Blocks). `Kind` is always inferred.
///
/// ```
/// use webhooks_runtime::testing::TestClient;
/// use webhooks_runtime::{HttpRequest, WebhooksServer, web};
///
/// /// Takes and returns what any handler of actix-web does.
/// async fn page(request: HttpRequest) -> web::Html {
///     let host = request.connection_info().host().to_owned();
///     web::Html::new(format!("<h1>The bot at {host}</h1>"))
/// }
///
/// let server = WebhooksServer::empty().add_webhook("/hello", async || "hello").ui(page);
/// let response = TestClient::new(server)?.get("/").send();
/// assert_eq!(response.text(), "<h1>The bot at localhost:8080</h1>");
/// # Ok::<(), webhooks_runtime::LaunchError>(())
/// ```
///
/// [`WebhooksServer::ui`]: crate::WebhooksServer::ui
#[diagnostic::on_unimplemented(
    message = "this cannot be the page of a server",
    label = "neither `Blocks` nor a handler",
    note = "a page is made of `Blocks`, or is a handler of actix-web: an `async fn` that takes extractors and returns a `Responder`"
)]
pub trait Ui<Kind>: Sized {
    /// What is to be served.
    #[doc(hidden)]
    fn into_page(self) -> RootPage;
}

/// What is served at `/`.
#[derive(Clone)]
pub enum RootPage {
    /// By a handler of the user's.
    Handler(Configure),
    /// A page of blocks.
    #[cfg(feature = "page")]
    Blocks(crate::dashboard::Blocks),
}

impl fmt::Debug for RootPage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Handler(_) => f.write_str("a handler"),
            #[cfg(feature = "page")]
            Self::Blocks(blocks) => blocks.fmt(f),
        }
    }
}

/// The kind of a handler that takes `Args`.
#[derive(Debug)]
pub struct ByHandler<Args>(PhantomData<Args>);

/// The kind of a page of blocks.
#[cfg(feature = "page")]
#[derive(Debug)]
pub struct OfBlocks;

impl<F, Args> Ui<ByHandler<Args>> for F
where
    F: Handler<Args> + Send + Sync,
    Args: FromRequest + 'static,
    F::Output: Responder + 'static,
{
    fn into_page(self) -> RootPage {
        RootPage::Handler(Arc::new(move |app| {
            app.route("/", web::get().to(self.clone()));
        }))
    }
}

#[cfg(feature = "page")]
impl Ui<OfBlocks> for crate::dashboard::Blocks {
    fn into_page(self) -> RootPage {
        RootPage::Blocks(self)
    }
}
