//! Decides what a deployment changes. Sends nothing.

use std::collections::BTreeMap;

use super::error::DeployError;
use super::marker::{DeployMarker, MARKER_FILE, content_id};
use super::snapshot::SpaceSnapshot;
use crate::hub::RepoVisibility;

/// What a person wants of a Space, beside its files.
#[derive(Default)]
pub(crate) struct SpaceSettings {
    /// `None` keeps what a Space has; a new one is public.
    pub(crate) visibility: Option<RepoVisibility>,
    pub(crate) hardware: Option<String>,
    pub(crate) secrets: BTreeMap<String, String>,
    pub(crate) variables: BTreeMap<String, String>,
    /// Whether files that `deploy` has not uploaded may be replaced.
    pub(crate) force: bool,
}

/// What a deployment changes. `Debug` would show secrets.
#[derive(PartialEq, Eq)]
pub(crate) struct DeployPlan {
    /// Whether the Space is created.
    pub(crate) creates: bool,
    pub(crate) private: bool,
    pub(crate) hardware: Option<String>,
    /// The secrets to set, by their names.
    pub(crate) secrets: BTreeMap<String, String>,
    /// The variables to set: those with another value.
    pub(crate) variables: BTreeMap<String, String>,
    /// The paths of the files to upload: new ones and changed ones.
    pub(crate) uploads: Vec<String>,
    /// The paths of the files to delete, all of which an earlier deployment has uploaded.
    pub(crate) deletions: Vec<String>,
    /// The paths among them of which the Space has another content than a deployment has uploaded.
    pub(crate) edited: Vec<String>,
    /// How many files stay as they are.
    pub(crate) unchanged: usize,
    /// The commit that the upload follows.
    pub(crate) parent: Option<String>,
}

impl DeployPlan {
    /// Decides what to change at a Space, `None` if there is none, so that it has these files and settings.
    ///
    /// # Errors
    ///
    /// When the Space is not one of `deploy`, when a person has changed files on it that would be lost, and when it has
    /// another visibility.
    pub(crate) fn new(
        space: &str,
        snapshot: Option<&SpaceSnapshot>,
        files: &BTreeMap<String, Vec<u8>>,
        settings: SpaceSettings,
    ) -> Result<Self, DeployError> {
        let SpaceSettings { visibility, hardware, secrets, mut variables, force } = settings;
        let wants_private = visibility.as_ref().map(|it| *it == RepoVisibility::Private);
        let Some(snapshot) = snapshot else {
            return Ok(Self {
                creates: true,
                private: wants_private.unwrap_or_default(),
                hardware,
                secrets,
                variables,
                uploads: files.keys().cloned().collect(),
                deletions: Vec::new(),
                edited: Vec::new(),
                unchanged: 0,
                parent: None,
            });
        };
        if !force && !snapshot.is_ours() {
            return Err(DeployError::NotOurs { space: space.to_owned() });
        }
        if wants_private.is_some_and(|private| private != snapshot.private) {
            let current = if snapshot.private { "private" } else { "public" };
            return Err(DeployError::OtherVisibility { space: space.to_owned(), current });
        }
        variables.retain(|name, value| snapshot.variables.get(name) != Some(value));
        let uploads = uploads(files, &snapshot.files);
        let deletions = deletions(files, &snapshot.files, snapshot.marker.as_ref());
        let edited = edited(uploads.iter().chain(&deletions), snapshot);
        if !force && !edited.is_empty() {
            return Err(DeployError::EditedOnSpace { space: space.to_owned(), files: edited });
        }
        Ok(Self {
            creates: false,
            private: snapshot.private,
            hardware: hardware.filter(|it| snapshot.hardware.as_ref() != Some(it)),
            secrets,
            variables,
            unchanged: files.len() - uploads.len(),
            uploads,
            deletions,
            edited,
            parent: snapshot.sha.clone(),
        })
    }

    /// Returns whether files change.
    pub(crate) fn changes_files(&self) -> bool {
        !self.uploads.is_empty() || !self.deletions.is_empty()
    }

    /// Returns whether anything changes.
    pub(crate) fn has_changes(&self) -> bool {
        self.creates
            || self.changes_files()
            || self.hardware.is_some()
            || !self.secrets.is_empty()
            || !self.variables.is_empty()
    }
}

