//! Who may look at the deliveries, since payloads can be private: a browser on this machine, and
//! whoever opened the page with the token that is printed at the start.

use actix_web::cookie::{Cookie, SameSite};
use actix_web::http::Uri;
use actix_web::http::header::{HOST, HeaderName, ORIGIN};
use actix_web::http::uri::Authority;
use actix_web::{HttpRequest, web};
use serde::Deserialize;

use super::token::Token;
use crate::addresses::{Addresses, plain};
use crate::server::connection::Origin;

/// Says what made a request: <https://www.w3.org/TR/fetch-metadata/>. Only browsers send it, and no
/// script can.
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// Headers that proxies add, besides all that begin with `x-forwarded`. A request with one of them
/// comes from elsewhere, whoever its peer is.
const FORWARDING: [&str; 13] = [
    "cdn-loop",
    "cf-connecting-ip",
    "client-ip",
    "fastly-client-ip",
    "fly-client-ip",
    "forwarded",
    "true-client-ip",
    "via",
    "x-client-ip",
    "x-cluster-client-ip",
    "x-original-forwarded-for",
    "x-proxyuser-ip",
    "x-real-ip",
];

/// Who may look.
#[derive(Clone, Debug)]
pub(crate) struct Viewers {
    token: Token,
    addresses: Addresses,
    /// Whether a browser on this machine may look without the token. Where a proxy is known to be in
    /// front, a request from elsewhere can look like one from here.
    trust_local: bool,
}

/// The token in a URL's query.
#[derive(Deserialize)]
struct Query {
    token: Option<String>,
}

impl Viewers {
    pub(crate) fn new(token: Token, addresses: Addresses, trust_local: bool) -> Self {
        Self { token, addresses, trust_local }
    }

    /// Whether the sender of this request may see deliveries.
    pub(crate) fn may_look(&self, request: &HttpRequest) -> bool {
        self.has_cookie(request) || (self.trust_local && is_local(request))
    }

    /// The cookie for a request that brings the token in its URL, which is to be exchanged for it.
    pub(crate) fn welcome(&self, request: &HttpRequest) -> Option<Cookie<'static>> {
        let query = web::Query::<Query>::from_query(request.query_string()).ok()?.into_inner();
        let given = query.token.filter(|given| self.token.is(given))?;
        let secure = self.is_https(request);
        let cookie = Cookie::build(self.cookie_name(), given).path("/").http_only(true);
        Some(cookie.same_site(SameSite::Strict).secure(secure).finish())
    }

    fn has_cookie(&self, request: &HttpRequest) -> bool {
        request.cookie(&self.cookie_name()).is_some_and(|cookie| self.token.is(cookie.value()))
    }

    /// Cookies are shared by all ports of a host, and so by all servers on one machine.
    fn cookie_name(&self) -> String {
        let port = self.addresses.local().rsplit(':').next().unwrap_or_default();
        format!("webhooks-token-{port}")
    }

    /// Whether the browser speaks TLS, as far as a proxy or the public address tells.
    fn is_https(&self, request: &HttpRequest) -> bool {
        if request.headers().get(FORWARDED_PROTO).is_some_and(|scheme| scheme == "https") {
            return true;
        }
        let public = self.addresses.public();
        let url: Option<Uri> = public.and_then(|url| url.as_str().parse().ok());
        url.is_some_and(|url| {
            url.scheme_str() == Some("https") && url.authority() == host(request).as_ref()
        })
    }
}

/// Whether a request that changes something was made by a page of this server. Browsers say so in
/// `Sec-Fetch-Site`, and where they don't, without TLS, in `Origin`.
pub(crate) fn is_same_origin(request: &HttpRequest) -> bool {
    if let Some(site) = request.headers().get(SEC_FETCH_SITE) {
        return site == "same-origin";
    }
    let origin = request.headers().get(ORIGIN).and_then(|origin| origin.to_str().ok());
    let origin: Option<Uri> = origin.and_then(|origin| origin.parse().ok());
    let origin = origin.as_ref().and_then(Uri::authority);
    origin.is_some() && origin == host(request).as_ref()
}

/// Whether a request didn't come through the tunnel and looks as if it was sent on this machine.
fn is_local(request: &HttpRequest) -> bool {
    request.conn_data() == Some(&Origin::Direct) && looks_local(request)
}

/// Whether a request was sent on this machine, to a name of this machine, and by nobody on behalf of
/// somebody else. The name keeps out pages that lead their own name here (DNS rebinding).
fn looks_local(request: &HttpRequest) -> bool {
    let peer = request.peer_addr().is_some_and(|peer| peer.ip().to_canonical().is_loopback());
    let forwarded = request.headers().keys().any(|name| {
        FORWARDING.contains(&name.as_str()) || name.as_str().starts_with("x-forwarded")
    });
    peer && !forwarded && host(request).is_some_and(|host| is_loopback(host.host()))
}

/// The host that a request names: in its one `Host` header, and nowhere else.
fn host(request: &HttpRequest) -> Option<Authority> {
    let mut hosts = request.headers().get_all(HOST);
    match (hosts.next(), hosts.next(), request.uri().authority()) {
        (Some(host), None, None) => {
            let host: Authority = host.to_str().ok()?.parse().ok()?;
            plain(&host).then_some(host)
        }
        _ => None,
    }
}

fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    let address: Result<std::net::IpAddr, _> = address.parse();
    host.eq_ignore_ascii_case("localhost")
        || address.is_ok_and(|address| address.to_canonical().is_loopback())
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    const HERE: &str = "127.0.0.1:40000";

    fn request(peer: &str, uri: &str, headers: &[(&str, &str)]) -> HttpRequest {
        let mut request = TestRequest::with_uri(uri).peer_addr(peer.parse().unwrap());
        for header in headers {
            request = request.append_header(*header);
        }
        request.to_http_request()
    }

    #[test]
    fn a_browser_on_this_machine_looks_local() {
        for (peer, host) in [
            (HERE, "127.0.0.1:7860"),
            (HERE, "localhost:7860"),
            ("[::1]:40000", "[::1]:7860"),
            ("[::ffff:127.0.0.1]:40000", "localhost"),
        ] {
            assert!(looks_local(&request(peer, "/", &[("host", host)])), "{peer} {host}");
        }
    }

    #[test]
    fn nobody_else_does() {
        let host = ("host", "127.0.0.1:7860");
        assert!(!looks_local(&request("10.0.0.1:40000", "/", &[host])), "another machine");
        assert!(!looks_local(&request(HERE, "/", &[("host", "evil.example")])), "rebinding");
        assert!(!looks_local(&request(HERE, "/", &[])), "no host");
        assert!(!looks_local(&request(HERE, "/", &[host, host])), "two hosts");
        assert!(!looks_local(&request(HERE, "http://evil.example/", &[host])), "another host");
        for name in FORWARDING.into_iter().chain(["x-forwarded-for", "X-Forwarded-Anything"]) {
            assert!(!looks_local(&request(HERE, "/", &[host, (name, "")])), "{name}");
        }
        // What has no connection at all, a request made in this process, is not trusted either.
        assert!(!is_local(&request(HERE, "/", &[host])));
    }

    #[test]
    fn the_token_is_exchanged_for_a_cookie() {
        let token = Token::new();
        let addresses = Addresses::new("http://127.0.0.1:7860", None);
        let viewers = Viewers::new(token.clone(), addresses, true);
        let uri = format!("/?token={}", token.as_str());
        let cookie = viewers.welcome(&request("10.0.0.1:1", &uri, &[])).unwrap();
        assert_eq!(
            cookie.to_string(),
            format!("webhooks-token-7860={}; HttpOnly; SameSite=Strict; Path=/", token.as_str())
        );
        let with = |value: &str| {
            let cookie = format!("webhooks-token-7860={value}");
            viewers.may_look(&request("10.0.0.1:1", "/", &[("cookie", &cookie)]))
        };
        assert!(with(token.as_str()) && !with("guessed") && !with(""));
        for bad in ["/", "/?token=", "/?token=guessed", "/?token", "/?token=%ff"] {
            assert!(viewers.welcome(&request(HERE, bad, &[])).is_none(), "{bad}");
        }
        assert_eq!(format!("{token:?}"), "Token(hidden)");
    }

    #[test]
    fn the_cookie_is_for_tls_where_the_browser_speaks_it() {
        let public = crate::addresses::PublicUrl::parse("https://me-bot.hf.space").ok();
        let token = Token::new();
        let addresses = Addresses::new("http://0.0.0.0:7860", public);
        let viewers = Viewers::new(token.clone(), addresses, false);
        let secure = |host| {
            let uri = format!("/?token={}", token.as_str());
            viewers.welcome(&request(HERE, &uri, &[("host", host)])).unwrap().secure()
        };
        assert_eq!(secure("me-bot.hf.space"), Some(true));
        assert_eq!(secure("localhost:7860"), Some(false));
    }

    #[test]
    fn only_a_page_of_this_server_changes_something() {
        let from = |headers: &[(&str, &str)]| {
            let host = ("host", "localhost:7860");
            is_same_origin(&request(HERE, "/", &[&[host], headers].concat()))
        };
        assert!(from(&[("sec-fetch-site", "same-origin")]));
        assert!(from(&[("origin", "http://localhost:7860")]));
        for other in ["cross-site", "same-site", "none", ""] {
            let origin = ("origin", "http://localhost:7860");
            assert!(!from(&[("sec-fetch-site", other), origin]), "{other}");
        }
        for other in ["http://localhost:7861", "https://evil.example", "null", "", "http://"] {
            assert!(!from(&[("origin", other)]), "{other}");
        }
        assert!(!from(&[]));
    }

    #[test]
    fn hosts_of_this_machine_are_known() {
        for here in
            ["localhost", "LOCALHOST", "127.0.0.1", "127.9.9.9", "[::1]", "[::ffff:127.0.0.1]"]
        {
            assert!(is_loopback(here), "{here}");
        }
        for elsewhere in [
            "localhost.evil.example",
            "evil.example",
            "10.0.0.1",
            "0.0.0.0",
            "[::2]",
            "2130706433",
            "",
        ] {
            assert!(!is_loopback(elsewhere), "{elsewhere}");
        }
    }
}
