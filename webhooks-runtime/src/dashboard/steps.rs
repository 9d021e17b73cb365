//! The next steps, which depend on where the program runs.

use maud::{Markup, html};

use super::document::Deployment;
use super::endpoints::EndpointSummary;
use crate::config::exposure::CAN_SHARE;

pub(super) fn next_steps(deployment: Deployment, endpoints: &[EndpointSummary]) -> Markup {
    let any_open = endpoints.iter().any(|endpoint| !endpoint.info.protected);
    html! {
        section id="steps" aria-labelledby="next" {
            h2 id="next" { "Next steps" }
            ol.steps {
                @if deployment == Deployment::Local {
                    li { "Try a function: send a payload to one of the URLs above." }
                    @if any_open {
                        li {
                            "Define a secret before others can reach the program: set the environment variable "
                            code { "WEBHOOK_SECRET" } " and restart the program."
                        }
                    }
                    li {
                        "When it works, "
                        @if CAN_SHARE { "start it with " code { "--share" } " or " }
                        "deploy it to a "
                        a href="https://huggingface.co/docs/hub/spaces-sdks-docker" { "Space" }
                        ", and add its public URL to "
                        a href="https://huggingface.co/settings/webhooks" { "your webhooks on the Hub" } "."
                    }
                } @else {
                    @if any_open && deployment == Deployment::Space {
                        li {
                            "Define a secret: add one named " code { "WEBHOOK_SECRET" }
                            " in this Space's settings, under “Variables and secrets”. The Space restarts."
                        }
                    } @else if any_open {
                        li {
                            "Define a secret, because anyone can reach the program: set the environment variable "
                            code { "WEBHOOK_SECRET" } " and restart the program."
                        }
                    }
                    li {
                        "Open " a href="https://huggingface.co/settings/webhooks" { "your webhooks on the Hub" }
                        ", add a webhook, choose what it watches, and enter one of the URLs above"
                        @if any_open { " and the same secret." } @else { " and the secret." }
                    }
                    li { "Change something in a repo that it watches. The webhook's Activity tab shows the delivery and the status of the response." }
                    @if deployment == Deployment::Public {
                        li {
                            "To run it without your machine, deploy it to a "
                            a href="https://huggingface.co/docs/hub/spaces-sdks-docker" { "Space" } "."
                        }
                    }
                }
                li {
                    "Read "
                    a href="https://huggingface.co/docs/hub/webhooks" { "the Hub's documentation" }
                    " for what it sends, and when."
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::endpoint::registry::EndpointInfo;
    use crate::endpoint::{BodyKind, Location};

    fn steps(deployment: Deployment, protected: bool) -> String {
        let location = Location::__new("bot", "src/main.rs", 7);
        let info = EndpointInfo {
            path: "/webhooks/hello".into(),
            description: "",
            location,
            protected,
            secret_env: None,
            body: BodyKind::Unread,
            filter: None,
            background: false,
            key: None,
            skips_own: false,
        };
        next_steps(deployment, &[EndpointSummary::new(&info)]).into_string()
    }

    #[test]
    fn the_next_steps_depend_on_the_deployment() {
        let [local, public, space] = [Deployment::Local, Deployment::Public, Deployment::Space]
            .map(|deployment| steps(deployment, false));
        assert!(local.contains("Try a function") && local.contains("add its public URL"));
        assert_eq!(local.contains("--share"), CAN_SHARE);
        assert!(local.contains("set the environment variable"));
        assert!(space.contains("settings, under"));
        assert!(public.contains("because anyone can reach the program"));
        assert!(public.contains("enter one of the URLs above"));
        for deployment in [Deployment::Public, Deployment::Space] {
            assert!(!steps(deployment, true).contains("Define a secret"));
        }
    }
}