/// Returns the files that the Space does not have, or not as they are now.
fn uploads(files: &BTreeMap<String, Vec<u8>>, on_space: &BTreeMap<String, String>) -> Vec<String> {
    let differs = |(path, content): &(&String, &Vec<u8>)| {
        on_space.get(*path).is_none_or(|id| *id != content_id(content))
    };
    files.iter().filter(differs).map(|(path, _)| path.clone()).collect()
}

/// Returns the files on the Space that an earlier deployment has uploaded and the project does not have any more.
fn deletions(
    files: &BTreeMap<String, Vec<u8>>,
    on_space: &BTreeMap<String, String>,
    marker: Option<&DeployMarker>,
) -> Vec<String> {
    let uploaded = marker.into_iter().flat_map(|marker| marker.files.keys());
    let is_gone = |path: &&String| {
        on_space.contains_key(*path) && !files.contains_key(*path) && *path != MARKER_FILE
    };
    uploaded.filter(is_gone).cloned().collect()
}

/// Returns the files that a person has changed or added on the Space since the last deployment.
fn edited<'a>(paths: impl Iterator<Item = &'a String>, snapshot: &SpaceSnapshot) -> Vec<String> {
    // What the Hub puts on a new Space is nobody's work.
    let is_new = snapshot.marker.is_none() && snapshot.is_ours();
    let uploaded = snapshot.marker.as_ref().map(|marker| &marker.files);
    let is_edited = |path: &&String| {
        let now = snapshot.files.get(*path);
        now.is_some() && now != uploaded.and_then(|files| files.get(*path))
    };
    let mut edited: Vec<_> = paths.filter(|path| !is_new && is_edited(path)).cloned().collect();
    edited.sort();
    edited
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(contents: &[(&str, &str)]) -> BTreeMap<String, Vec<u8>> {
        contents.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec())).collect()
    }

    /// Returns a Space to which files were deployed, and with files that a person has written since.
    fn space(deployed: Option<&[(&str, &str)]>, written: &[(&str, &str)]) -> SpaceSnapshot {
        let marker = deployed.map(|deployed| DeployMarker::of(&files(deployed)));
        let mut on_space = marker.clone().unwrap_or_default().files;
        on_space.extend(DeployMarker::of(&files(written)).files);
        SpaceSnapshot { files: on_space, marker, ..SpaceSnapshot::default() }
    }

    fn forced(snapshot: &SpaceSnapshot, local: &[(&str, &str)]) -> DeployPlan {
        let settings = SpaceSettings { force: true, ..SpaceSettings::default() };
        DeployPlan::new("me/bot", Some(snapshot), &files(local), settings).ok().unwrap()
    }

    fn plan(
        snapshot: Option<&SpaceSnapshot>,
        local: &[(&str, &str)],
    ) -> Result<DeployPlan, DeployError> {
        DeployPlan::new("me/bot", snapshot, &files(local), SpaceSettings::default())
    }

    #[test]
    fn only_changes_are_uploaded_and_only_uploaded_files_are_deleted() {
        let local = [("a", "1"), ("b", "2")];
        for (deployed, others, uploads, deletions, unchanged) in [
            (&[][..], &[][..], &["a", "b"][..], &[][..], 0),
            (&[("a", "1"), ("b", "2")], &[("x", "")], &[], &[], 2),
            (&[("a", "1"), ("b", "old")], &[], &["b"], &[], 1),
            (&[("a", "1"), ("b", "2"), ("c", "3")], &[("x", "")], &[], &["c"], 2),
            // A person has written the same on the Space.
            (&[("a", "1")], &[("b", "2")], &[], &[], 2),
            (&[("a", "1"), ("b", "old")], &[("b", "2")], &[], &[], 2),
        ] {
            let plan = plan(Some(&space(Some(deployed), others)), &local).ok().unwrap();
            assert_eq!(
                (&plan.uploads[..], &plan.deletions[..], plan.unchanged),
                (
                    &uploads.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>()[..],
                    &deletions.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>()[..],
                    unchanged
                ),
                "{deployed:?} {others:?}"
            );
            assert_eq!(plan.has_changes(), !uploads.is_empty() || !deletions.is_empty());
            assert!(plan.edited.is_empty());
        }
    }

    #[test]
    fn what_a_person_has_changed_on_the_space_is_replaced_only_by_force() {
        let local = [("a", "1"), ("b", "2")];
        for (deployed, written, edited) in [
            // Changed there, and maybe here.
            (&[("a", "1"), ("b", "2")][..], ("b", "theirs"), "b"),
            (&[("a", "1"), ("b", "old")], ("b", "theirs"), "b"),
            // Added there, and here.
            (&[("a", "1")], ("b", "theirs"), "b"),
            // Changed there, and deleted here.
            (&[("a", "1"), ("b", "2"), ("c", "3")], ("c", "theirs"), "c"),
        ] {
            let snapshot = space(Some(deployed), &[written, ("x", "theirs")]);
            let refused = plan(Some(&snapshot), &local).err().unwrap();
            assert!(
                matches!(&refused, DeployError::EditedOnSpace { files, .. } if files == &[edited]),
                "{refused}"
            );
            let plan = forced(&snapshot, &local);
            let changed: Vec<_> = plan.uploads.iter().chain(&plan.deletions).collect();
            assert_eq!(changed, [edited]);
            assert_eq!(plan.edited, [edited]);
        }
    }

    #[test]
    fn a_file_that_is_gone_from_the_space_is_uploaded_again_and_not_deleted() {
        let mut snapshot = space(Some(&[("a", "1"), ("b", "2"), ("c", "3")]), &[]);
        snapshot.files.remove("a");
        snapshot.files.remove("c");
        let plan = plan(Some(&snapshot), &[("a", "1"), ("b", "2")]).ok().unwrap();
        assert_eq!((&plan.uploads[..], plan.deletions.len()), (&["a".to_owned()][..], 0));
    }

    #[test]
    fn a_new_space_is_public_and_gets_everything() {
        let plan = plan(None, &[("a", "1")]).ok().unwrap();
        assert!(plan.creates && !plan.private && plan.has_changes());
        assert_eq!(plan.uploads, ["a"]);
    }

    #[test]
    fn a_space_of_somebody_else_is_refused_and_loses_no_file_by_force() {
        let other = space(None, &[("README.md", "theirs"), ("app.py", "")]);
        assert!(matches!(plan(Some(&other), &[("a", "1")]), Err(DeployError::NotOurs { .. })));
        let forced = forced(&other, &[("README.md", "1")]);
        assert!(forced.deletions.is_empty());
        assert_eq!(forced.edited, ["README.md"]);
        // What the Hub makes is nobody's work.
        let new = space(None, &[("README.md", "theirs"), (".gitattributes", "")]);
        let plan = plan(Some(&new), &[("README.md", "1")]).ok().unwrap();
        assert_eq!((plan.uploads.len(), plan.edited.len()), (1, 0));
    }

    #[test]
    fn the_visibility_of_a_space_is_kept_and_not_changed() {
        let private = SpaceSnapshot { private: true, ..space(Some(&[]), &[]) };
        assert!(plan(Some(&private), &[]).ok().unwrap().private);
        let visibility = Some(RepoVisibility::Public);
        let settings = SpaceSettings { visibility, ..SpaceSettings::default() };
        let refused = DeployPlan::new("me/bot", Some(&private), &files(&[]), settings);
        assert!(matches!(refused, Err(DeployError::OtherVisibility { current: "private", .. })));
    }

    #[test]
    fn settings_that_a_space_has_already_are_not_set_again() {
        let mut snapshot = space(Some(&[("a", "1")]), &[]);
        snapshot.variables.insert("LEVEL".to_owned(), "info".to_owned());
        snapshot.hardware = Some("cpu-basic".to_owned());
        let settings = |level: &str, hardware: &str| SpaceSettings {
            variables: BTreeMap::from([("LEVEL".to_owned(), level.to_owned())]),
            hardware: Some(hardware.to_owned()),
            ..SpaceSettings::default()
        };
        let plan = |settings| {
            DeployPlan::new("me/bot", Some(&snapshot), &files(&[("a", "1")]), settings)
                .ok()
                .unwrap()
        };
        assert!(!plan(settings("info", "cpu-basic")).has_changes());
        let changed = plan(settings("debug", "cpu-upgrade"));
        assert_eq!(changed.hardware.as_deref(), Some("cpu-upgrade"));
        assert_eq!(changed.variables["LEVEL"], "debug");
    }
}
