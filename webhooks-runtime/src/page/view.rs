//! The markup of the landing page. maud escapes every text.

use maud::{DOCTYPE, Markup, html};

use crate::endpoint::registry::Shown;

/// Where the server runs, and who can reach it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// On a Space, where the Hub reaches it.
    Space,
    /// On a machine of somebody's, with a public address.
    Public,
    /// On a machine of somebody's, and nobody knows how to reach it from outside.
    Local,
}

/// The whole page. `base` is the address in front of the paths, without a slash at its end.
pub(super) fn landing(base: &str, place: Place, endpoints: &[Shown]) -> Markup {
    let count = endpoints.len();
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { "Webhooks · " (count) @if count == 1 { " endpoint" } @else { " endpoints" } }
                link rel="icon" href="/assets/icon.svg" type="image/svg+xml";
                link rel="stylesheet" href="/assets/page.css";
                script type="module" src="/assets/page.js" {}
            }
            body {
                main {
                    (intro(place))
                    section aria-labelledby="endpoints" {
                        h2 id="endpoints" { "Endpoints " span.count { (count) } }
                        ul.endpoints {
                            @for (index, shown) in endpoints.iter().enumerate() {
                                (endpoint(base, index, shown))
                            }
                        }
                    }
                    (next_steps(place, endpoints))
                }
                footer {
                    "Served by webhooks-runtime " (env!("CARGO_PKG_VERSION"))
                }
            }
        }
    }
}

fn intro(place: Place) -> Markup {
    html! {
        header {
            h1 { img src="/assets/icon.svg" alt="" width="36" height="36"; "Webhooks" }
            p {
                "This program receives webhooks of the "
                a href="https://huggingface.co" { "Hugging Face Hub" }
                ": when a repo or a discussion that you watch changes, the Hub calls one of the functions below."
            }
            p.where {
                @match place {
                    Place::Space => { "It is running on a Space." }
                    Place::Public => { "It can be reached from the internet." }
                    Place::Local => { "It is running on your own machine." }
                }
            }
        }
    }
}

fn endpoint(base: &str, index: usize, shown: &Shown) -> Markup {
    let id = format!("url-{index}");
    html! {
        li {
            div.address {
                span.method { "POST" }
                code id=(id) { (base) (shown.path) }
                button type="button" data-copy=(id) hidden aria-label={ "Copy the URL of " (shown.path) } { "Copy" }
            }
            @if !shown.description.is_empty() {
                p.description { (shown.description) }
            }
            p.facts {
                @if shown.protected {
                    span.badge.protected { "Secret required" }
                } @else {
                    span.badge.open { "Open to everyone" }
                }
                span.source { "defined in " code { (shown.location.to_string()) } }
            }
        }
    }
}

fn next_steps(place: Place, endpoints: &[Shown]) -> Markup {
    let some_open = endpoints.iter().any(|endpoint| !endpoint.protected);
    html! {
        section aria-labelledby="next" {
            h2 id="next" { "What to do next" }
            ol.steps {
                @if place == Place::Local {
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
                    @if some_open && place == Place::Space {
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
                    @if place == Place::Public {
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
    use crate::endpoint::Location;
    use crate::endpoint::takes::Takes;

    fn page(place: Place, protected: bool, description: &'static str) -> String {
        let shown = Shown {
            path: "/webhooks/hello".into(),
            description,
            location: Location::__new("bot", "src/main.rs", 7),
            protected,
            takes: Takes::Payload,
        };
        landing("https://me-bot.hf.space", place, &[shown]).into_string()
    }

    #[test]
    fn an_endpoint_is_shown_with_its_url_description_place_and_protection() {
        let page = page(Place::Local, true, "Says hello.");
        for text in [
            "https://me-bot.hf.space/webhooks/hello",
            "Says hello.",
            "src/main.rs:7",
            "Secret required",
            "1 endpoint<",
        ] {
            assert!(page.contains(text), "{text}");
        }
        assert!(!page.contains("Open to everyone"));
    }

    #[test]
    fn everything_is_escaped() {
        let page = page(Place::Local, false, "<script>alert('\"&')</script>");
        assert!(page.contains("&lt;script&gt;alert('&quot;&amp;')&lt;/script&gt;"), "{page}");
    }

    #[test]
    fn the_next_steps_are_those_of_the_place() {
        let [local, public, space] =
            [Place::Local, Place::Public, Place::Space].map(|place| page(place, false, ""));
        assert!(local.contains("cannot reach an address of your own machine"));
        assert!(local.contains("set the environment variable"));
        assert!(space.contains("settings, under"));
        assert!(public.contains("since everyone can reach the program"));
        assert!(public.contains("give it a URL from above"));
        for place in [Place::Public, Place::Space] {
            assert!(!page(place, true, "").contains("Define a secret"));
        }
    }
}
