//! Defines the types that can be a server's page at `/`: a handler, or blocks.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use actix_web::{FromRequest, Handler, Responder, web};

use crate::http::app::Configure;

/// A type that can be a server's page, for [`WebhooksServer::ui`]: any actix-web handler and, with the Cargo feature
/// `page`, [`Blocks`](crate::Blocks). `Kind` is always inferred.
///
/// ```
/// use webhooks_runtime::testing::TestClient;
/// use webhooks_runtime::{HttpRequest, WebhooksServer, web};
///
/// /// A handler may take any extractor and return any responder.
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
    /// Returns the page to serve.
    #[doc(hidden)]
    fn into_page(self) -> RootPage;
}

/// The page at `/`.
#[derive(Clone)]
pub enum RootPage {
    /// A custom handler.
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

/// The `Kind` of a handler that takes `Args`.
#[derive(Debug)]
pub struct ByHandler<Args>(PhantomData<Args>);

/// The `Kind` of a page of blocks.
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
