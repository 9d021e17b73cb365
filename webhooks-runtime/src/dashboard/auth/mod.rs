//! Authorizes viewers: payloads can be private, so the page shows deliveries, and sends any, only for a
//! browser with the session cookie, which it gets by opening the page with the token.
//!
//! The client's address does not count, because behind a proxy every request can come from this machine.

#[cfg(fuzzing)]
pub(super) mod fuzzing;
mod session;

use actix_web::HttpRequest;
use actix_web::http::header::{COOKIE, HOST, HeaderName, ORIGIN};
use actix_web::http::uri::Authority;
use actix_web::http::{Uri, header::HeaderMap};
use actix_web::web;
use serde::Deserialize;

use crate::config::addresses::{Addresses, plain};
use crate::config::token::Token;
use crate::http::cross_site::{SEC_FETCH_SITE, is_own_origin};
use session::{Session, cookie_suffix};

/// The variable that sets the token.
pub(super) const TOKEN_VARIABLE: &str = "WEBHOOKS_PAGE_TOKEN";

const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// The token and the session that authorize a viewer.
#[derive(Clone, Debug)]
pub(super) struct ViewerAuth {
    /// `None` for a page that has nothing for authorized viewers.
    token: Option<Token>,
    session: Option<Session>,
    addresses: Addresses,
}

/// The token in a URL's query.
#[derive(Deserialize)]
struct TokenQuery {
    token: Option<String>,
}

impl ViewerAuth {
    pub(crate) fn new(token: Option<Token>, addresses: Addresses) -> Self {
        let session = token.as_ref().map(Session::of);
        Self { token, session, addresses }
    }

    /// Returns the name of the cookie. Browsers send the cookies of a host to all of its ports, so that two
    /// servers on one machine need two names.
    fn cookie_name(&self) -> String {
        let name = match &self.token {
            // The same in all replicas.
            Some(token) if token.is_set() => cookie_suffix(token),
            // The same at each start, so that the browser replaces the old cookie.
            _ => self.addresses.local().rsplit(':').next().unwrap_or_default().to_owned(),
        };
        format!("webhooks-session-{name}")
    }

    /// Returns whether the request has the session cookie.
    pub(crate) fn is_authorized(&self, request: &HttpRequest) -> bool {
        let Some(session) = &self.session else {
            return false;
        };
        // Another server of this host can set a cookie of the same name, or one that cannot be parsed.
        let name = self.cookie_name();
        let mut values = values_of(request.headers(), &name);
        values.any(|value| session.matches(value))
    }

    /// Returns the `Set-Cookie` header with the session cookie, for a request whose URL contains the token.
    pub(crate) fn exchange(&self, request: &HttpRequest) -> Option<String> {
        let query = web::Query::<TokenQuery>::from_query(request.query_string()).ok()?.into_inner();
        let (token, session) = self.token.as_ref().zip(self.session.as_ref())?;
        query.token.filter(|candidate| token.matches(candidate))?;
        let secure = if self.is_https(request) { "; Secure" } else { "" };
        // Without `Path`, browsers send the cookie to the page's folder and everything below it, whichever path a
        // proxy serves the page at. Name and value consist of letters, digits and `-`.
        let (name, value) = (self.cookie_name(), session.as_str());
        Some(format!("{name}={value}; HttpOnly; SameSite=Strict{secure}"))
    }

    /// Returns whether a page of this server made the request. Browsers send `Sec-Fetch-Site`, or without TLS only
    /// `Origin`, whose host is that of the request or, behind a proxy that changes the host, the public one.
    ///
    /// This is only safe together with the session cookie: a site that resolves its own name to this server (DNS
    /// rebinding) has the same origin, but no cookie.
    pub(crate) fn is_same_origin(&self, request: &HttpRequest) -> bool {
        if let Some(site) = request.headers().get(SEC_FETCH_SITE) {
            return site == "same-origin";
        }
        let Some(origin) = request.headers().get(ORIGIN) else {
            return false;
        };
        let uri: Option<Uri> = origin.to_str().ok().and_then(|origin| origin.parse().ok());
        let authority = uri.as_ref().and_then(Uri::authority);
        (authority.is_some() && authority == host(request).as_ref())
            || is_own_origin(origin, &self.addresses)
    }

