//! What to do next.

use maud::{Markup, html};

use super::document::Deployment;
use super::endpoints::EndpointSummary;

pub(super) fn next_steps(deployment: Deployment, endpoints: &[EndpointSummary]) -> Markup {
    let some_open = endpoints.iter().any(|endpoint| !endpoint.info.protected);
    html! {
        section id="steps" aria-labelledby="next" {
            h2 id="next" { "What to do next" }
            ol.steps {
                @if deployment == Deployment::Local {
                    li {
                        "Try a function from here: post a payload to one of the URLs above. The Hub itself cannot reach an address of your own machine."
                    }
                    @if some_open {
                        li {
                            "Define a secret before others can reach the program: set the environment variable "
                            code { "WEBHOOK_SECRET" } " and start it again."
                        }
                    }
                    li {
                        "When it works, bring it to a "
                        a href="https://huggingface.co/docs/hub/spaces-sdks-docker" { "Space" }
                        ", where the Hub can reach it, and add its URL to "
                        a href="https://huggingface.co/settings/webhooks" { "your webhooks on the Hub" } "."
                    }
                } @else {
                    @if some_open && deployment == Deployment::Space {
                        li {
                            "Define a secret: add one named " code { "WEBHOOK_SECRET" }
                            " in this Space's settings, under “Variables and secrets”. The Space restarts with it."
                        }
                    } @else if some_open {
                        li {
                            "Define a secret, since everyone can reach the program: set the environment variable "
                            code { "WEBHOOK_SECRET" } " and start it again."
                        }
                    }
                    li {
                        "Open " a href="https://huggingface.co/settings/webhooks" { "your webhooks on the Hub" }
                        ", add one, choose what it watches, and give it a URL from above"
                        @if some_open { " and the same secret." } @else { " and the secret." }
                    }
                    li { "Change something in a repo that it watches. The activity tab of the webhook shows the delivery and the answer." }
                    @if deployment == Deployment::Public {
                        li {
                            "To have it run without your machine, bring it to a "
                            a href="https://huggingface.co/docs/hub/spaces-sdks-docker" { "Space" } "."
                        }
                    }
                }
                li {
                    "What the Hub sends, and when, is described in its "
                    a href="https://huggingface.co/docs/hub/webhooks" { "documentation" } "."
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::endpoint::registry::EndpointInfo;
    use crate::endpoint::{Location, Takes};

    fn steps(deployment: Deployment, protected: bool) -> String {
        let location = Location::__new("bot", "src/main.rs", 7);
        let info = EndpointInfo {
            path: "/webhooks/hello".into(),
            description: "",
            location,
            protected,
            secret_env: None,
            takes: Takes::Nothing,
            background: false,
        };
        next_steps(deployment, &[EndpointSummary::new(&info)]).into_string()
    }

    #[test]
    fn the_next_steps_are_those_of_the_place() {
        let [local, public, space] = [Deployment::Local, Deployment::Public, Deployment::Space]
            .map(|place| steps(place, false));
        assert!(local.contains("cannot reach an address of your own machine"));
        assert!(local.contains("set the environment variable"));
        assert!(space.contains("settings, under"));
        assert!(public.contains("since everyone can reach the program"));
        assert!(public.contains("give it a URL from above"));
        for place in [Deployment::Public, Deployment::Space] {
            assert!(!steps(place, true).contains("Define a secret"));
        }
    }
}
