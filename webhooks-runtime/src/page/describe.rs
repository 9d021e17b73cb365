//! What there is to say of an endpoint.

use super::pieces::name;
use crate::endpoint::Takes;
use crate::endpoint::registry::Shown;
use crate::openapi::body_of;
use crate::samples::dataset_commit;

/// An endpoint, and what it takes.
#[derive(Debug)]
pub(super) struct Described {
    pub(super) shown: Shown,
    /// What the payload is called; `None` where the body isn't read.
    pub(super) takes: Option<String>,
    /// The payload's JSON Schema, if it has one.
    pub(super) schema: Option<String>,
    /// A payload, in lines.
    pub(super) sample: String,
    /// Whether it is the Hub's payload, of which there are other samples.
    pub(super) of_hub: bool,
}

impl Described {
    pub(super) fn new(shown: &Shown) -> Self {
        let body = body_of(&shown.takes);
        // The fields of a payload in the order in which the Hub's documentation has them.
        let of_hub = matches!(shown.takes, Takes::Payload);
        let sample = match &body {
            _ if of_hub => serde_json::to_string_pretty(&dataset_commit()).unwrap_or_default(),
            Some(body) => format!("{:#}", body.sample),
            None => "{}".to_owned(),
        };
        Self {
            shown: shown.clone(),
            schema: body.as_ref().and_then(|body| Some(format!("{:#}", body.schema.as_ref()?))),
            takes: body.map(|body| body.name),
            sample,
            of_hub,
        }
    }

    /// The function's name, or what stands for it: the last part of the path.
    pub(super) fn name(&self) -> &str {
        name(&self.shown.path)
    }

    /// The command that sends the sample, after `curl` and the address.
    pub(super) fn curl_options(&self) -> String {
        let variable = self.shown.secret_env.unwrap_or("WEBHOOK_SECRET");
        let secret = if self.shown.protected {
            format!(" \\\n  -H \"X-Webhook-Secret: ${variable}\"")
        } else {
            String::new()
        };
        // A quote would end the argument of the shell, and JSON can do without.
        let body = self.sample.replace('\'', "\\u0027");
        format!(" \\\n  -H 'Content-Type: application/json'{secret} \\\n  -d '{body}'")
    }
}
