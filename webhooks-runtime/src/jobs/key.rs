//! Finds the key of a delivery: what groups it with others of its endpoint.

use super::delivery::DeliveryKey;
use crate::endpoint::background::{BackgroundWork, KeyError, KeySource};
use crate::endpoint::extract::body::{BodyFault, BodyFaults, parse_payload};
use crate::endpoint::panic::{Panic, caught};
use crate::payload::{MergeScope, TolerantPayload, changes_length};

/// Why a delivery has no key, although its endpoint has keys.
pub(crate) enum KeyFailure {
    /// The body is not the Hub's payload, or lacks what the key depends on.
    Unreadable(BodyFaults),
    /// The key has this number of bytes.
    TooLong(usize),
    /// The program's own function for keys panicked.
    Panicked(Panic),
}

impl DeliveryKey {
    /// Returns the key of a delivery; `None` if its endpoint has no keys. The function may take other types, but its key
    /// needs the payload, which may be `parsed` already.
    ///
    /// # Errors
    ///
    /// When the key is unknown.
    pub(crate) fn of(
        background: &BackgroundWork,
        body: &[u8],
        parsed: Option<Box<TolerantPayload>>,
    ) -> Result<Option<Self>, KeyFailure> {
        let Some(key) = background.key else {
            return Ok(None);
        };
        let parsed = match parsed {
            Some(parsed) => parsed,
            None => Box::new(parse_payload(body).map_err(KeyFailure::Unreadable)?),
        };
        let text = text_of(key, &parsed)?;
        let merge = match key {
            _ if !background.policy.supersedes() => None,
            KeySource::Repo | KeySource::Discussion | KeySource::Ref => {
                MergeScope::of(&parsed.payload)
            }
            KeySource::Function(_) => MergeScope::of_one_repo(&parsed.payload),
        };
        let merge_bytes = merge.as_ref().map_or(0, |_| changes_length(body));
        let merge_bytes = u32::try_from(merge_bytes).unwrap_or(u32::MAX);
        Ok(Some(Self { text, merge, merge_bytes }))
    }
}

fn text_of(key: KeySource, delivery: &TolerantPayload) -> Result<String, KeyFailure> {
    match caught(|| key.of(delivery)) {
        Ok(Ok(text)) => Ok(text),
        Ok(Err(KeyError::Dropped(path))) => {
            Err(KeyFailure::Unreadable(BodyFault::unreadable_for_key(path).into()))
        }
        Ok(Err(KeyError::TooLong(length))) => Err(KeyFailure::TooLong(length)),
        Err(panic) => Err(KeyFailure::Panicked(panic)),
    }
}
