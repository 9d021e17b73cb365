//! The page of a server as it is at the moment.

use std::sync::{Mutex, OnceLock, PoisonError};

use actix_web::web::Bytes;
use maud::{Markup, html};

use super::activity::RecentDeliveries;
use super::background::BackgroundDeliveries;
use super::blocks::{Blocks, Visit};
use super::document::{self, Deployment};
use super::endpoints::EndpointSummary;
use super::form::Form;
use crate::activity::Cursor;
use crate::config::addresses::{Addresses, PublicUrl};
use crate::endpoint::registry::EndpointInfo;

/// The page of a server.
#[derive(Debug)]
pub(super) struct Page {
    blocks: Blocks,
    addresses: Addresses,
    on_space: bool,
    infos: Vec<EndpointInfo>,
    /// Made when it is first asked for: a server that nobody looks at does without.
    endpoints: OnceLock<Vec<EndpointSummary>>,
    policy: String,
    /// The page as it was last made, for other viewers and for authorized ones.
    made: [Mutex<Option<Made>>; 2],
}

/// A page that was made, and what it depends on.
#[derive(Debug)]
struct Made {
    public: Option<PublicUrl>,
    cursor: Option<Cursor>,
    background: Option<BackgroundDeliveries>,
    html: Bytes,
}

impl Page {
    pub(super) fn new(
        blocks: Blocks,
        addresses: Addresses,
        on_space: bool,
        infos: &[EndpointInfo],
    ) -> Self {
        // The Hub shows a Space inside a page of its own.
        let ancestors = if on_space { "https://huggingface.co" } else { "'none'" };
        let policy = format!(
            "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; \
             connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors {ancestors}"
        );
        Self {
            blocks,
            addresses,
            on_space,
            infos: infos.to_vec(),
            endpoints: OnceLock::new(),
            policy,
            made: [const { Mutex::new(None) }; 2],
        }
    }

    /// The Content-Security-Policy of everything that is made here.
    pub(super) fn policy(&self) -> &str {
        &self.policy
    }

    /// The page as it is now, for an authorized viewer or another.
    pub(super) fn html(
        &self,
        authorized: bool,
        deliveries: Option<&RecentDeliveries>,
        form: &Form,
    ) -> Bytes {
        let plain = deliveries.is_none_or(|deliveries| deliveries.filter.is_none());
        if !plain || !form.is_untouched() || self.blocks.has_own() {
            return self.make(authorized, deliveries, form);
        }
        let public = self.addresses.public();
        let cursor = deliveries.map(|deliveries| deliveries.cursor);
        let background = deliveries.and_then(|deliveries| deliveries.background.as_ref());
        let made = &self.made[usize::from(authorized)];
        let mut made = made.lock().unwrap_or_else(PoisonError::into_inner);
        match &*made {
            Some(made)
                if made.public == public
                    && made.cursor == cursor
                    && made.background.as_ref() == background =>
            {
                made.html.clone()
            }
            _ => {
                let html = self.make(authorized, deliveries, form);
                *made = Some(Made {
                    public,
                    cursor,
                    background: background.cloned(),
                    html: html.clone(),
                });
                html
            }
        }
    }

    fn make(&self, authorized: bool, deliveries: Option<&RecentDeliveries>, form: &Form) -> Bytes {
        let base = self.addresses.best();
        let visit = self.visit(&base, authorized, deliveries, form);
        let body = self.blocks.render(&visit);
        let count = self.infos.len();
        let title = format!("Webhooks · {count} endpoint{}", if count == 1 { "" } else { "s" });
        document::document(&title, "./", &body).into_string().into()
    }

    /// A page with something else on it, one folder below.
    pub(super) fn other(title: &str, body: &Markup) -> Bytes {
        Self::below("../", title, body)
    }

    fn below(root: &str, title: &str, body: &Markup) -> Bytes {
        document::document(title, root, &document::back(root, body)).into_string().into()
    }

    /// The page that goes on by itself after the token was exchanged.
    pub(super) fn opened() -> Bytes {
        Self::below(
            "./",
            "Webhooks",
            &html! { p { "The deliveries are open to this browser now." } },
        )
    }

    /// A sample of what the endpoint at this path takes.
    pub(super) fn sample_of(&self, path: &str) -> Option<&str> {
        let endpoint = self.endpoints().iter().find(|endpoint| endpoint.info.path == path)?;
        Some(&endpoint.sample)
    }

    fn endpoints(&self) -> &[EndpointSummary] {
        self.endpoints.get_or_init(|| self.infos.iter().map(EndpointSummary::new).collect())
    }

    fn visit<'a>(
        &'a self,
        base: &'a str,
        authorized: bool,
        deliveries: Option<&'a RecentDeliveries>,
        form: &'a Form,
    ) -> Visit<'a> {
        let deployment = match self.addresses.public() {
            _ if self.on_space => Deployment::Space,
            Some(_) => Deployment::Public,
            None => Deployment::Local,
        };
        Visit {
            base,
            deployment,
            endpoints: self.endpoints(),
            deliveries,
            follows: authorized,
            form,
        }
    }
}
