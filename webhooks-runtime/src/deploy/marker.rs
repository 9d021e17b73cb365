//! The file on a Space that says which files a deployment has uploaded.
//!
//! It shows that the Space is one of `deploy`, which files a person has changed since, and which may be deleted.

use std::collections::BTreeMap;
use std::fmt::Write;

use ring::digest::{Context, SHA1_FOR_LEGACY_USE_ONLY};
use serde::{Deserialize, Serialize};

/// The marker's path on the Space.
pub(super) const MARKER_FILE: &str = ".webhooks-deploy.json";

/// The version of the marker's form.
const VERSION: u32 = 1;

/// The files that a deployment has uploaded.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DeployMarker {
    version: u32,
    /// The id of each file's content, by its path: the one that the Hub lists.
    pub(super) files: BTreeMap<String, String>,
}

impl DeployMarker {
    /// Returns the marker of these files.
    pub(super) fn of(files: &BTreeMap<String, Vec<u8>>) -> Self {
        let id = |(path, content): (&String, &Vec<u8>)| (path.clone(), content_id(content));
        Self { version: VERSION, files: files.iter().map(id).collect() }
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

/// Returns the id that git gives a file of this content, by which the Hub lists it. git uses SHA-1.
pub(super) fn content_id(content: &[u8]) -> String {
    let mut context = Context::new(&SHA1_FOR_LEGACY_USE_ONLY);
    context.update(format!("blob {}\0", content.len()).as_bytes());
    context.update(content);
    context.finish().as_ref().iter().fold(String::new(), |mut text, byte| {
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
        // As `git hash-object` prints it.
        assert_eq!(marker.files["a"], "f2ba8f84ab5c1bce84a7b441cb1959cfc7093b7f");
        assert_eq!(DeployMarker::parse(&marker.to_file()), Some(marker));
        for text in ["", "{}", "[]", r#"{"version":2,"files":{}}"#] {
            assert_eq!(DeployMarker::parse(text.as_bytes()), None, "{text}");
        }
    }
}
