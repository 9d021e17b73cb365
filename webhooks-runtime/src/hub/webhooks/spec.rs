//! The settings of a webhook that is created or updated.

use std::fmt;

use serde::Serialize;

use super::watched::{WatchedItem, WebhookDomain};
use super::webhook::without_query;
use crate::hub::error::HubError;
use crate::hub::path::filled;

/// The settings of a webhook, for [`Hub::create_webhook`](crate::Hub::create_webhook) and
/// [`Hub::update_webhook`](crate::Hub::update_webhook).
///
/// `Debug` hides the secret, and the query of the URL.
///
/// ```
/// use webhooks_runtime::hub::{WebhookDomain, WebhookSpec};
///
/// let spec = WebhookSpec::new("https://me-bot.hf.space/webhooks/train")
///     .watch("dataset:me/data")
///     .watch("org:acme")
///     .domains([WebhookDomain::Repo])
///     .secret("hush");
/// assert!(!format!("{spec:?}").contains("hush"));
/// ```
#[derive(Clone, PartialEq, Eq)]
#[must_use]
pub struct WebhookSpec {
    pub(crate) target: WebhookTarget,
    pub(crate) watched: Vec<WatchedItem>,
    pub(crate) domains: Vec<WebhookDomain>,
    pub(crate) secret: Option<String>,
}

/// What a webhook calls.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum WebhookTarget {
    Url(String),
    /// The id of a Job, which is started again.
    Job(String),
}

impl WebhookSpec {
    /// Describes a webhook that sends deliveries to a URL. It sends all kinds of events.
    ///
    /// ```
    /// use webhooks_runtime::hub::WebhookSpec;
    ///
    /// let spec = WebhookSpec::new("https://me-bot.hf.space/webhooks/train").watch("dataset:me/data");
    /// ```
    pub fn new(url: impl Into<String>) -> Self {
        Self::with_target(WebhookTarget::Url(url.into()))
    }

    /// Describes a webhook that starts a Job like the one with this id.
    ///
    /// ```
    /// use webhooks_runtime::hub::WebhookSpec;
    ///
    /// let spec = WebhookSpec::job("687fb701029421ae5549d998").watch("dataset:me/data");
    /// ```
    pub fn job(id: impl Into<String>) -> Self {
        Self::with_target(WebhookTarget::Job(id.into()))
    }

    fn with_target(target: WebhookTarget) -> Self {
        let domains = vec![WebhookDomain::Repo, WebhookDomain::Discussion];
        Self { target, watched: Vec::new(), domains, secret: None }
    }

    /// Adds a repo or an account to watch, such as `"dataset:me/data"` or `"user:me"`.
    ///
    /// ```
    /// use webhooks_runtime::hub::WebhookSpec;
    ///
    /// let spec = WebhookSpec::new("https://me-bot.hf.space/webhooks/train");
    /// let spec = spec.watch("dataset:me/data").watch("model:me/tiny");
    /// ```
    pub fn watch(mut self, item: impl Into<WatchedItem>) -> Self {
        self.watched.push(item.into());
        self
    }

    /// Sets the kinds of events to send. By default, all.
    ///
    /// ```
    /// use webhooks_runtime::hub::{WebhookDomain, WebhookSpec};
    ///
    /// let spec = WebhookSpec::new("https://me-bot.hf.space/webhooks/train").watch("dataset:me/data");
    /// let spec = spec.domains([WebhookDomain::Repo]);
    /// ```
    pub fn domains(mut self, domains: impl IntoIterator<Item = WebhookDomain>) -> Self {
        self.domains = domains.into_iter().collect();
        self
    }

    /// Sets the secret to send with each delivery.
    ///
    /// ```
    /// use webhooks_runtime::hub::WebhookSpec;
    ///
    /// let spec = WebhookSpec::new("https://me-bot.hf.space/webhooks/train").watch("dataset:me/data");
    /// let spec = spec.secret("hush");
    /// ```
    pub fn secret(mut self, secret: impl Into<String>) -> Self {
        self.secret = Some(secret.into());
        self
    }

    /// Returns the body of the request, if nothing is missing.
    pub(super) fn body(&self) -> Result<impl Serialize, HubError> {
        let (url, job_source_id) = match &self.target {
            WebhookTarget::Url(url) => (Some(filled("url", url)?), None),
            WebhookTarget::Job(id) => (None, Some(filled("job", id)?)),
        };
        // The Hub would take an empty list for "watch nothing".
        if self.watched.is_empty() {
            return Err(HubError::argument(
                "watched",
                "is empty: name at least one repo or account",
            ));
        }
        for item in &self.watched {
            item.check()?;
        }
        if self.domains.is_empty() {
            return Err(HubError::argument("domains", "is empty: name repo, discussion or both"));
        }
        if let Some(secret) = &self.secret {
            filled("secret", secret)?;
        }
        Ok(WebhookBody {
            watched: &self.watched,
            domains: &self.domains,
            secret: self.secret.as_deref(),
            url,
            job_source_id,
        })
    }
}

impl fmt::Debug for WebhookSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let target = match &self.target {
            WebhookTarget::Url(url) => without_query(url),
            WebhookTarget::Job(id) => id,
        };
        f.debug_struct("WebhookSpec")
            .field("target", &target)
            .field("watched", &self.watched)
            .field("domains", &self.domains)
            .field("has_secret", &self.secret.is_some())
            .finish()
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WebhookBody<'a> {
    watched: &'a [WatchedItem],
    domains: &'a [WebhookDomain],
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    job_source_id: Option<&'a str>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const URL: &str = "https://me-bot.hf.space/webhooks/train?secret=in-url";

    fn body(spec: &WebhookSpec) -> Result<serde_json::Value, HubError> {
        spec.body().map(|body| serde_json::to_value(body).unwrap())
    }

    #[test]
    fn the_body_has_all_settings() {
        let spec = WebhookSpec::new(URL).watch("dataset:me/data").secret("hush");
        let expected = json!({
            "watched": [{ "type": "dataset", "name": "me/data" }],
            "domains": ["repo", "discussion"],
            "secret": "hush",
            "url": URL,
        });
        assert_eq!(body(&spec).unwrap(), expected);

        let spec = WebhookSpec::job("j1").watch("user:me").domains([WebhookDomain::Repo]);
        let expected = json!({
            "watched": [{ "type": "user", "name": "me" }],
            "domains": ["repo"],
            "jobSourceId": "j1",
        });
        assert_eq!(body(&spec).unwrap(), expected);
    }

    #[test]
    fn a_spec_that_would_clear_a_setting_is_rejected() {
        let spec = || WebhookSpec::new(URL).watch("dataset:me/data");
        for (spec, argument) in [
            (WebhookSpec::new(URL), "watched"),
            (spec().watch("me/data"), "watched"),
            (spec().watch("datasets:me/data"), "watched"),
            (spec().watch("dataset:"), "watched"),
            (spec().domains([]), "domains"),
            (spec().secret(""), "secret"),
            (WebhookSpec::new(" ").watch("dataset:me/data"), "url"),
            (WebhookSpec::job("").watch("dataset:me/data"), "job"),
        ] {
            let error = body(&spec).unwrap_err();
            let text = format!("the Hub was not called: {argument} ");
            assert!(error.to_string().starts_with(&text), "{error}");
        }
    }

    #[test]
    fn debug_shows_no_secret() {
        let text = format!("{:?}", WebhookSpec::new(URL).secret("hush"));
        assert!(!text.contains("hush"), "{text}");
        assert!(!text.contains("in-url"), "{text}");
    }
}
