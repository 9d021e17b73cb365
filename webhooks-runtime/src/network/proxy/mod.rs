//! Finds the HTTP proxy that the environment names for a host, by curl's rules, and connects through it.
//!
//! ureq's own rules do not fit: its `NO_PROXY` matches neither subdomains nor networks, and it silently
//! ignores a proxy that it does not support.

#[cfg(feature = "share")]
mod connect;
mod no_proxy;

use std::fmt;
use std::io::ErrorKind;

use ureq::http::StatusCode;
use ureq::{Proxy, ProxyProtocol};

use self::no_proxy::{is_exempt, is_on_this_machine, without_brackets};
use super::reason::http_reason;
use crate::config::environment::Environment;

/// The variables that name the proxy for `https` URLs and for the tunnel. The first one that is set wins.
const FOR_HTTPS: [&str; 4] = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];

/// The variables that name the proxy for `http` URLs.
const FOR_HTTP: [&str; 4] = ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"];

/// The variables that list the hosts to reach without a proxy.
const EXEMPT: [&str; 2] = ["NO_PROXY", "no_proxy"];

/// The error of a connection through a proxy. No text contains its user or password.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProxyError {
    #[error(
        "{variable} must be the URL of an HTTP proxy, such as http://proxy.example.com:3128; other kinds of \
         proxies are not supported"
    )]
    Unsupported { variable: &'static str },
    #[error("the proxy {proxy} cannot be reached: {reason}")]
    Unreachable { proxy: String, reason: String },
    #[error("the proxy {proxy} rejected the connection to {target}: {reason}")]
    Rejected { proxy: String, target: String, reason: String },
}

/// An HTTP proxy, which opens connections with the method CONNECT.
pub(crate) struct HttpProxy {
    proxy: Proxy,
    /// The variable that names the proxy.
    variable: &'static str,
}

impl HttpProxy {
    /// Returns the proxy for connections to a host, or `None` for a direct connection.
    ///
    /// Connections to this machine are always direct: the proxy's loopback address is a different machine.
    pub(crate) fn find(
        environment: &Environment,
        encrypted: bool,
        host: &str,
    ) -> Result<Option<Self>, ProxyError> {
        let host = without_brackets(host);
        if is_on_this_machine(host) {
            return Ok(None);
        }
        let variables = if encrypted { FOR_HTTPS } else { FOR_HTTP };
        let set = |name| Some((name, environment.filled(name).transpose()?));
        let Some((variable, url)) = variables.into_iter().find_map(set) else { return Ok(None) };
        let exempt = EXEMPT.into_iter().find_map(|name| environment.filled(name).ok()?);
        if exempt.is_some_and(|list| is_exempt(host, &list)) {
            return Ok(None);
        }
        let proxy = url.ok().and_then(|url| Proxy::new(&url).ok());
        let proxy = proxy.filter(|proxy| proxy.protocol() == ProxyProtocol::Http);
        let proxy = proxy.ok_or(ProxyError::Unsupported { variable })?;
        Ok(Some(Self { proxy, variable }))
    }

    /// Returns the proxy in ureq's form.
    pub(super) fn for_ureq(&self) -> Proxy {
        self.proxy.clone()
    }

    /// Returns the error of a proxy that cannot be reached.
    pub(crate) fn unreachable(&self, reason: String) -> ProxyError {
        ProxyError::Unreachable { proxy: self.to_string(), reason }
    }

    /// Returns the error of a proxy that responded to CONNECT with a status other than 2xx, or without an HTTP
    /// status.
    pub(crate) fn rejected(&self, target: &str, status: Option<u16>) -> ProxyError {
        let status = status.and_then(|status| StatusCode::from_u16(status).ok());
        let mut reason = match status {
            Some(status) => format!("it responded with status {status}"),
            None => "it does not speak HTTP".to_owned(),
        };
        if status == Some(StatusCode::PROXY_AUTHENTICATION_REQUIRED) {
            let (variable, address) = (self.variable, &self.to_string()["http://".len()..]);
            reason += &match self.proxy.username() {
                Some(_) => format!(". The user or password in {variable} is wrong"),
                None => format!(". Set {variable}=http://USER:PASSWORD@{address}"),
            };
        }
        ProxyError::Rejected { proxy: self.to_string(), target: target.to_owned(), reason }
    }

    /// Converts ureq's error, if the proxy caused it.
    pub(super) fn explain(&self, error: &ureq::Error, target: &str) -> Option<ProxyError> {
        let failed_to_connect = match error {
            // "proxy server responded 407/407", or another sentence.
            ureq::Error::ConnectProxyFailed(reason) => {
                let status = reason.rsplit('/').next().and_then(|status| status.parse().ok());
                return Some(self.rejected(target, status));
            }
            ureq::Error::Io(error) => matches!(
                error.kind(),
                ErrorKind::ConnectionRefused
                    | ErrorKind::HostUnreachable
                    | ErrorKind::NetworkUnreachable
            ),
            // The proxy resolves the name of the target, so the name that was not found is the proxy's.
            error => matches!(error, ureq::Error::HostNotFound | ureq::Error::ConnectionFailed),
        };
        failed_to_connect.then(|| self.unreachable(http_reason(error)))
    }
}

/// Returns whether the host of a URL is this machine.
pub(crate) fn is_this_machine(host: &str) -> bool {
    is_on_this_machine(without_brackets(host))
}

