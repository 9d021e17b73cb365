//! The page at `/`: a list of blocks, and the default page made of them.
//!
//! `blocks` is the list, `document` the page around it, and each block has a file of its own. `files`
//! are the style sheet, the scripts and the icon, which stand apart so that the
//! Content-Security-Policy can forbid everything inline and everything from elsewhere. `describe` is
//! what there is to say of an endpoint, `text` how a body is shown. `background` is the part of the
//! deliveries' block for those that run in the background.

#[cfg(feature = "background")]
mod background;
#[cfg(not(feature = "background"))]
#[path = "no_background.rs"]
mod background;
mod blocks;
mod deliveries;
mod describe;
mod document;
mod endpoints;
mod files;
mod intro;
mod locked;
mod markdown;
mod pieces;
mod steps;
mod text;
mod trigger_form;

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use actix_web::web::Bytes;
use maud::{Markup, html};

use crate::activity::Cursor;
use crate::addresses::{Addresses, PublicUrl};
use crate::endpoint::registry::Shown;

pub(crate) use background::Background;
#[cfg(feature = "background")]
pub(crate) use background::{
    Task, delivery as background_delivery, detail as background_detail, rows as background_rows,
};
pub use blocks::{Block, Blocks, Visit};
pub(crate) use deliveries::{Deliveries, Filter, delivery, detail, rows};
use describe::Described;
use document::Place;
pub(crate) use files::files;
pub(crate) use text::text;
pub(crate) use trigger_form::{Answered, Form, OWN_SAMPLE};

/// The page of a server.
#[derive(Debug)]
pub(crate) struct Page {
    blocks: Blocks,
    addresses: Addresses,
    on_space: bool,
    shown: Vec<Shown>,
    /// Made when it is first asked for: a server that nobody looks at does without.
    endpoints: OnceLock<Vec<Described>>,
    policy: String,
    /// The page as it was last made, for other viewers and for authorized ones.
    made: [Mutex<Option<Made>>; 2],
}

/// A page that was made, and what it depends on.
#[derive(Debug)]
struct Made {
    public: Option<PublicUrl>,
    cursor: Option<Cursor>,
    background: Option<Background>,
    html: Bytes,
}

impl Page {
    pub(crate) fn new(
        blocks: Blocks,
        addresses: Addresses,
        on_space: bool,
        shown: &[Shown],
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
            shown: shown.to_vec(),
            endpoints: OnceLock::new(),
            policy,
            made: [const { Mutex::new(None) }; 2],
        }
    }

    /// The Content-Security-Policy of everything that is made here.
    pub(crate) fn policy(&self) -> &str {
        &self.policy
    }

    /// The page as it is now, for an authorized viewer or another.
    pub(crate) fn html(
        &self,
        authorized: bool,
        deliveries: Option<&Deliveries>,
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

    fn make(&self, authorized: bool, deliveries: Option<&Deliveries>, form: &Form) -> Bytes {
        let base = self.addresses.best();
        let visit = self.visit(&base, authorized, deliveries, form);
        let body = self.blocks.render(&visit);
        let count = self.shown.len();
        let title = format!("Webhooks · {count} endpoint{}", if count == 1 { "" } else { "s" });
        document::document(&title, "./", &body).into_string().into()
    }

    /// A page with something else on it, one folder below.
    pub(crate) fn other(title: &str, body: &Markup) -> Bytes {
        Self::below("../", title, body)
    }

    fn below(root: &str, title: &str, body: &Markup) -> Bytes {
        document::document(title, root, &document::back(root, body)).into_string().into()
    }

    /// The page that goes on by itself after the token was exchanged.
    pub(crate) fn opened() -> Bytes {
        Self::below(
            "./",
            "Webhooks",
            &html! { p { "The deliveries are open to this browser now." } },
        )
    }

    /// A sample of what the endpoint at this path takes.
    pub(crate) fn sample_of(&self, path: &str) -> Option<&str> {
        let endpoint = self.endpoints().iter().find(|endpoint| endpoint.shown.path == path)?;
        Some(&endpoint.sample)
    }

    fn endpoints(&self) -> &[Described] {
        self.endpoints.get_or_init(|| self.shown.iter().map(Described::new).collect())
    }

    fn visit<'a>(
        &'a self,
        base: &'a str,
        authorized: bool,
        deliveries: Option<&'a Deliveries>,
        form: &'a Form,
    ) -> Visit<'a> {
        let place = match self.addresses.public() {
            _ if self.on_space => Place::Space,
            Some(_) => Place::Public,
            None => Place::Local,
        };
        Visit { base, place, endpoints: self.endpoints(), deliveries, follows: authorized, form }
    }
}

/// A page that all workers serve.
pub(crate) type SharedPage = Arc<Page>;
