//! What this is, and where it runs.

use maud::{Markup, html};

use super::document::Deployment;
use super::files::folder;

pub(super) fn intro(deployment: Deployment) -> Markup {
    html! {
        header {
            h1 { img src={ "./" (folder()) "/icon.svg" } alt="" width="36" height="36"; "Webhooks" }
            p {
                "This program receives webhooks of the "
                a href="https://huggingface.co" { "Hugging Face Hub" }
                ": when a repo or a discussion that you watch changes, the Hub calls one of the functions below."
            }
            p.where id="where" {
                @match deployment {
                    Deployment::Space => { "It is running on a Space." }
                    Deployment::Public => { "It can be reached from the internet." }
                    Deployment::Local => { "It is running on your own machine." }
                }
            }
        }
    }
}
