//! The form that sends a delivery to an endpoint. With a script it goes to the endpoint itself, as the
//! Hub's deliveries do; without one, through a form that the server sends on.

use std::time::Duration;

use actix_web::http::StatusCode;
use maud::{Markup, html};

use super::super::endpoints::EndpointSummary;
use super::super::pieces::{block, duration, status};
use crate::samples::samples;

/// What the form holds. The secret isn't among it: it is never sent back.
#[derive(Clone, Debug, Default)]
pub(in crate::dashboard) struct Form {
    /// The endpoint's path.
    pub(in crate::dashboard) endpoint: Option<String>,
    /// The sample's name.
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

/// The sample of an endpoint whose payload isn't the Hub's.
pub(in crate::dashboard) const OWN_SAMPLE: &str = "own";

/// The sample of one whose payload is.
const FIRST_SAMPLE: &str = "dataset-commit";

impl Form {
    /// Whether nobody has changed it yet.
    pub(in crate::dashboard) fn is_untouched(&self) -> bool {
        let Self { endpoint, sample, payload, response } = self;
        endpoint.is_none() && sample.is_none() && payload.is_none() && response.is_none()
    }
}

pub(in crate::dashboard) fn trigger_form(endpoints: &[EndpointSummary], form: &Form) -> Markup {
    let chosen = form.endpoint.as_deref();
    let endpoint = endpoints.iter().find(|endpoint| Some(endpoint.info.path.as_str()) == chosen);
    let endpoint = endpoint.or_else(|| endpoints.first());
    let of_hub = endpoint.is_none_or(|endpoint| endpoint.of_hub);
    let sample = form.sample.as_deref().unwrap_or(if of_hub { FIRST_SAMPLE } else { OWN_SAMPLE });
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
                                    data-own[!each.of_hub]
                                    selected[chosen == Some(each.info.path.as_str())] {
                                    (each.name())
                                }
                            }
                        }
                    }
                    label {
                        span { "Sample" }
                        select name="sample" {
                            @if !endpoints.iter().all(|endpoint| endpoint.of_hub) {
                                option value=(OWN_SAMPLE) selected[sample == OWN_SAMPLE] {
                                    "What this endpoint takes"
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
                            "Sent in " code { "X-Webhook-Secret" } ", as the Hub does. It is stored nowhere."
                        }
                    }
                }
                p.buttons {
                    button.primary name="do" value="send" { "Send" }
                    button.scriptless name="do" value="load" { "Load the sample" }
                }
            }
            div.answer id="answer" role="status" aria-live="polite" {
                @if let Some(response) = &form.response { (result(response)) }
            }
        }
    }
}

fn result(response: &FormResponse) -> Markup {
    html! {
        p { (status(response.status.as_u16())) " in " (duration(response.duration)) }
        @match response.body.as_deref() {
            Some("") => p { "No answer besides the status." },
            Some(body) => (block("The answer", body)),
            None => p { "The answer is a stream, which isn't shown here." },
        }
    }
}
