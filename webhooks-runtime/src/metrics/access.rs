//! Decides who may read the metrics.
//!
//! They tell how much a program does, and when it fails. Strangers can reach the port of the webhooks, so a reader of the
//! metrics needs a token there. A separate port is meant for a private network, and needs the token only if it is set.

use actix_web::HttpRequest;
use actix_web::http::header::AUTHORIZATION;

use crate::config::token::Token;

/// Who may read the metrics.
#[derive(Clone, Debug)]
pub(super) enum ScrapeAccess {
    /// Anyone who reaches the port.
    Anyone,
    /// Anyone who has the token.
    Token(Token),
    /// Nobody.
    Nobody,
}

impl ScrapeAccess {
    /// Returns the access on the port of the server, or on a separate one.
    pub(super) fn new(token: Option<Token>, own_port: bool) -> Self {
        match token {
            Some(token) => Self::Token(token),
            None if own_port => Self::Anyone,
            None => Self::Nobody,
        }
    }

    pub(super) fn allows(&self, request: &HttpRequest) -> bool {
        match self {
            Self::Anyone => true,
            Self::Token(token) => bearer(request).is_some_and(|text| token.matches(text)),
            Self::Nobody => false,
        }
    }
}

/// Returns the bearer token of a request with exactly one `Authorization`.
fn bearer(request: &HttpRequest) -> Option<&str> {
    let mut headers = request.headers().get_all(AUTHORIZATION);
    let (Some(header), None) = (headers.next(), headers.next()) else { return None };
    let (scheme, token) = header.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn only_the_token_opens_the_port_of_the_server() {
        let token = Token::random();
        let right = format!("Bearer {}", token.as_str());
        let allows = |access: &ScrapeAccess, headers: &[&str]| {
            let mut request = TestRequest::default();
            for header in headers {
                request = request.append_header((AUTHORIZATION, *header));
            }
            access.allows(&request.to_http_request())
        };
        for own_port in [false, true] {
            let access = ScrapeAccess::new(Some(token.clone()), own_port);
            assert!(allows(&access, &[&right]) && allows(&access, &[&right.replace("B", "b")]));
            let basic = right.replace("Bearer", "Basic");
            let wrong = format!("{right}x");
            for wrong in
                [&[][..], &[token.as_str()], &[&basic], &[&wrong], &[&right, &right], &["Bearer "]]
            {
                assert!(!allows(&access, wrong), "{wrong:?}");
            }
        }
        assert!(allows(&ScrapeAccess::new(None, true), &[]));
        for headers in [&[][..], &["Bearer "], &[&right]] {
            assert!(!allows(&ScrapeAccess::new(None, false), headers));
        }
    }
}
