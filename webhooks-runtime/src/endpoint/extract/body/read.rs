//! Parses a body as JSON: any type, and the Hub's payload with its tolerance.

use serde::de::DeserializeOwned;

use super::fault::{BodyFault, BodyFaults};
use crate::endpoint::log::DELIVERY;
use crate::payload::{Deviations, PayloadError, TolerantPayload, WebhookPayload, read_tolerantly};

/// Reads `body` as JSON. A body that cannot be read is parsed once more, to find the path of its first fault.
pub(crate) fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, BodyFault> {
    parse(body).map_err(|error| {
        let mut deserializer = serde_json::Deserializer::from_slice(body);
        match serde_path_to_error::deserialize::<_, T>(&mut deserializer) {
            Err(traced) => BodyFault::at_path(traced.inner(), traced.path()),
            // The value is fine, and is followed by something else.
            Ok(_) => BodyFault::at_position(&error),
        }
    })
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> serde_json::Result<T> {
    // Text that is checked as a whole need not be checked again string by string. Bytes that are not UTF-8 may
    // still be read: they may be in a field that nobody reads.
    match std::str::from_utf8(body) {
        Ok(text) => serde_json::from_str(text),
        Err(_) => serde_json::from_slice(body),
    }
}

/// Reads `body` as a payload of the Hub. A payload that differs from the documentation is parsed once more, by
/// the tolerant parser, and leaves a warning in the log.
pub(crate) fn read_payload(body: &[u8]) -> Result<WebhookPayload, BodyFaults> {
    parse_payload(body).map(accept_deviations)
}

/// Returns the payload. If it differs from the documentation, leaves a warning in the log.
pub(crate) fn accept_deviations(read: TolerantPayload) -> WebhookPayload {
    if !read.deviations.is_empty() {
        warn(&read.deviations);
    }
    read.payload
}

/// Reads a payload without the warning, for a body that was read before.
pub(crate) fn parse_payload(body: &[u8]) -> Result<TolerantPayload, BodyFaults> {
    match parse(body) {
        Ok(payload) => Ok(TolerantPayload { payload, deviations: Deviations::default() }),
        Err(error) if error.is_data() => read_tolerantly(body).map_err(|error| match error {
            PayloadError::Json(error) => BodyFault::at_position(&error).into(),
            PayloadError::Faults(faults) => {
                BodyFaults(faults.into_iter().map(BodyFault::from).collect())
            }
        }),
        Err(error) => Err(BodyFault::at_position(&error).into()),
    }
}

fn warn(deviations: &Deviations) {
    tracing::warn!(
        target: DELIVERY,
        missing = deviations.missing(),
        dropped = deviations.dropped(),
        "the payload differs from the Hub's documentation"
    );
}
