//! The HTML document around the blocks. maud escapes every text.

use maud::{DOCTYPE, Markup, html};

use super::files::folder;

/// Where the server runs, and who can reach it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Deployment {
    /// On a Space, which the Hub can reach.
    Space,
    /// On any other machine, with a public URL.
    Public,
    /// On any other machine, without a public URL.
    Local,
}

/// Renders a whole document. `root` is the relative path from its URL to that of the page at `/`: a proxy can serve
/// the pages under any path, so every link is relative.
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

/// Adds a link back to the page.
pub(super) fn back(root: &str, body: &Markup) -> Markup {
    html! {
        nav { a href=(root) { "← All endpoints" } }
        (body)
    }
}
