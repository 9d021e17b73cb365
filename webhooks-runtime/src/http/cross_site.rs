//! Detects requests that a page of another site makes a browser send.
//!
//! Any page can make its visitor's browser send a POST to a server on the visitor's machine or network. Browsers
//! report this in two headers that scripts cannot change. The Hub, `curl` and tunnels send neither header.

use actix_web::HttpRequest;
use actix_web::http::Uri;
use actix_web::http::header::{HOST, HeaderName, HeaderValue, ORIGIN};

use crate::config::addresses::Addresses;

/// The header that reports which site made a request: <https://www.w3.org/TR/fetch-metadata/>. Browsers send it to
/// servers with TLS and to servers on the same machine.
pub(crate) const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Returns whether a page of another site made a browser send this request.
///
/// A host name in `Host` proves nothing: another site can point its own name at this server (DNS rebinding), so
/// that the origin of its pages matches the request's address. It cannot do that with an IP address or `localhost`.
pub(crate) fn is_cross_site(request: &HttpRequest, addresses: &Addresses) -> bool {
    let headers = request.headers();
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    let is_same = |origin| host.is_some_and(|host| is_same_address(origin, host));
    headers.get_all(SEC_FETCH_SITE).any(|site| site != "same-origin" && site != "none")
        || headers
            .get_all(ORIGIN)
            .any(|origin| !is_own_origin(origin, addresses) && !is_same(origin))
}

/// Returns whether an origin is the address that a request was sent to, without a name that DNS resolves. This
/// allows the page of this server behind a forwarded port, for example.
fn is_same_address(origin: &HeaderValue, host: &str) -> bool {
    let Some(origin) = origin.to_str().ok().and_then(WebOrigin::parse) else {
        return false;
    };
    let sent_to = WebOrigin::parse(&format!("{}://{host}", origin.scheme));
    (origin.ip().is_some() || origin.host == "localhost") && sent_to == Some(origin)
}

/// Returns whether an origin is one of the server's addresses.
pub(crate) fn is_own_origin(origin: &HeaderValue, addresses: &Addresses) -> bool {
    let origin = origin.to_str().ok().and_then(WebOrigin::parse);
    let Some(origin) = origin else {
        return false;
    };
    let public = addresses.public().and_then(|url| WebOrigin::parse(url.as_str()));
    let local = WebOrigin::parse(addresses.local());
    public.is_some_and(|public| public == origin)
        || local.is_some_and(|local| local == origin || local.is_reached_by(&origin))
}

/// An origin: a scheme, a host and a port.
#[derive(Debug, PartialEq, Eq)]
struct WebOrigin {
    scheme: String,
    host: String,
    port: u16,
}

impl WebOrigin {
    fn parse(url: &str) -> Option<Self> {
        let url: Uri = url.parse().ok()?;
        let scheme = url.scheme_str()?.to_ascii_lowercase();
        let default = if scheme == "https" { 443 } else { 80 };
        let port = url.port_u16().unwrap_or(default);
        Some(Self { scheme, host: url.host()?.to_ascii_lowercase(), port })
    }

    /// Returns whether `other` is another loopback name for a server that listens here.
    fn is_reached_by(&self, other: &Self) -> bool {
        let listens = matches!(self.ip(), Some(ip) if ip.is_loopback() || ip.is_unspecified())
            || self.host == "localhost";
        let loopback = other.host == "localhost" || other.ip().is_some_and(|ip| ip.is_loopback());
        listens && loopback && (&self.scheme, self.port) == (&other.scheme, other.port)
    }

    fn ip(&self) -> Option<std::net::IpAddr> {
        let host = self.host.trim_start_matches('[').trim_end_matches(']');
        host.parse().ok().map(|ip: std::net::IpAddr| ip.to_canonical())
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;
    use crate::config::addresses::PublicUrl;

    fn rejects(local: &str, headers: &[(&str, &str)]) -> bool {
        let public = PublicUrl::parse("https://me-bot.hf.space/bot").unwrap();
        let addresses = Addresses::new(local, Some(public));
        let request = TestRequest::default().insert_header(("host", "evil.example:7860"));
        let request =
            headers.iter().fold(request, |request, header| request.append_header(*header));
        is_cross_site(&request.to_http_request(), &addresses)
    }

    #[test]
    fn a_request_without_either_header_is_not_from_a_browser() {
        assert!(!rejects("http://127.0.0.1:7860", &[]));
    }

    #[test]
    fn the_servers_own_addresses_are_its_own_origins() {
        for own in [
            "http://127.0.0.1:7860",
            "http://localhost:7860",
            "http://LOCALHOST:7860",
            "http://[::1]:7860",
            "https://me-bot.hf.space",
            "https://me-bot.hf.space:443",
        ] {
            assert!(!rejects("http://127.0.0.1:7860", &[("origin", own)]), "{own}");
            assert!(!rejects("http://0.0.0.0:7860", &[("origin", own)]), "{own}");
        }
        assert!(!rejects("http://10.0.0.3:80", &[("origin", "http://10.0.0.3")]));
    }

    #[test]
    fn every_other_origin_is_another_site() {
        for other in [
            "null",
            "",
            "http://evil.example:7860",
            "http://localhost:7861",
            "https://localhost:7860",
            "http://localhost.evil.example:7860",
            "http://me-bot.hf.space",
            "http://10.0.0.3:7860",
            "chrome-extension://abc",
        ] {
            assert!(rejects("http://127.0.0.1:7860", &[("origin", other)]), "{other}");
        }
        assert!(rejects("http://10.0.0.3:7860", &[("origin", "http://localhost:7860")]));
        let two = [("origin", "http://localhost:7860"), ("origin", "http://evil.example")];
        assert!(rejects("http://127.0.0.1:7860", &two));
    }

    #[test]
    fn an_address_without_a_name_is_the_one_that_the_request_was_sent_to() {
        let rejects = |host: &str, origin: &str| {
            let addresses = Addresses::new("http://127.0.0.1:7860", None);
            let headers = [("host", host), ("origin", origin)];
            let request = TestRequest::default();
            let request = headers.into_iter().fold(request, TestRequest::append_header);
            is_cross_site(&request.to_http_request(), &addresses)
        };
        for host in ["localhost:8080", "192.168.1.5:7860", "[fd00::1]:80", "10.0.0.3"] {
            assert!(!rejects(host, &format!("http://{host}")), "{host}");
            assert!(rejects(host, "http://localhost:9090") && rejects(host, "http://10.0.0.4"));
        }
        assert!(rejects("evil.example:7860", "http://evil.example:7860"));
        assert!(rejects("localhost.evil.example:7860", "http://localhost.evil.example:7860"));
    }

    #[test]
    fn a_browser_reports_which_site_made_the_request() {
        let origin = ("origin", "http://127.0.0.1:7860");
        for (site, rejected) in [
            ("same-origin", false),
            ("none", false),
            ("same-site", true),
            ("cross-site", true),
            ("", true),
        ] {
            let headers = [("sec-fetch-site", site), origin];
            assert_eq!(rejects("http://127.0.0.1:7860", &headers), rejected, "{site}");
            assert_eq!(rejects("http://127.0.0.1:7860", &headers[..1]), rejected, "{site}");
        }
        let both = [("sec-fetch-site", "same-origin"), ("origin", "http://evil.example:7860")];
        assert!(rejects("http://127.0.0.1:7860", &both));
    }
}
