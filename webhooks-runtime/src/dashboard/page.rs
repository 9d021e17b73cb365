//! Renders the page of a server.

use std::sync::OnceLock;

use actix_web::web::Bytes;
use maud::{Markup, html};

use super::activity::RecentDeliveries;
use super::background::PausedEndpoints;
use super::blocks::{Blocks, PageContext};
use super::document::{self, Deployment};
use super::endpoints::EndpointSummary;
use super::form::Form;
use crate::config::addresses::Addresses;
use crate::endpoint::registry::EndpointInfo;
use crate::http::webhook_status::WebhookStatus;

/// The page of a server.
#[derive(Debug)]
pub(super) struct Page {
    blocks: Blocks,
    addresses: Addresses,
    on_space: bool,
    infos: Vec<EndpointInfo>,
    webhooks: Option<WebhookStatus>,
    /// Made at the first page view, so that it doesn't delay the start.
    endpoints: OnceLock<Vec<EndpointSummary>>,
    policy: String,
}

impl Page {
    pub(super) fn new(
        blocks: Blocks,
        addresses: Addresses,
        on_space: bool,
        infos: &[EndpointInfo],
        webhooks: Option<WebhookStatus>,
    ) -> Self {
        // The Hub shows the page of a Space in a frame.
        let ancestors = if on_space { "https://huggingface.co" } else { "'none'" };
        let policy = format!(
            "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; \
             connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors {ancestors}"
        );
        let (infos, endpoints) = (infos.to_vec(), OnceLock::new());
        Self { blocks, addresses, on_space, infos, webhooks, endpoints, policy }
    }

    /// Returns the Content-Security-Policy of all pages.
    pub(super) fn policy(&self) -> &str {
        &self.policy
    }

    /// Renders the page for an authorized viewer or another one.
    pub(super) fn html(
        &self,
        authorized: bool,
        deliveries: Option<&RecentDeliveries>,
        paused: &PausedEndpoints,
        form: &Form,
    ) -> Bytes {
        let deployment = match self.addresses.public() {
            _ if self.on_space => Deployment::Space,
            Some(_) => Deployment::Public,
            None => Deployment::Local,
        };
        let base = self.addresses.best();
        let endpoints = self.endpoints();
        let webhooks = self.webhooks.as_ref().map(WebhookStatus::report);
        let context = PageContext {
            base: &base,
            deployment,
            endpoints,
            webhooks: webhooks.as_ref(),
            deliveries,
            paused,
            authorized,
            form,
        };
        let body = self.blocks.render(&context);
        let count = self.infos.len();
        let title = format!("Webhooks · {count} endpoint{}", if count == 1 { "" } else { "s" });
        document::document(&title, "./", &body).into_string().into()
    }

    /// Renders another page, at a path one folder below.
    pub(super) fn other(title: &str, body: &Markup) -> Bytes {
        Self::below("../", title, body)
    }

    /// Renders another page, `root` below the page at `/`.
    pub(super) fn below(root: &str, title: &str, body: &Markup) -> Bytes {
        document::document(title, root, &document::back(root, body)).into_string().into()
    }

    /// Renders the page that a browser sees for a moment after the token was exchanged.
    pub(super) fn opened() -> Bytes {
        Self::below("./", "Webhooks", &html! { p { "This browser can see the deliveries now." } })
    }

    /// Returns the endpoint at this path.
    pub(super) fn endpoint(&self, path: &str) -> Option<&EndpointSummary> {
        self.endpoints().iter().find(|endpoint| endpoint.info.path == path)
    }

    fn endpoints(&self) -> &[EndpointSummary] {
        self.endpoints.get_or_init(|| self.infos.iter().map(EndpointSummary::new).collect())
    }
}
