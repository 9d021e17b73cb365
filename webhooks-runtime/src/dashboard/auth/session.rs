//! The session that the page's token is exchanged for.

use std::fmt;

use ring::hmac::{self, HMAC_SHA256, Key};
use subtle::ConstantTimeEq;

use crate::config::token::Token;

/// The value of the session cookie.
#[derive(Clone)]
pub(super) struct Session(String);

impl Session {
    /// Derives the session. Replicas with the same token accept each other's sessions, and a session does not
    /// reveal the token.
    pub(super) fn of(token: &Token) -> Self {
        Self(derive(token, "session"))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    pub(super) fn matches(&self, candidate: &[u8]) -> bool {
        self.0.as_bytes().ct_eq(candidate).into()
    }
}

/// Derives a part of the cookie's name, the same in all replicas.
pub(super) fn cookie_suffix(token: &Token) -> String {
    derive(token, "name")[..16].to_owned()
}

fn derive(token: &Token, purpose: &str) -> String {
    let key = Key::new(HMAC_SHA256, token.as_str().as_bytes());
    let tag = hmac::sign(&key, format!("webhooks-runtime page {purpose}").as_bytes());
    tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Session(hidden)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::environment::Environment;

    #[test]
    fn a_session_belongs_to_its_token_and_does_not_reveal_it() {
        let [one, same, other] =
            ["0123456789abcdef", "0123456789abcdef", "0123456789abcdeg"].map(|text| {
                let environment = Environment::from_iter([("TOKEN", text)]);
                Token::from_environment(&environment, "TOKEN").unwrap().unwrap()
            });
        let session = Session::of(&one);
        assert!(session.matches(Session::of(&same).as_str().as_bytes()));
        assert!(!session.matches(Session::of(&other).as_str().as_bytes()));
        assert!(!session.matches(one.as_str().as_bytes()) && !session.matches(b""));
        assert_eq!(cookie_suffix(&one), cookie_suffix(&same));
        assert_ne!(cookie_suffix(&one), cookie_suffix(&other));
        assert_eq!(format!("{session:?}"), "Session(hidden)");
    }
}
