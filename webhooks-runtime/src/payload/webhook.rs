//! The webhook that sent a payload.

use serde::de::{Deserializer, Error as _, Unexpected};
use serde::{Deserialize, Serialize};

/// The version of the payload that these types describe.
const VERSION: u32 = 3;

/// The webhook that sent a payload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct WebhookPayloadWebhook {
    /// The webhook's id, as in its address on the Hub.
    pub id: String,
    /// The version of the payload: 3. Any other is refused when the payload is read, since the
    /// meaning of the other fields could have changed.
    #[serde(deserialize_with = "version")]
    pub version: u32,
}

fn version<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    match u32::deserialize(deserializer)? {
        VERSION => Ok(VERSION),
        other => Err(D::Error::invalid_value(
            Unexpected::Unsigned(other.into()),
            &"version 3, the only version of the payload that this server reads",
        )),
    }
}
