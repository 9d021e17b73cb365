//! The file on a Space that says which files a deployment has uploaded.
//!
//! It shows that the Space is one of `deploy`, which files have changed since, and which may be deleted.

use std::collections::BTreeMap;
use std::fmt::Write;

use ring::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};

/// The marker's path on the Space.
pub(super) const MARKER_FILE: &str = ".webhooks-deploy.json";

/// The version of the marker's form.
const VERSION: u32 = 1;

/// The files that a deployment has uploaded.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DeployMarker {
    version: u32,
    /// The SHA-256 of each file, by its path.
    pub(super) files: BTreeMap<String, String>,
}

impl DeployMarker {
    /// Returns the marker of these files.
    pub(super) fn of(files: &BTreeMap<String, Vec<u8>>) -> Self {
        let hash = |(path, content): (&String, &Vec<u8>)| (path.clone(), sha256(content));
        Self { version: VERSION, files: files.iter().map(hash).collect() }
    }

    /// Parses the file on the Space. `None` if it is not a marker, or one that this version does not understand: such a
    /// Space counts as one of somebody else.
    pub(super) fn parse(text: &[u8]) -> Option<Self> {
        serde_json::from_slice(text).ok().filter(|marker: &Self| marker.version == VERSION)
    }

    /// Returns the file for the Space.
    pub(super) fn to_file(&self) -> Vec<u8> {
        let mut text = serde_json::to_vec_pretty(self).unwrap_or_default();
        text.push(b'\n');
        text
    }
}

fn sha256(content: &[u8]) -> String {
    digest(&SHA256, content).as_ref().iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_marker_is_read_as_it_was_written() {
        let files = BTreeMap::from([("a".to_owned(), b"abc".to_vec())]);
        let marker = DeployMarker::of(&files);
        // The SHA-256 of `abc` in FIPS 180-2.
        assert!(marker.files["a"].starts_with("ba7816bf8f01cfea"), "{marker:?}");
        assert_eq!(DeployMarker::parse(&marker.to_file()), Some(marker));
        for text in ["", "{}", "[]", r#"{"version":2,"files":{}}"#] {
            assert_eq!(DeployMarker::parse(text.as_bytes()), None, "{text}");
        }
    }
}
