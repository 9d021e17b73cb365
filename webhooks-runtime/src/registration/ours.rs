//! Decides by its URL whether a webhook calls an endpoint of this program.

use std::fmt;

use actix_web::http::Uri;

use super::endpoint::WebhookEndpoint;
use super::remembered::RememberedWebhooks;
use crate::config::addresses::PublicUrl;
use crate::hub::Webhook;

/// A URL without its query: scheme, host, port and path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TargetUrl {
    scheme: String,
    host: String,
    port: Option<u16>,
    /// Without a trailing slash, because an endpoint is served with and without one.
    path: String,
}

impl TargetUrl {
    /// Parses the URL of a webhook. `None` if no server of this program can be meant, such as with a user name.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let url: Uri = text.trim().parse().ok()?;
        let scheme = url.scheme_str()?.to_ascii_lowercase();
        let authority = url.authority().filter(|authority| !authority.as_str().contains('@'))?;
        let default_port = match scheme.as_str() {
            "https" => 443,
            "http" => 80,
            _ => return None,
        };
        let path = url.path();
        Some(Self {
            host: authority.host().to_ascii_lowercase(),
            port: authority.port_u16().filter(|port| *port != default_port),
            scheme,
            path: path.strip_suffix('/').unwrap_or(path).to_owned(),
        })
    }

    /// Returns the URL of the endpoint at this path.
    pub(crate) fn of_endpoint(public: &PublicUrl, path: &str) -> Option<Self> {
        Self::parse(&endpoint_url(public, path))
    }

    /// Returns whether the webhook calls this URL.
    pub(crate) fn is_of(&self, webhook: &Webhook) -> bool {
        webhook.url.as_deref().and_then(Self::parse).as_ref() == Some(self)
    }
}

impl fmt::Display for TargetUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { scheme, host, port, path } = self;
        match port {
            Some(port) => write!(f, "{scheme}://{host}:{port}{path}"),
            None => write!(f, "{scheme}://{host}{path}"),
        }
    }
}

/// Returns the path of the endpoint of this program that a webhook is for; `None` if the webhook is not ours. A webhook
/// is ours if it is remembered, or if its URL is the public URL and the path of an endpoint.
pub(crate) fn path_of_ours(
    webhook: &Webhook,
    endpoints: &[WebhookEndpoint],
    public_url: Option<&PublicUrl>,
    remembered: &RememberedWebhooks,
) -> Option<String> {
    if let Some(remembered) = remembered.get(&webhook.id) {
        return Some(remembered.path.clone());
    }
    let calls = |path: &&String| {
        let target = public_url.and_then(|url| TargetUrl::of_endpoint(url, path));
        target.is_some_and(|target| target.is_of(webhook))
    };
    endpoints.iter().map(|endpoint| &endpoint.path).find(calls).cloned()
}

/// Returns the public URL of the server that a webhook calls an endpoint of: what precedes the path in its URL.
pub(crate) fn server_of<'a>(webhook: &'a Webhook, path: &str) -> Option<&'a str> {
    let url = webhook.url.as_deref()?;
    let url = url.strip_suffix(query(url)).unwrap_or(url);
    url.strip_suffix('/').unwrap_or(url).strip_suffix(path)
}

/// Returns the URL at which the Hub reaches the endpoint at this path.
pub(crate) fn endpoint_url(public: &PublicUrl, path: &str) -> String {
    format!("{public}{path}")
}

/// Returns whether the webhook calls an endpoint at this path, on any server.
pub(crate) fn has_path(webhook: &Webhook, path: &str) -> bool {
    let target = webhook.url.as_deref().and_then(TargetUrl::parse);
    target.is_some_and(|target| target.path.ends_with(path))
}

/// Returns a webhook's URL as it may be shown: its query and its user name can be secrets.
pub(crate) fn shown_url(url: &str) -> String {
    let end = url.find(['?', '#']).unwrap_or(url.len());
    let shown = &url[..end];
    match (shown.find("://"), shown.rfind('@')) {
        (Some(scheme), Some(user)) if scheme < user => {
            format!("{}{}", &shown[..scheme + 3], &shown[user + 1..])
        }
        _ => shown.to_owned(),
    }
}

/// Returns the query of a webhook's URL, with its question mark; empty if it has none.
pub(crate) fn query(url: &str) -> &str {
    url.find('?').map_or("", |start| &url[start..])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calls(public: &str, path: &str, url: &str) -> bool {
        let target = TargetUrl::of_endpoint(&PublicUrl::parse(public).unwrap(), path).unwrap();
        TargetUrl::parse(url).as_ref() == Some(&target)
    }

    #[test]
    fn a_webhook_is_ours_if_origin_prefix_and_path_are_equal() {
        let space = "https://me-bot.hf.space";
        for (public, url, expected) in [
            (space, "https://me-bot.hf.space/webhooks/x", true),
            (space, "https://me-bot.hf.space/webhooks/x?secret=hush", true),
            (space, "https://me-bot.hf.space/webhooks/x#a", true),
            (space, "https://me-bot.hf.space/webhooks/x/", true),
            (space, "https://ME-BOT.hf.space:443/webhooks/x", true),
            (space, "http://me-bot.hf.space/webhooks/x", false),
            (space, "https://me-bot.hf.space:8443/webhooks/x", false),
            (space, "https://me-bot2.hf.space/webhooks/x", false),
            (space, "https://me-bot.hf.space.evil.example/webhooks/x", false),
            (space, "https://me-bot.hf.space/webhooks/X", false),
            (space, "https://me-bot.hf.space/webhooks/x/y", false),
            (space, "https://me-bot.hf.space/webhooks", false),
            (space, "https://me-bot.hf.space", false),
            (space, "https://me:hush@me-bot.hf.space/webhooks/x", false),
            (space, "me-bot.hf.space/webhooks/x", false),
            (space, "", false),
            // Two bots behind one host.
            ("https://hooks.example.com/a", "https://hooks.example.com/a/webhooks/x", true),
            ("https://hooks.example.com/a", "https://hooks.example.com/b/webhooks/x", false),
            ("https://hooks.example.com/a", "https://hooks.example.com/webhooks/x", false),
            ("https://hooks.example.com", "https://hooks.example.com/a/webhooks/x", false),
            ("http://10.0.0.1:80", "http://10.0.0.1/webhooks/x", true),
            ("http://[::1]:8000", "http://[::1]:8000/webhooks/x", true),
        ] {
            assert_eq!(calls(public, "/webhooks/x", url), expected, "{public} {url}");
        }
    }

    #[test]
    fn a_shown_url_has_neither_a_query_nor_a_user() {
        for (url, shown) in [
            ("https://x.example/webhooks/x", "https://x.example/webhooks/x"),
            ("https://x.example/webhooks/x?secret=hush", "https://x.example/webhooks/x"),
            ("https://x.example/webhooks/x#hush", "https://x.example/webhooks/x"),
            ("https://me:hush@x.example/x", "https://x.example/x"),
            ("hush@", "hush@"),
        ] {
            assert_eq!(shown_url(url), shown);
        }
        assert_eq!(query("https://x.example/x?secret=hush"), "?secret=hush");
        assert_eq!(query("https://x.example/x"), "");
    }
}
