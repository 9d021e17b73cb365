//! The introduction: what the program does, and where it runs.

use maud::{Markup, html};

use super::document::Deployment;
use super::files::folder;

pub(super) fn intro(deployment: Deployment) -> Markup {
    html! {
        header {
            h1 { img src={ "./" (folder()) "/icon.svg" } alt="" width="36" height="36"; "Webhooks" }
            p {
                "This program receives webhooks from the "
                a href="https://huggingface.co" { "Hugging Face Hub" }
                ". When a repo or a discussion that you watch changes, the Hub calls one of the functions below."
            }
            p.where id="where" {
                @match deployment {
                    Deployment::Space => { "It runs on a Space." }
                    Deployment::Public => { "It is reachable from the internet." }
                    Deployment::Local => { "It has no public URL, so the Hub cannot reach it." }
                }
            }
        }
    }
}
