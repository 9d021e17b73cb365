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
#[derive(Clone, Debug)]
pub enum RootPage {
    /// A custom handler.
    Handler(CustomPage),
    /// A page of blocks.
    #[cfg(feature = "page")]
    Blocks(crate::dashboard::Blocks),
}

/// A custom handler at `/`, which replaces the page of blocks.
#[derive(Clone)]
pub struct CustomPage(pub(super) Configure);

impl fmt::Debug for CustomPage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CustomPage")
    }
}

/// The `Kind` of a handler that takes `Args`.
#[derive(Debug)]
pub struct ByHandler<Args>(PhantomData<Args>);

impl<F, Args> Ui<ByHandler<Args>> for F
where
    F: Handler<Args> + Send + Sync,
    Args: FromRequest + 'static,
    F::Output: Responder + 'static,
{
    fn into_page(self) -> RootPage {
        RootPage::Handler(CustomPage(Arc::new(move |app| {
            app.route("/", web::get().to(self.clone()));
        })))
    }
}
