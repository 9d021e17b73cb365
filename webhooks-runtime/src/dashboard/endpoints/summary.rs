//! What there is to say of an endpoint.

use super::super::pieces::name;
use crate::endpoint::Takes;
use crate::endpoint::registry::EndpointInfo;
use crate::openapi::body_of;
use crate::samples::dataset_commit;

/// An endpoint, and what it takes.
#[derive(Debug)]
pub(in crate::dashboard) struct EndpointSummary {
    pub(in crate::dashboard) info: EndpointInfo,
    /// What the payload is called; `None` where the body isn't read.
    pub(in crate::dashboard) takes: Option<String>,
    /// The payload's JSON Schema, if it has one.
    pub(in crate::dashboard) schema: Option<String>,
    /// A payload, in lines.
    pub(in crate::dashboard) sample: String,
    /// Whether it is the Hub's payload, of which there are other samples.
    pub(in crate::dashboard) of_hub: bool,
}

impl EndpointSummary {
    pub(in crate::dashboard) fn new(info: &EndpointInfo) -> Self {
        let body = body_of(&info.takes);
        // The fields of a payload in the order in which the Hub's documentation has them.
        let of_hub = matches!(info.takes, Takes::Payload);
        let sample = match &body {
            _ if of_hub => serde_json::to_string_pretty(&dataset_commit()).unwrap_or_default(),
            Some(body) => format!("{:#}", body.sample),
            None => "{}".to_owned(),
        };
        Self {
            info: info.clone(),
            schema: body.as_ref().and_then(|body| Some(format!("{:#}", body.schema.as_ref()?))),
            takes: body.map(|body| body.name),
            sample,
            of_hub,
        }
    }

    /// The function's name, or what stands for it: the last part of the path.
    pub(in crate::dashboard) fn name(&self) -> &str {
        name(&self.info.path)
    }

    /// The command that sends the sample, after `curl` and the address.
    pub(in crate::dashboard) fn curl_options(&self) -> String {
        let variable = self.info.secret_env.unwrap_or("WEBHOOK_SECRET");
        let secret = if self.info.protected {
            format!(" \\\n  -H \"X-Webhook-Secret: ${variable}\"")
        } else {
            String::new()
        };
        // A quote would end the argument of the shell, and JSON can do without.
        let body = self.sample.replace('\'', "\\u0027");
        format!(" \\\n  -H 'Content-Type: application/json'{secret} \\\n  -d '{body}'")
    }
}
