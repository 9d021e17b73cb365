//! Generates and parses the secret names that URLs are derived from.

use std::io;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;

use crate::share::bytes::random;

/// The random part of a name, in bytes.
const RANDOM: usize = 32;

/// The length of a name, which is the random part in base64.
pub(super) const LENGTH: usize = 43;

/// A secret name.
#[derive(Clone, PartialEq, Eq)]
pub(in crate::share) struct SecretName(String);

impl SecretName {
    /// Generates a random name.
    pub(super) fn generate() -> io::Result<Self> {
        Ok(Self(BASE64.encode(random::<RANDOM>()?)))
    }

    /// Parses the text of a file, if it is a name.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let name = text.trim_end();
        let decoded = BASE64.decode(name).ok().filter(|bytes| bytes.len() == RANDOM);
        decoded.map(|_| Self(name.to_owned()))
    }

    /// Returns the name as text.
    pub(in crate::share) fn reveal(&self) -> &str {
        &self.0
    }
}
