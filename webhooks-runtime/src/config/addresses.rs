//! The URLs of the server: the local one and the public one.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use actix_web::http::Uri;
use actix_web::http::uri::Authority;
use tokio::sync::watch;

/// A public base URL, without a trailing slash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PublicUrl(String);

/// A text that is not a public URL.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("it gave no URL that begins with http:// or https://")]
pub(crate) struct NotAUrl;

impl PublicUrl {
    /// Parses `https://host`, optionally with a port and a path. Everything else is rejected, because the URL is
    /// printed.
    pub(crate) fn parse(text: &str) -> Result<Self, NotAUrl> {
        let url: Uri = text.parse().map_err(|_| NotAUrl)?;
        let known = matches!(url.scheme_str(), Some("http" | "https"));
        let host = url.authority().filter(|authority| plain(authority));
        match host {
            Some(_) if known && url.query().is_none() && !text.contains('#') && text.is_ascii() => {
                Ok(Self(text.trim_end_matches('/').to_owned()))
            }
            _ => Err(NotAUrl),
        }
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Returns whether it is a host, perhaps with a port, but without a user.
pub(crate) fn plain(authority: &Authority) -> bool {
    let (host, text) = (authority.host(), authority.as_str());
    let port_is_one = authority.port_u16().is_some() || text.len() == host.len();
    !host.is_empty() && !text.contains('@') && port_is_one
}

/// The URLs of the server. The public one can come later than the start, and can change.
#[derive(Clone, Debug)]
pub(crate) struct Addresses {
    /// Set once the server listens.
    local: Arc<OnceLock<String>>,
    public: Arc<watch::Sender<Option<PublicUrl>>>,
    /// Whether the tunnel is open, if there is one.
    tunnel_is_open: Arc<AtomicBool>,
}

impl Addresses {
    /// Returns the URLs of a server that doesn't listen yet.
    pub(crate) fn before_listening(public: Option<PublicUrl>) -> Self {
        let public = Arc::new(watch::Sender::new(public));
        Self { local: Arc::default(), public, tunnel_is_open: Arc::default() }
    }

    /// Returns the URLs of a listening server, for tests.
    #[cfg(test)]
    pub(crate) fn new(local: &str, public: Option<PublicUrl>) -> Self {
        let addresses = Self::before_listening(public);
        addresses.set_local(local);
        addresses
    }

    /// Sets the local URL, without a trailing slash.
    pub(crate) fn set_local(&self, url: &str) {
        // A server listens once.
        let _ = self.local.set(url.to_owned());
    }

    /// Returns the local URL, without a trailing slash; empty until the server listens.
    pub(crate) fn local(&self) -> &str {
        self.local.get().map_or("", String::as_str)
    }

    /// Returns the public URL, if there is one yet.
    pub(crate) fn public(&self) -> Option<PublicUrl> {
        self.public.borrow().clone()
    }

    /// Returns the public URL, or else the local one.
    pub(crate) fn best(&self) -> String {
        self.public().map_or_else(|| self.local().to_owned(), |url| url.as_str().to_owned())
    }

    /// Returns a receiver that changes with the public URL.
    pub(crate) fn watch(&self) -> watch::Receiver<Option<PublicUrl>> {
        self.public.subscribe()
    }

    /// Sets the public URL, and returns the previous one.
    pub(crate) fn set_public(&self, url: PublicUrl) -> Option<PublicUrl> {
        self.public.send_replace(Some(url))
    }

    /// Returns whether the tunnel is open. The public URL stays the same while it is not.
    pub(crate) fn tunnel_is_open(&self) -> bool {
        self.tunnel_is_open.load(Ordering::Relaxed)
    }

    pub(crate) fn set_tunnel_is_open(&self, is_open: bool) {
        self.tunnel_is_open.store(is_open, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_public_url_is_an_address_and_nothing_else() {
        for good in ["https://x.gradio.live", "http://10.0.0.1:80/", "http://[::1]:80/a/b"] {
            assert_eq!(PublicUrl::parse(good).unwrap().as_str(), good.trim_end_matches('/'));
        }
        for bad in [
            "",
            "x.gradio.live",
            "ftp://x",
            "https://",
            "https:///path",
            "https://me:hush@x",
            "https://x/?a=b",
            "https://x/#a",
            "https://x:99999",
            "https://x:",
            "https://x\u{1b}[31m",
            "https://x\n",
            "https://bücher.example",
            "https://x/ü",
        ] {
            assert_eq!(PublicUrl::parse(bad), Err(NotAUrl), "{bad:?}");
        }
    }
}
