//! The endpoints: where to point the Hub, and what each of them takes.

use maud::{Markup, PreEscaped, html};

use super::describe::Described;
use super::markdown::description;
use super::pieces::{block, copy};

pub(super) fn endpoints(base: &str, endpoints: &[Described], follows: bool) -> Markup {
    let schemas = schemas(endpoints);
    html! {
        section aria-labelledby="endpoints" {
            h2 id="endpoints" { "Endpoints " span.count { (endpoints.len()) } }
            ul.endpoints data-base=(base) data-live[follows] {
                @for (index, described) in endpoints.iter().enumerate() {
                    (endpoint(base, index, described, &schemas, follows))
                }
            }
            @for (index, (name, schema)) in schemas.iter().enumerate() {
                details.schema {
                    summary { "Schema of " code { (name) } }
                    // A browser opens what it is sent into.
                    div id={ "schema-" (index) } { (block(&format!("The JSON Schema of {name}"), schema)) }
                }
            }
            p.quiet {
                @if cfg!(feature = "docs") { a href="docs" { "API reference" } " · " }
                a href="openapi.json" { "OpenAPI" }
            }
        }
    }
}

fn endpoint(
    base: &str,
    index: usize,
    described: &Described,
    schemas: &[(&str, &str)],
    follows: bool,
) -> Markup {
    let shown = &described.shown;
    let own = described.takes.as_deref().zip(described.schema.as_deref());
    let schema = schemas.iter().position(|schema| Some(*schema) == own);
    let (url, curl) = (format!("url-{index}"), format!("curl-{index}"));
    html! {
        li {
            div.address {
                span.method { "POST" }
                code id=(url) { (base) (shown.path) }
                (copy(&url, &format!("Copy the URL of {}", shown.path)))
            }
            @if !shown.description.is_empty() {
                div.description { (PreEscaped(description(shown.description))) }
            }
            p.facts {
                @if shown.protected {
                    span.badge.protected { "Secret required" }
                } @else {
                    span.badge.open { "Open to everyone" }
                }
                @match &described.takes {
                    Some(name) => span {
                        "takes "
                        @if let Some(schema) = schema {
                            a href={ "#schema-" (schema) } { code { (name) } }
                        } @else { (name) }
                    },
                    None => span { "leaves the payload unread" },
                }
                @if shown.background { span { "answers at once, runs in the background" } }
                // Where the source is tells others how a developer's machine looks.
                @if follows {
                    span.source { "defined in " code { (shown.location.without_folders()) } }
                }
            }
            details {
                summary { "Sample, as a " code { "curl" } " line" }
                div.command {
                    pre tabindex="0" role="region" aria-label={ "The curl line for " (shown.path) } {
                        code id=(curl) { "curl " (base) (shown.path) (described.curl_options()) }
                    }
                    (copy(&curl, &format!("Copy the curl line for {}", shown.path)))
                }
            }
        }
    }
}

/// Each payload's schema, once.
fn schemas(endpoints: &[Described]) -> Vec<(&str, &str)> {
    let mut schemas: Vec<_> = endpoints
        .iter()
        .filter_map(|endpoint| Some((endpoint.takes.as_deref()?, endpoint.schema.as_deref()?)))
        .collect();
    schemas.sort_unstable();
    schemas.dedup();
    schemas
}
