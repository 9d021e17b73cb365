//! Hashes a secret, to find out later whether it is still the same.

use std::num::NonZeroU32;

use base64::Engine;
use base64::prelude::BASE64_STANDARD_NO_PAD as BASE64;
use ring::pbkdf2::{PBKDF2_HMAC_SHA256, derive, verify};
use serde::{Deserialize, Serialize};

/// How often the hash function runs. People choose short secrets, and a hash in a shared store must not give them away
/// at once.
const ITERATIONS: NonZeroU32 = NonZeroU32::new(20_000).unwrap();

/// The length of a hash, in bytes.
const LENGTH: usize = 32;

/// The hash of the secret of one webhook.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct SecretHash(String);

impl SecretHash {
    /// Hashes the secret of the webhook with this id. The same secret has another hash for another webhook.
    pub(super) fn of(id: &str, secret: &str) -> Self {
        let mut hash = [0; LENGTH];
        derive(PBKDF2_HMAC_SHA256, ITERATIONS, id.as_bytes(), secret.as_bytes(), &mut hash);
        Self(BASE64.encode(hash))
    }

    /// Returns whether it is the hash of this secret.
    pub(super) fn is_of(&self, id: &str, secret: &str) -> bool {
        BASE64.decode(&self.0).is_ok_and(|hash| {
            verify(PBKDF2_HMAC_SHA256, ITERATIONS, id.as_bytes(), secret.as_bytes(), &hash).is_ok()
        })
    }
}
