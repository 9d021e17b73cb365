//! Defines the builder's methods for the actix-web app: shared values, routes, the page.

use std::any::TypeId;
use std::sync::Arc;

use actix_web::web::{self, ServiceConfig};

use super::WebhooksServer;
use crate::config::table::setting_docs;
use crate::server::ui::Ui;

/// The actix-web app.
impl WebhooksServer {
    #[doc = setting_docs!(data)]
    /// The server does not start if an annotated function takes a `web::Data<T>` that neither this nor
    /// [`configure`](Self::configure) adds. A background endpoint gets its `web::Data<T>` only from here.
    ///
    /// ```
    /// use std::sync::atomic::{AtomicU64, Ordering};
    /// use webhooks_runtime::{WebhooksServer, web, webhook_endpoint};
    ///
    /// #[webhook_endpoint]
    /// async fn count(counter: web::Data<AtomicU64>) -> String {
    ///     counter.fetch_add(1, Ordering::Relaxed).to_string()
    /// }
    ///
    /// let server = WebhooksServer::new().data(AtomicU64::new(1));
    /// ```
    pub fn data<T: Send + Sync + 'static>(mut self, value: T) -> Self {
        let data = web::Data::new(value);
        self.data.push(TypeId::of::<web::Data<T>>());
        self.shared.insert(data.clone());
        self.configure(move |app| {
            app.app_data(data.clone());
        })
    }

    #[doc = setting_docs!(configure)]
    /// The function is called once per worker with the app's [`ServiceConfig`], and once before, to find out whether it
    /// adds the `web::Data<T>` that functions take.
    ///
    /// ```
    /// use webhooks_runtime::{HttpResponse, WebhooksServer, web};
    ///
    /// let server = WebhooksServer::new().configure(|app| {
    ///     app.route("/ping", web::get().to(async || "pong"));
    /// });
    /// ```
    pub fn configure(
        mut self,
        configure: impl Fn(&mut ServiceConfig) + Send + Sync + 'static,
    ) -> Self {
        self.configure.push(Arc::new(configure));
        self
    }

    #[doc = setting_docs!(ui)]
    /// [`Blocks`](crate::Blocks) need the Cargo feature `page`.
    ///
    /// ```
    /// use webhooks_runtime::{Blocks, WebhooksServer};
    ///
    /// let ui = Blocks::new().markdown("# Retraining bot").endpoints().trigger_form().activity();
    /// let server = WebhooksServer::new().ui(ui);
    /// ```
    ///
    /// ```
    /// use webhooks_runtime::{WebhooksServer, web};
    ///
    /// let server = WebhooksServer::new().ui(async || web::Html::new("<h1>Retraining bot</h1>"));
    /// ```
    pub fn ui<Kind>(mut self, ui: impl Ui<Kind>) -> Self {
        self.parts.page = Some(ui.into_page());
        self
    }
}
