//! What this is, and where it runs.

use maud::{Markup, html};

use super::document::Place;
use super::files::folder;

pub(super) fn intro(place: Place) -> Markup {
    html! {
        header {
            h1 { img src={ "./" (folder()) "/icon.svg" } alt="" width="36" height="36"; "Webhooks" }
            p {
                "This program receives webhooks of the "
                a href="https://huggingface.co" { "Hugging Face Hub" }
                ": when a repo or a discussion that you watch changes, the Hub calls one of the functions below."
            }
            p.where id="where" {
                @match place {
                    Place::Space => { "It is running on a Space." }
                    Place::Public => { "It can be reached from the internet." }
                    Place::Local => { "It is running on your own machine." }
                }
            }
        }
    }
}
