//! What there is to say of an endpoint.

use serde_json::json;

use crate::endpoint::registry::Shown;
use crate::openapi::body_of;

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
    /// The same in one line.
    compact: String,
}

impl Described {
    pub(super) fn new(shown: &Shown) -> Self {
        let body = body_of(&shown.takes);
        let sample = body.as_ref().map_or_else(|| json!({}), |body| body.sample.clone());
        Self {
            shown: shown.clone(),
            schema: body.as_ref().and_then(|body| body.schema.as_ref()).map(|schema| format!("{schema:#}")),
            takes: body.map(|body| body.name),
            sample: format!("{sample:#}"),
            compact: sample.to_string(),
        }
    }

    /// The function's name, or what stands for it: the last part of the path.
    pub(super) fn name(&self) -> &str {
        self.shown.path.rsplit('/').next().unwrap_or_default()
    }

    /// The command that sends the sample, after `curl` and the address.
    pub(super) fn curl_options(&self) -> String {
        let variable = self.shown.secret_env.unwrap_or("WEBHOOK_SECRET");
        let secret = if self.shown.protected {
            format!(" -H \"X-Webhook-Secret: ${variable}\"")
        } else {
            String::new()
        };
        // A quote would end the argument of the shell, and JSON can do without.
        let body = self.compact.replace('\'', "\\u0027");
        format!(" -H 'Content-Type: application/json'{secret} -d '{body}'")
    }
}
