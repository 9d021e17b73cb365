//! JSON for people to read.

use serde_json::{Deserializer, Serializer};

/// JSON with a line for each part, in the order in which it came; `None` for anything else. Written anew
/// while it is read, since a `Value` would sort the keys.
pub(crate) fn in_lines(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut lines = Vec::with_capacity(bytes.len() * 3 / 2);
    let mut json = Deserializer::from_slice(bytes);
    serde_transcode::transcode(&mut json, &mut Serializer::pretty(&mut lines)).ok()?;
    json.end().ok()?;
    Some(lines)
}
