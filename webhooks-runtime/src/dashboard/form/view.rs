//! Renders the form that sends a delivery to an endpoint. It works with and without scripts.

use std::time::Duration;

use actix_web::http::StatusCode;
use maud::{Markup, html};

use super::super::endpoints::EndpointSummary;
use super::super::pieces::{block, duration, status};
use crate::samples::samples;

/// The fields of the form. The secret is not one of them, because it is never sent back.
#[derive(Clone, Debug, Default)]
pub(in crate::dashboard) struct Form {
    /// The path of the endpoint.
    pub(in crate::dashboard) endpoint: Option<String>,
    /// The name of the sample.
    pub(in crate::dashboard) sample: Option<String>,
    pub(in crate::dashboard) payload: Option<String>,
    pub(in crate::dashboard) response: Option<FormResponse>,
}

/// The response of an endpoint.
#[derive(Clone, Debug)]
pub(in crate::dashboard) struct FormResponse {
    pub(in crate::dashboard) status: StatusCode,
    pub(in crate::dashboard) duration: Duration,
    /// `None` when it is a stream.
    pub(in crate::dashboard) body: Option<String>,
}

/// The name of the sample for an endpoint that reads another type than the Hub's payload.
pub(in crate::dashboard) const ENDPOINT_SAMPLE: &str = "own";

/// Renders the block.
pub(in crate::dashboard) fn trigger_form(endpoints: &[EndpointSummary], form: &Form) -> Markup {
    let chosen = form.endpoint.as_deref();
    let endpoint = endpoints.iter().find(|endpoint| Some(endpoint.info.path.as_str()) == chosen);
    let endpoint = endpoint.or_else(|| endpoints.first());
    let is_hub_payload = endpoint.is_none_or(|endpoint| endpoint.is_hub_payload);
    let default = endpoint.filter(|_| is_hub_payload).map(|endpoint| endpoint.sample_name);
    let sample = form.sample.as_deref().or(default).unwrap_or(ENDPOINT_SAMPLE);
    let payload = form.payload.as_deref();
    let payload = payload.or(endpoint.map(|endpoint| endpoint.sample.as_str()));
    html! {
        section aria-labelledby="trigger" {
            h2 id="trigger" { "Try it" }
            form.trigger id="trigger-form" method="post" action="trigger#trigger" {
                div.fields {
                    label {
                        span { "Endpoint" }
                        select name="endpoint" {
                            @for each in endpoints {
                                option value=(each.info.path)
                                    data-protected[each.info.protected]
                                    data-own[!each.is_hub_payload]
                                    data-sample=(each.sample_name)
                                    data-filtered[each.info.filter.is_some()]
                                    selected[chosen == Some(each.info.path.as_str())] {
                                    (each.name())
                                }
                            }
                        }
                    }
                    label {
                        span { "Sample" }
                        select name="sample" {
                            @if !endpoints.iter().all(|endpoint| endpoint.is_hub_payload) {
                                option value=(ENDPOINT_SAMPLE) selected[sample == ENDPOINT_SAMPLE] {
                                    "Example for this endpoint"
                                }
                            }
                            @for each in samples() {
                                option value=(each.name) selected[sample == each.name] {
                                    (each.description)
                                }
                            }
                        }
                    }
                }
                label {
                    span { "Payload" }
                    textarea name="payload" rows="12" spellcheck="false" autocomplete="off"
                        autocapitalize="off" { (payload.unwrap_or_default()) }
                }
                @if endpoints.iter().any(|endpoint| endpoint.info.protected) {
                    label id="trigger-secret" {
                        span { "Secret" }
                        input type="password" name="secret" autocomplete="off"
                            aria-describedby="trigger-secret-hint";
                        small id="trigger-secret-hint" {
                            "Sent in " code { "X-Webhook-Secret" } ", as the Hub does. It is not stored."
                        }
                    }
                }
                p.buttons {
                    button.primary name="do" value="send" { "Send" }
                    button.scriptless name="do" value="load" { "Load the sample" }
                }
            }
            div.response id="response" role="status" {
                @if let Some(response) = &form.response { (result(response)) }
            }
        }
    }
}

fn result(response: &FormResponse) -> Markup {
    html! {
        p { (status(response.status.as_u16())) " in " (duration(response.duration)) }
        @match response.body.as_deref() {
            Some("") => p { "The response has no body." },
            Some(body) => (block("The response", body)),
            None => p { "The response is a stream, which is not shown here." },
        }
    }
}
