//! The page around the blocks. maud escapes every text.

use maud::{DOCTYPE, Markup, html};

use super::files::folder;

/// Where the server runs, and who can reach it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Deployment {
    /// On a Space, where the Hub reaches it.
    Space,
    /// On a machine of somebody's, with a public address.
    Public,
    /// On a machine of somebody's, and nobody knows how to reach it from outside.
    Local,
}

/// A whole page. `root` leads from its URL to that of the page at `/`: a proxy can serve the pages under any
/// path, so every link is relative.
pub(super) fn document(title: &str, root: &str, body: &Markup) -> Markup {
    let folder = format!("{root}{}", folder());
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) }
                link rel="icon" href={ (folder) "/icon.svg" } type="image/svg+xml";
                link rel="stylesheet" href={ (folder) "/page.css" };
                script type="module" src={ (folder) "/page.js" } {}
            }
            body {
                main { (body) }
                footer { "Served by webhooks-runtime " (env!("CARGO_PKG_VERSION")) }
            }
        }
    }
}

/// Something with the way back to the page.
pub(super) fn back(root: &str, body: &Markup) -> Markup {
    html! {
        nav { a href=(root) { "← All endpoints" } }
        (body)
    }
}
