//! The token that authorizes a viewer, as in Jupyter, and the session that it is exchanged for.

use std::fmt;

use ring::hmac::{self, HMAC_SHA256, Key};
use subtle::ConstantTimeEq;
use uuid::Uuid;

use crate::config::environment::{Environment, NotUnicode};
use crate::config::error::SettingError;

/// The variable that sets the token.
pub(crate) const VARIABLE: &str = "WEBHOOKS_PAGE_TOKEN";

/// The minimum length of a token that is set.
const MIN_LENGTH: usize = 16;

/// The token. Anyone who can read the program's terminal or its environment knows it.
#[derive(Clone)]
pub(crate) struct Token {
    text: String,
    /// Whether it is set, so that it is the same at each start and in each replica.
    set: bool,
}

/// The value of the session cookie.
#[derive(Clone)]
pub(super) struct Session(String);

impl Token {
    /// Generates a token with 122 random bits.
    pub(crate) fn random() -> Self {
        Self { text: Uuid::new_v4().simple().to_string(), set: false }
    }

    /// Returns the token that the environment sets, or else generates one.
    pub(crate) fn from_environment(environment: &Environment) -> Result<Self, SettingError> {
        let wants = "16 characters or more, all of them letters, digits, - or _";
        let invalid = SettingError { name: VARIABLE, wants };
        match environment.filled(VARIABLE) {
            Ok(None) => Ok(Self::random()),
            Ok(Some(text)) if text.len() >= MIN_LENGTH && text.bytes().all(needs_no_escape) => {
                Ok(Self { text, set: true })
            }
            Ok(Some(_)) | Err(NotUnicode) => Err(invalid),
        }
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns whether [`VARIABLE`] sets it.
    pub(crate) fn is_set(&self) -> bool {
        self.set
    }

    pub(super) fn matches(&self, candidate: &str) -> bool {
        self.text.as_bytes().ct_eq(candidate.as_bytes()).into()
    }

    /// Derives the session. Replicas with the same token accept each other's sessions, and a session does not
    /// reveal the token.
    pub(super) fn session(&self) -> Session {
        Session(self.derive("session"))
    }

    /// Derives a part of the cookie's name, the same in all replicas.
    pub(super) fn name(&self) -> String {
        self.derive("name")[..16].to_owned()
    }

    fn derive(&self, purpose: &str) -> String {
        let key = Key::new(HMAC_SHA256, self.text.as_bytes());
        let tag = hmac::sign(&key, format!("webhooks-runtime page {purpose}").as_bytes());
        tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

impl Session {
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    pub(super) fn matches(&self, candidate: &[u8]) -> bool {
        self.0.as_bytes().ct_eq(candidate).into()
    }
}

/// Returns whether a URL and a cookie can contain this character unescaped.
fn needs_no_escape(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(hidden)")
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Session(hidden)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_sets_a_token_that_needs_no_escape() {
        let token = |value| Token::from_environment(&Environment::from_iter([(VARIABLE, value)]));
        let set = token("a-token-of_16-ch").unwrap();
        assert!(set.is_set() && set.matches("a-token-of_16-ch") && !set.matches("a-token-of_16-c"));
        for bad in ["short", "with a space in it", "with-&-in-it-0000", "with-ü-in-it-0000"] {
            let error = token(bad).unwrap_err().to_string();
            assert!(error.contains(VARIABLE) && !error.contains(bad), "{error}");
        }
        let [one, other] = [token(""), Token::from_environment(&Environment::from_iter([]))]
            .map(|token| token.unwrap());
        assert!(!one.is_set() && one.as_str() != other.as_str() && one.as_str().len() == 32);
    }

    #[test]
    fn a_session_belongs_to_its_token_and_does_not_reveal_it() {
        let [one, same, other] = ["0123456789abcdef", "0123456789abcdef", "0123456789abcdeg"]
            .map(|text| Token { text: text.to_owned(), set: true });
        let session = one.session();
        assert!(session.matches(same.session().as_str().as_bytes()));
        assert!(!session.matches(other.session().as_str().as_bytes()));
        assert!(!session.matches(one.as_str().as_bytes()) && !session.matches(b""));
        assert_eq!(one.name(), same.name());
        assert_ne!(one.name(), other.name());
        assert_eq!(format!("{one:?} {session:?}"), "Token(hidden) Session(hidden)");
    }
}
