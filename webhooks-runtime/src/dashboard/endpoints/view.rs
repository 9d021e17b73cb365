//! Renders the list of endpoints.

use maud::{Markup, PreEscaped, html};

use super::super::background::{PausedEndpoints, pause};
use super::super::markdown::description;
use super::super::pieces::{block, copy, with_code};
use super::summary::EndpointSummary;
use super::webhook::webhook;
use crate::http::webhook_status::WebhookReport;

/// Renders the block.
pub(in crate::dashboard) fn endpoints(
    base: &str,
    endpoints: &[EndpointSummary],
    webhooks: Option<&WebhookReport>,
    paused: &PausedEndpoints,
    authorized: bool,
) -> Markup {
    let schemas = schemas(endpoints);
    html! {
        section aria-labelledby="endpoints" {
            h2 id="endpoints" { "Endpoints " span.count { (endpoints.len()) } }
            ul.endpoints data-base=(base) data-live[authorized] {
                @for (index, summary) in endpoints.iter().enumerate() {
                    (endpoint(base, index, summary, &schemas, webhooks, paused, authorized))
                }
            }
            @for (index, (name, schema)) in schemas.iter().enumerate() {
                details.schema {
                    summary { "Schema of " code { (name) } }
                    // A link to an element inside `details` opens it.
                    div id={ "schema-" (index) } { (block(&format!("The JSON Schema of {name}"), schema)) }
                }
            }
            p.quiet {
                a href="openapi.json" { "OpenAPI document" }
            }
        }
    }
}

fn endpoint(
    base: &str,
    index: usize,
    summary: &EndpointSummary,
    schemas: &[(&str, &str)],
    webhooks: Option<&WebhookReport>,
    paused: &PausedEndpoints,
    authorized: bool,
) -> Markup {
    let info = &summary.info;
    let own = summary.payload_type.as_deref().zip(summary.schema.as_deref());
    let schema = schemas.iter().position(|schema| Some(*schema) == own);
    let (url, curl) = (format!("url-{index}"), format!("curl-{index}"));
    html! {
        li {
            div.address {
                span.method { "POST" }
                code id=(url) { (base) (info.path) }
                @if info.background { (pause(paused, &info.path, authorized)) }
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
                @match &summary.payload_type {
                    Some(name) => span {
                        "accepts "
                        @if let Some(schema) = schema {
                            a href={ "#schema-" (schema) } { code { (name) } }
                        } @else { (name) }
                    },
                    None => span { "ignores the payload" },
                }
                @if let Some(filter) = &info.filter {
                    span { "for " (with_code(&filter.description(None))) }
                }
                @if info.skips_own { span { "skips the events of its own account" } }
                @if info.background { span { "responds at once, runs in the background" } }
                @if let Some(key) = &info.key { span { (key) } }
                // A path can reveal details of the developer's machine.
                @if authorized {
                    span.source { "defined in " code { (info.location.without_folders()) } }
                }
            }
            @if let Some(report) = webhooks { (webhook(report, &info.path, authorized)) }
            details {
                summary { "Sample as a " code { "curl" } " command" }
                div.command {
                    pre tabindex="0" role="region" aria-label={ "The curl command for " (info.path) } {
                        code id=(curl) { "curl " (base) (info.path) (summary.curl_options()) }
                    }
                    (copy(&curl, &format!("Copy the curl command for {}", info.path)))
                }
            }
        }
    }
}

/// Returns the schema of each payload type, once.
fn schemas(endpoints: &[EndpointSummary]) -> Vec<(&str, &str)> {
    let mut schemas: Vec<_> = endpoints
        .iter()
        .filter_map(|endpoint| {
            Some((endpoint.payload_type.as_deref()?, endpoint.schema.as_deref()?))
        })
        .collect();
    schemas.sort_unstable();
    schemas.dedup();
    schemas
}
