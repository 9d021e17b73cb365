//! What there is to say of an endpoint.

use crate::endpoint::registry::Shown;

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
        let payload = serde_json::to_value(crate::payload::WebhookPayload::from(
            crate::testing::dataset_commit(),
        ))
        .unwrap_or_default();
        Self {
            shown: shown.clone(),
            takes: Some("WebhookPayload".to_owned()),
            schema: Some("{}".to_owned()),
            sample: format!("{payload:#}"),
            compact: payload.to_string(),
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