/// Writes the URL without user and password.
impl fmt::Display for HttpProxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}:{}", self.proxy.host(), self.proxy.port())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(variables: &[(&str, &str)], encrypted: bool, host: &str) -> Option<String> {
        let environment = Environment::from_iter(variables.iter().copied());
        let proxy = HttpProxy::find(&environment, encrypted, host).unwrap();
        proxy.map(|proxy| proxy.to_string())
    }

    #[test]
    fn the_proxy_is_the_one_for_the_protocol_or_else_the_one_for_all() {
        let all = ("ALL_PROXY", "http://all:1");
        let https = ("https_proxy", "http://https:2");
        let http = ("HTTP_PROXY", "plain.example:3");
        for (variables, encrypted, expected) in [
            (&[all, https, http][..], true, Some("http://https:2")),
            (&[all, https, http], false, Some("http://plain.example:3")),
            (&[all], true, Some("http://all:1")),
            (&[all], false, Some("http://all:1")),
            (&[http], true, None),
            (&[https], false, None),
            (&[("HTTPS_PROXY", ""), all], true, Some("http://all:1")),
            (
                &[("HTTPS_PROXY", "http://me:secret@[fd00::1]:8080/")],
                true,
                Some("http://[fd00::1]:8080"),
            ),
        ] {
            let found = find(variables, encrypted, "share.example");
            assert_eq!(found.as_deref(), expected, "{variables:?}");
        }
    }

    #[test]
    fn this_machine_is_never_behind_a_proxy() {
        let variables = [("HTTPS_PROXY", "http://proxy:1"), ("HTTP_PROXY", "http://proxy:1")];
        for host in ["127.0.0.1", "127.8.8.8", "localhost", "LOCALHOST.", "[::1]", "::1", "0.0.0.0"]
        {
            for encrypted in [true, false] {
                assert_eq!(find(&variables, encrypted, host), None, "{host}");
            }
        }
        for host in ["10.0.0.1", "localhost.example", "me-bot.hf.space", "[fd00::1]"] {
            assert!(find(&variables, true, host).is_some(), "{host}");
        }
    }

    #[test]
    fn hosts_domains_and_networks_are_exempt() {
        for (list, host, exempt) in [
            ("example.com", "example.com", true),
            ("example.com", "a.b.EXAMPLE.com", true),
            ("example.com", "notexample.com", false),
            ("a.example.com", "example.com", false),
            (".example.com", "example.com", true),
            ("*.example.com", "a.example.com", true),
            ("other.org, example.com", "example.com", true),
            ("other.org example.com", "example.com", true),
            ("*", "example.com", true),
            ("", "example.com", false),
            (".", "example.com", false),
            ("10.0.0.7", "10.0.0.7", true),
            ("10.0.0.7", "10.0.0.70", false),
            ("10.0.0.0/8", "10.1.2.3", true),
            ("10.0.0.0/8", "11.1.2.3", false),
            ("fd00::/8", "[fd00::1]", true),
            ("[fd00::1]", "fd00::1", true),
            ("0.0.0.7", "10.0.0.7", false),
        ] {
            let variables = [("HTTPS_PROXY", "http://proxy:1"), ("no_proxy", list)];
            assert_eq!(find(&variables, true, host).is_none(), exempt, "{list} {host}");
        }
    }

    #[test]
    fn a_proxy_that_cannot_be_used_is_an_error_that_shows_no_password() {
        for url in [
            "socks5://me:hush@proxy:1",
            "https://me:hush@proxy",
            "ftp://me:hush@x",
            "http://",
            "a b",
        ] {
            for variable in ["HTTPS_PROXY", "all_proxy"] {
                let environment = Environment::from_iter([(variable, url)]);
                let Err(error) = HttpProxy::find(&environment, true, "share.example") else {
                    panic!("{url}")
                };
                let text = error.to_string();
                assert!(
                    text.starts_with(&format!("{variable} must be the URL of an HTTP proxy")),
                    "{text}"
                );
                assert!(!text.contains("hush"), "{text}");
                // A proxy that is not needed is not checked.
                assert!(HttpProxy::find(&environment, true, "127.0.0.1").is_ok());
            }
        }
    }

    #[test]
    fn a_rejection_says_what_to_set_and_shows_no_password() {
        let rejection = |url, status| {
            let environment = Environment::from_iter([("HTTPS_PROXY", url)]);
            let proxy = HttpProxy::find(&environment, true, "share.example").unwrap().unwrap();
            proxy.rejected("share.example:443", status).to_string()
        };
        let beginning =
            "the proxy http://proxy:3128 rejected the connection to share.example:443: ";
        for (url, status, reason) in [
            (
                "http://proxy:3128",
                Some(407),
                "it responded with status 407 Proxy Authentication Required. Set \
                 HTTPS_PROXY=http://USER:PASSWORD@proxy:3128",
            ),
            (
                "http://me:hush@proxy:3128",
                Some(407),
                "it responded with status 407 Proxy Authentication Required. The user or password in \
                 HTTPS_PROXY is wrong",
            ),
            ("http://me:hush@proxy:3128", Some(403), "it responded with status 403 Forbidden"),
            ("http://me:hush@proxy:3128", None, "it does not speak HTTP"),
        ] {
            assert_eq!(rejection(url, status), format!("{beginning}{reason}"));
        }
    }
}
