//! Explains how to open the page with its token. Viewers without the token see it in place of the form and the
//! deliveries.

use maud::{Markup, html};

use super::document::Deployment;

pub(super) fn locked(deployment: Deployment) -> Markup {
    html! {
        section id="locked" aria-labelledby="locked-heading" {
            h2 id="locked-heading" { "Deliveries" }
            p {
                "To see the deliveries and to send one, open this page with its token."
            }
            p {
                "Open the URL that the program prints when it starts. It ends with " code { "?token=…" }
                ". If the program has no terminal, set " code { "WEBHOOKS_PAGE_TOKEN" }
                ", and append " code { "?token=" } " and its value to the URL of this page."
            }
            @if deployment == Deployment::Space {
                p {
                    "On huggingface.co, this page is shown in a frame, where it stays locked. Open it in its own tab."
                }
            }
        }
    }
}
