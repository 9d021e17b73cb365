//! Decides which redirects are followed.
//!
//! ureq follows redirects by itself, but it cannot keep a body from another host.

use ureq::http::header::LOCATION;
use ureq::http::{HeaderMap, Method, StatusCode};
use url::Url;

/// How many redirects of one request are followed.
pub(super) const MOST_REDIRECTS: usize = 5;

/// Returns the target of a redirect to follow. Any other response is the last one.
///
/// A request that only reads and has no body follows every redirect, but never out of TLS. Any other is sent again as it
/// is, to the same origin only: its body is for the Hub.
pub(super) fn target(
    method: &Method,
    has_body: bool,
    from: &Url,
    status: StatusCode,
    headers: &HeaderMap,
) -> Option<Url> {
    let keeps_method = matches!(status.as_u16(), 307 | 308);
    if !keeps_method && !matches!(status.as_u16(), 301..=303) {
        return None;
    }
    let location = headers.get(LOCATION)?.to_str().ok()?;
    let to = from.join(location).ok().filter(|to| matches!(to.scheme(), "http" | "https"))?;
    let may_follow = if matches!(*method, Method::GET | Method::HEAD) && !has_body {
        to.scheme() == "https" || from.scheme() == "http"
    } else {
        keeps_method && to.origin() == from.origin()
    };
    may_follow.then_some(to)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn follow(method: &Method, from: &str, status: u16, location: &str) -> Option<String> {
        follow_with(method, false, from, status, location)
    }

    fn follow_with(
        method: &Method,
        has_body: bool,
        from: &str,
        status: u16,
        location: &str,
    ) -> Option<String> {
        let headers = HeaderMap::from_iter([(LOCATION, location.parse().unwrap())]);
        let status = StatusCode::from_u16(status).unwrap();
        let target = target(method, has_body, &Url::parse(from).unwrap(), status, &headers);
        target.map(String::from)
    }

    #[test]
    fn a_request_that_reads_follows_to_other_hosts_but_not_out_of_tls() {
        let from = "https://hub.example/me/x/resolve/main/a.bin";
        for (status, location, expected) in [
            (302, "https://cdn.example/a?sign=1", Some("https://cdn.example/a?sign=1")),
            (
                301,
                "/me/new/resolve/main/a.bin",
                Some("https://hub.example/me/new/resolve/main/a.bin"),
            ),
            (307, "../b.bin", Some("https://hub.example/me/x/resolve/b.bin")),
            (302, "http://cdn.example/a", None),
            (302, "file:///etc/passwd", None),
            (304, "https://cdn.example/a", None),
            (200, "https://cdn.example/a", None),
        ] {
            assert_eq!(follow(&Method::GET, from, status, location).as_deref(), expected);
        }
        let plain = follow(&Method::GET, "http://127.0.0.1:1/a", 302, "http://127.0.0.1:2/a");
        assert_eq!(plain.as_deref(), Some("http://127.0.0.1:2/a"));
    }

    #[test]
    fn a_request_that_writes_stays_at_its_origin_and_is_never_changed_to_a_get() {
        let from = "https://hub.example/api/models/me/x/discussions";
        for (status, location, follows) in [
            (307, "/api/models/me/new/discussions", true),
            (308, "https://hub.example/api/models/me/new/discussions", true),
            (307, "https://evil.example/", false),
            (307, "http://hub.example/", false),
            (301, "/api/models/me/new/discussions", false),
            (303, "/api/models/me/new/discussions", false),
        ] {
            for method in [Method::POST, Method::DELETE] {
                assert_eq!(
                    follow(&method, from, status, location).is_some(),
                    follows,
                    "{location}"
                );
            }
        }
    }

    #[test]
    fn a_body_stays_at_its_origin_whatever_the_method() {
        let from = "https://hub.example/api/search";
        let follow = |location| follow_with(&Method::GET, true, from, 307, location);
        assert_eq!(follow("https://cdn.example/search"), None);
        assert!(follow("/api/other").is_some());
    }
}
