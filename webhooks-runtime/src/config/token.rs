//! A token that authorizes a reader of the page or of the metrics, as in Jupyter.

use std::fmt;

use subtle::ConstantTimeEq;
use uuid::Uuid;

use super::environment::{Environment, NotUnicode};
use super::error::SettingError;

/// The minimum length of a token that is set.
const MIN_LENGTH: usize = 16;

/// The token. Anyone who can read the program's terminal or its environment knows it.
#[derive(Clone)]
pub(crate) struct Token {
    text: String,
    /// Whether it is set, so that it is the same at each start and in each replica.
    set: bool,
}

impl Token {
    /// Generates a token with 122 random bits.
    pub(crate) fn random() -> Self {
        Self { text: Uuid::new_v4().simple().to_string(), set: false }
    }

    /// Returns the token that a variable sets, if it is set.
    ///
    /// # Errors
    ///
    /// Returns an error if a URL or a header could not contain it unescaped, or if it is too short.
    pub(crate) fn from_environment(
        environment: &Environment,
        variable: &'static str,
    ) -> Result<Option<Self>, SettingError> {
        let wants = "16 characters or more, all of them letters, digits, - or _";
        let invalid = SettingError { name: variable, wants };
        match environment.filled(variable) {
            Ok(None) => Ok(None),
            Ok(Some(text)) if text.len() >= MIN_LENGTH && text.bytes().all(needs_no_escape) => {
                Ok(Some(Self { text, set: true }))
            }
            Ok(Some(_)) | Err(NotUnicode) => Err(invalid),
        }
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns whether a variable sets it.
    pub(crate) fn is_set(&self) -> bool {
        self.set
    }

    pub(crate) fn matches(&self, candidate: &str) -> bool {
        self.text.as_bytes().ct_eq(candidate.as_bytes()).into()
    }
}

/// Returns whether a URL, a header and a cookie can contain this character unescaped.
fn needs_no_escape(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(hidden)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_sets_a_token_that_needs_no_escape() {
        const VARIABLE: &str = "WEBHOOKS_PAGE_TOKEN";
        let token =
            |value| Token::from_environment(&Environment::from_iter([(VARIABLE, value)]), VARIABLE);
        let set = token("a-token-of_16-ch").unwrap().unwrap();
        assert!(set.is_set() && set.matches("a-token-of_16-ch") && !set.matches("a-token-of_16-c"));
        for bad in ["short", "with a space in it", "with-&-in-it-0000", "with-ü-in-it-0000"] {
            let error = token(bad).unwrap_err().to_string();
            assert!(error.contains(VARIABLE) && !error.contains(bad), "{error}");
        }
        assert!(token("").unwrap().is_none());
        let [one, other] = [Token::random(), Token::random()];
        assert!(!one.is_set() && one.as_str() != other.as_str() && one.as_str().len() == 32);
        assert_eq!(format!("{one:?}"), "Token(hidden)");
    }
}
