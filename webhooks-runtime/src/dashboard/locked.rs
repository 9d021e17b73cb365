//! What a viewer without the token sees in place of the form and the deliveries.

use maud::{Markup, html};

use super::document::Deployment;

pub(super) fn locked(deployment: Deployment) -> Markup {
    html! {
        section id="locked" aria-labelledby="locked-heading" {
            h2 id="locked-heading" { "Deliveries" }
            p {
                "The deliveries, and a form to send one, are shown to anyone who opens this page with its token."
            }
            p {
                "Open the URL that the program prints when it starts: it ends with " code { "?token=…" }
                ". Where the program has no terminal, set " code { "WEBHOOKS_PAGE_TOKEN" }
                " and add " code { "?token=" } " and its value to the URL of this page."
            }
            @if deployment == Deployment::Space {
                p {
                    "The page of the Space on huggingface.co shows this page in a frame, where it stays locked: "
                    "open it in a tab of its own."
                }
            }
        }
    }
}
