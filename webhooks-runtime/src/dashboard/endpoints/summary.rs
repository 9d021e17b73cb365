//! The description of one endpoint.

use super::super::pieces::name;
use crate::endpoint::BodyKind;
use crate::endpoint::registry::EndpointInfo;
use crate::openapi::body_of;
use crate::samples::matching;

/// An endpoint, with the payload that it reads.
#[derive(Debug)]
pub(in crate::dashboard) struct EndpointSummary {
    pub(in crate::dashboard) info: EndpointInfo,
    /// The name of the payload's type; `None` when the endpoint doesn't read the body.
    pub(in crate::dashboard) payload_type: Option<String>,
    /// The JSON Schema of the payload, if it has one.
    pub(in crate::dashboard) schema: Option<String>,
    /// An example of the payload, as indented JSON.
    pub(in crate::dashboard) sample: String,
    /// The name of the sample of the Hub's payload that matches the filter.
    pub(in crate::dashboard) sample_name: &'static str,
    /// Whether the payload is the Hub's, which has more samples.
    pub(in crate::dashboard) is_hub_payload: bool,
}

impl EndpointSummary {
    pub(in crate::dashboard) fn new(info: &EndpointInfo) -> Self {
        let body = body_of(&info.body);
        let is_hub_payload = matches!(info.body, BodyKind::Payload);
        let matching = matching(info.filter.as_ref());
        let sample = match &body {
            // Not `body.sample`, which does not keep the order of the fields.
            _ if is_hub_payload => {
                let payload = matching.as_ref().map(|sample| &sample.payload);
                serde_json::to_string_pretty(&payload).unwrap_or_default()
            }
            Some(body) => format!("{:#}", body.sample),
            None => "{}".to_owned(),
        };
        Self {
            info: info.clone(),
            schema: body.as_ref().and_then(|body| Some(format!("{:#}", body.schema.as_ref()?))),
            payload_type: body.map(|body| body.name),
            sample,
            sample_name: matching.map(|sample| sample.name).unwrap_or_default(),
            is_hub_payload,
        }
    }

    /// Returns a short name: the last segment of the path.
    pub(in crate::dashboard) fn name(&self) -> &str {
        name(&self.info.path)
    }

    /// Returns the rest of a `curl` command that sends the sample, after the URL.
    pub(in crate::dashboard) fn curl_options(&self) -> String {
        let variable = self.info.secret_env.unwrap_or("WEBHOOK_SECRET");
        let secret = if self.info.protected {
            format!(" \\\n  -H \"X-Webhook-Secret: ${variable}\"")
        } else {
            String::new()
        };
        // A single quote would end the shell's argument; JSON allows an escape instead.
        let body = self.sample.replace('\'', "\\u0027");
        format!(" \\\n  -H 'Content-Type: application/json'{secret} \\\n  -d '{body}'")
    }
}
