//! Merges the payloads of several deliveries into one, so that a function that runs once for all of them sees all
//! changes.
//!
//! The merged payload is the newest one, with the changes that the older ones list: refs, files of a bucket, settings.
//! It is made from JSON to JSON, so that fields that this crate does not know are preserved. Values are copied as text
//! and never become a tree, so the memory is that of the result and of one body.
//!
//! - `scope` decides which payloads can be merged with each other
//! - `refs` merges the changes of refs

mod refs;
mod scope;
#[cfg(test)]
mod tests;

use indexmap::{IndexMap, IndexSet};
use serde_json::value::{RawValue, to_raw_value};

pub(crate) use self::scope::MergeScope;

use self::refs::{RawObject, RefChanges};
use super::WebhookPayloadUpdatedFile;

const UPDATED_REFS: &str = "updatedRefs";
const UPDATED_FILES: &str = "updatedFiles";
const UPDATED_CONFIG: &str = "updatedConfig";

/// The end of the names of flags such as `updatedFilesTruncated`: the list is incomplete.
const TRUNCATED: &str = "Truncated";

/// The changes of deliveries, added in order of arrival.
#[derive(Debug, Default)]
pub(crate) struct Merge {
    /// Whether there is an older delivery.
    has_older: bool,
    refs: RefChanges,
    files: FileChanges,
    config: RawObject,
    /// The names of the flags that are set.
    truncated: IndexSet<String>,
}

impl Merge {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Adds the body of an older delivery. A body that is no JSON object has no changes that could be read.
    pub(crate) fn add(&mut self, body: &[u8]) {
        if let Ok(members) = serde_json::from_slice(body) {
            self.add_members(&members);
            self.has_older = true;
        }
    }

    /// Returns the body of the newest delivery with all changes. It is unchanged if it is the only one.
    pub(crate) fn finish<B: AsRef<[u8]> + From<Vec<u8>>>(self, newest: B) -> B {
        if !self.has_older {
            return newest;
        }
        match self.merged(newest.as_ref()) {
            Ok(merged) => merged.into(),
            Err(_) => newest,
        }
    }

    fn add_members(&mut self, members: &IndexMap<String, &RawValue>) {
        for (name, value) in members {
            let value = value.get();
            match name.as_str() {
                UPDATED_REFS => elements(value).for_each(|element| self.refs.add(element)),
                UPDATED_FILES => elements(value).for_each(|element| self.files.add(element)),
                UPDATED_CONFIG => {
                    let settings: RawObject = serde_json::from_str(value).unwrap_or_default();
                    self.config.extend(settings);
                }
                _ if name.ends_with(TRUNCATED) && value == "true" => {
                    self.truncated.insert(name.clone());
                }
                _ => {}
            }
        }
    }

    /// Returns the newest body with the changes.
    fn merged(mut self, newest: &[u8]) -> serde_json::Result<Vec<u8>> {
        let members = serde_json::from_slice(newest)?;
        self.add_members(&members);
        let (refs, files) = (self.refs.merged()?, self.files.merged());
        let mut changes = RawObject::new();
        if !refs.is_empty() {
            changes.insert(UPDATED_REFS.to_owned(), to_raw_value(&refs)?);
        }
        if !files.is_empty() {
            changes.insert(UPDATED_FILES.to_owned(), to_raw_value(&files)?);
        }
        if !self.config.is_empty() {
            changes.insert(UPDATED_CONFIG.to_owned(), to_raw_value(&self.config)?);
        }
        for flag in self.truncated {
            changes.insert(flag, to_raw_value(&true)?);
        }
        // A new binding, because the changes do not live as long as the body.
        let mut members = members;
        members.extend(changes.iter().map(|(name, value)| (name.clone(), &**value)));
        serde_json::to_vec(&members)
    }
}

/// Returns how many bytes of a body are changes, which a merge adds to a newer body.
pub(crate) fn changes_length(body: &[u8]) -> usize {
    let members: IndexMap<String, &RawValue> = serde_json::from_slice(body).unwrap_or_default();
    let changes = [UPDATED_REFS, UPDATED_FILES, UPDATED_CONFIG].into_iter();
    changes.filter_map(|name| members.get(name)).map(|value| value.get().len()).sum()
}

/// Returns the elements of a list; none of any other value.
fn elements(list: &str) -> impl Iterator<Item = &RawValue> {
    serde_json::from_str::<Vec<&RawValue>>(list).unwrap_or_default().into_iter()
}

/// The changes of a bucket's files: the last one of each path, in order of first appearance.
#[derive(Debug, Default)]
struct FileChanges {
    by_path: IndexMap<String, Box<RawValue>>,
    /// Elements of another form. Nobody but the function can tell what they mean.
    other: Vec<Box<RawValue>>,
}

impl FileChanges {
    fn add(&mut self, element: &RawValue) {
        let element = element.to_owned();
        match serde_json::from_str::<WebhookPayloadUpdatedFile>(element.get()) {
            Ok(file) => {
                self.by_path.insert(file.path, element);
            }
            Err(_) => self.other.push(element),
        }
    }

    fn merged(self) -> Vec<Box<RawValue>> {
        self.by_path.into_values().chain(self.other).collect()
    }
}
