//! Authorizes viewers, for the fuzz target `cookies`.

use actix_web::http::header::{COOKIE, HeaderValue};
use actix_web::test::TestRequest;

use super::{TOKEN_VARIABLE, ViewerAuth};
use crate::config::addresses::Addresses;
use crate::config::environment::Environment;
use crate::config::token::Token;

/// The authorization of viewers by a token.
#[derive(Debug)]
pub struct FuzzedViewerAuth(ViewerAuth);

impl FuzzedViewerAuth {
    /// Returns the authorization by this token; `None` if it cannot be a token.
    pub fn new(token: &str) -> Option<Self> {
        let environment = Environment::from_iter([(TOKEN_VARIABLE, token)]);
        let token = Token::from_environment(&environment, TOKEN_VARIABLE).ok()??;
        Some(Self(ViewerAuth::new(Some(token), Addresses::before_listening(None))))
    }

    /// Returns the name and the value of the session cookie.
    pub fn cookie(&self) -> Option<(String, String)> {
        Some((self.0.cookie_name(), self.0.session.as_ref()?.as_str().to_owned()))
    }

    /// Returns whether a request with these `Cookie` headers is authorized; `None` if no request can have them.
    pub fn is_authorized(&self, cookies: &[Vec<u8>]) -> Option<bool> {
        let mut request = TestRequest::default();
        for cookie in cookies {
            request = request.append_header((COOKIE, HeaderValue::from_bytes(cookie).ok()?));
        }
        Some(self.0.is_authorized(&request.to_http_request()))
    }

    /// Returns whether a request with this path and query gets the session cookie.
    pub fn exchanges(&self, target: &str) -> Option<bool> {
        let _: actix_web::http::uri::PathAndQuery = target.parse().ok()?;
        Some(self.0.exchange(&TestRequest::with_uri(target).to_http_request()).is_some())
    }
}
