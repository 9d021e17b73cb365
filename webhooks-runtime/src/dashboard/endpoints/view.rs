//! The endpoints: where to point the Hub, and what each of them takes.

use maud::{Markup, PreEscaped, html};

use super::super::markdown::description;
use super::super::pieces::{block, copy};
use super::summary::EndpointSummary;

pub(in crate::dashboard) fn endpoints(
    base: &str,
    endpoints: &[EndpointSummary],
    follows: bool,
) -> Markup {
    let schemas = schemas(endpoints);
    html! {
        section aria-labelledby="endpoints" {
            h2 id="endpoints" { "Endpoints " span.count { (endpoints.len()) } }
            ul.endpoints data-base=(base) data-live[follows] {
                @for (index, summary) in endpoints.iter().enumerate() {
                    (endpoint(base, index, summary, &schemas, follows))
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
                a href="openapi.json" { "OpenAPI" }
            }
        }
    }
}

fn endpoint(
    base: &str,
    index: usize,
    summary: &EndpointSummary,
    schemas: &[(&str, &str)],
    follows: bool,
) -> Markup {
    let info = &summary.info;
    let own = summary.takes.as_deref().zip(summary.schema.as_deref());
    let schema = schemas.iter().position(|schema| Some(*schema) == own);
    let (url, curl) = (format!("url-{index}"), format!("curl-{index}"));
    html! {
        li {
            div.address {
                span.method { "POST" }
                code id=(url) { (base) (info.path) }
                (copy(&url, &format!("Copy the URL of {}", info.path)))
            }
            @if !info.description.is_empty() {
                div.description { (PreEscaped(description(info.description))) }
            }
            p.facts {
                @if info.protected {
                    span.badge.protected { "Secret required" }
                } @else {
                    span.badge.open { "Open to everyone" }
                }
                @match &summary.takes {
                    Some(name) => span {
                        "takes "
                        @if let Some(schema) = schema {
                            a href={ "#schema-" (schema) } { code { (name) } }
                        } @else { (name) }
                    },
                    None => span { "leaves the payload unread" },
                }
                @if info.background { span { "answers at once, runs in the background" } }
                // Where the source is tells others how a developer's machine looks.
                @if follows {
                    span.source { "defined in " code { (info.location.without_folders()) } }
                }
            }
            details {
                summary { "Sample, as a " code { "curl" } " line" }
                div.command {
                    pre tabindex="0" role="region" aria-label={ "The curl line for " (info.path) } {
                        code id=(curl) { "curl " (base) (info.path) (summary.curl_options()) }
                    }
                    (copy(&curl, &format!("Copy the curl line for {}", info.path)))
                }
            }
        }
    }
}

/// Each payload's schema, once.
fn schemas(endpoints: &[EndpointSummary]) -> Vec<(&str, &str)> {
    let mut schemas: Vec<_> = endpoints
        .iter()
        .filter_map(|endpoint| Some((endpoint.takes.as_deref()?, endpoint.schema.as_deref()?)))
        .collect();
    schemas.sort_unstable();
    schemas.dedup();
    schemas
}