    /// Returns whether the browser uses TLS, according to a proxy's header or to the public URL.
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

/// Returns the values of all cookies with this name.
fn values_of<'a>(headers: &'a HeaderMap, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
    let cookies =
        headers.get_all(COOKIE).flat_map(|header| header.as_bytes().split(|b| *b == b';'));
    cookies.filter_map(move |cookie| {
        cookie.trim_ascii().strip_prefix(name.as_bytes())?.strip_prefix(b"=")
    })
}

/// Returns the host of a request; `None` unless it has exactly one `Host` header and no other host.
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

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    const HERE: &str = "127.0.0.1:40000";

    fn request(uri: &str, headers: &[(&str, &str)]) -> HttpRequest {
        let mut request = TestRequest::with_uri(uri).peer_addr(HERE.parse().unwrap());
        for header in headers {
            request = request.append_header(*header);
        }
        request.to_http_request()
    }

    fn auth(public: Option<&str>) -> (ViewerAuth, Token) {
        let public = public.map(|url| crate::config::addresses::PublicUrl::parse(url).unwrap());
        let token = Token::random();
        let addresses = Addresses::new("http://127.0.0.1:7860", public);
        (ViewerAuth::new(Some(token.clone()), addresses), token)
    }

    #[test]
    fn the_token_is_exchanged_for_a_cookie_with_another_value() {
        let (auth, token) = auth(None);
        let cookie = auth.exchange(&request(&format!("/?token={}", token.as_str()), &[])).unwrap();
        let (name, value) = cookie.split_once(';').unwrap().0.split_once('=').unwrap();
        assert_eq!(cookie, format!("{name}={value}; HttpOnly; SameSite=Strict"));
        assert!(name == "webhooks-session-7860" && !value.contains(token.as_str()));
        let with = |cookies: &[&str]| {
            let headers: Vec<_> = cookies.iter().map(|cookie| ("cookie", *cookie)).collect();
            auth.is_authorized(&request("/", &headers))
        };
        let right = format!("{name}={value}");
        assert!(with(&[&right]) && with(&[&format!("a=b;{right} ;c=d")]) && with(&["x=y", &right]));
        // Another server of this host has set a cookie of the same name, or an invalid one.
        assert!(with(&[&format!("{name}=other; {right}")]) && with(&[&format!("\"; =; {right}")]));
        for wrong in ["", "a", &format!("{name}={}", token.as_str()), &format!("{name}=")] {
            assert!(!with(&[wrong]), "{wrong}");
        }
        assert!(!with(&[&format!("{name}2={value}")]) && !with(&[]));
        for bad in ["/", "/?token=", "/?token=guessed", "/?token", "/?token=%ff"] {
            assert!(auth.exchange(&request(bad, &[])).is_none(), "{bad}");
        }
    }

    #[test]
    fn without_a_token_nobody_is_authorized() {
        let auth = ViewerAuth::new(None, Addresses::new("http://127.0.0.1:7860", None));
        assert!(auth.exchange(&request("/?token=", &[])).is_none());
        assert!(!auth.is_authorized(&request("/", &[("cookie", "webhooks-session-7860=")])));
    }

    #[test]
    fn the_cookie_is_secure_if_the_browser_uses_tls() {
        let (auth, token) = auth(Some("https://me-bot.hf.space"));
        let secure = |host| {
            let uri = format!("/?token={}", token.as_str());
            auth.exchange(&request(&uri, &[("host", host)])).unwrap().ends_with("; Secure")
        };
        assert!(secure("me-bot.hf.space"));
        assert!(!secure("localhost:7860"));
    }

    #[test]
    fn only_a_page_of_this_server_has_the_same_origin() {
        let (auth, _) = auth(Some("https://hooks.example/bot"));
        let from = |headers: &[(&str, &str)]| {
            let host = ("host", "bot.internal:8080");
            auth.is_same_origin(&request("/", &[&[host], headers].concat()))
        };
        assert!(
            from(&[("origin", "https://hooks.example")]),
            "whatever the proxy makes of the host"
        );
        assert!(from(&[("sec-fetch-site", "same-origin")]));
        assert!(from(&[("origin", "http://bot.internal:8080")]));
        for other in ["cross-site", "same-site", "none", ""] {
            let origin = ("origin", "http://bot.internal:8080");
            assert!(!from(&[("sec-fetch-site", other), origin]), "{other}");
        }
        for other in ["http://bot.internal:8081", "https://evil.example", "null", "", "http://"] {
            assert!(!from(&[("origin", other)]), "{other}");
        }
        assert!(!from(&[]));
    }
}
