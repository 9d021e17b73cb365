//! The token that opens the deliveries, as a notebook's opens the notebook.

use std::fmt;

use subtle::ConstantTimeEq;
use uuid::Uuid;

/// A word made anew at each start. Only who can read what the program prints knows it.
#[derive(Clone)]
pub(crate) struct Token(String);

impl Token {
    /// 122 random bits.
    pub(crate) fn new() -> Self {
        Self(Uuid::new_v4().simple().to_string())
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn is(&self, given: &str) -> bool {
        self.0.as_bytes().ct_eq(given.as_bytes()).into()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(hidden)")
    }
}
