//! Stores the secret name that a link's URL is derived from, so that the URL stays the same at every start.
//!
//! Anyone who knows the name can take over the URL. So it is stored in a file that only its user can read. Each
//! project has its own file, which is locked while a process uses it.

mod file;
mod name;

use std::fs::File;
use std::io;
use std::path::PathBuf;

use ring::digest::{SHA256, digest};

use self::file::load_or_create;
use self::name::SecretName;
use super::bytes::hex;
use crate::state::{self, state_folder};

/// The name of a process's link, and where it is stored.
pub(super) struct LinkIdentity {
    pub(super) name: SecretName,
    pub(super) storage: NameStorage,
}

/// Where a name is stored. Only a name in a file outlives the process.
#[derive(Debug)]
pub(super) enum NameStorage {
    /// In this file, which stays locked while this value lives.
    File(#[expect(dead_code, reason = "held for its lock")] File),
    /// Nowhere: another process uses the project's name.
    InUse,
    /// Nowhere: the file cannot be used.
    Unusable { file: PathBuf, error: io::Error },
    /// Nowhere: the user has no folder for files.
    NoFolder,
}

/// Which name a process uses.
#[derive(Clone, Debug)]
pub(crate) struct NameSlot {
    /// What distinguishes the program from others.
    pub(crate) project: String,
    /// The share server. Each one has its own name, because a share server that knows the name of a link at
    /// another one could take over its URL there.
    pub(crate) server: String,
    /// The folder of all names.
    pub(crate) folder: Option<PathBuf>,
    /// Whether to replace the name, and the URL with it.
    pub(crate) renew: bool,
}

/// Returns the folder of all names; `None` if the user has none.
pub(crate) fn default_folder() -> Option<PathBuf> {
    Some(state_folder()?.join("share"))
}

impl LinkIdentity {
    /// Loads the name of a slot, or generates it. If the file cannot be used, the name is not stored.
    pub(super) fn load(slot: &NameSlot) -> io::Result<Self> {
        let Some(folder) = &slot.folder else {
            return Ok(Self { name: SecretName::generate()?, storage: NameStorage::NoFolder });
        };
        let file = folder.join(file_name(slot));
        let (name, storage) = match load_or_create(&file, slot.renew) {
            Ok(Some((name, lock))) => (name, NameStorage::File(lock)),
            Ok(None) => (SecretName::generate()?, NameStorage::InUse),
            Err(error) => (SecretName::generate()?, NameStorage::Unusable { file, error }),
        };
        Ok(Self { name, storage })
    }
}

/// Returns a file name, which a digest makes unique.
fn file_name(slot: &NameSlot) -> String {
    let digest = digest(&SHA256, format!("{}\n{}", slot.project, slot.server).as_bytes());
    state::file_name(&slot.project, &hex(&digest.as_ref()[..8]))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::name::LENGTH;
    use super::*;

    fn slot(project: &str, folder: &Path) -> NameSlot {
        let (project, folder) = (project.to_owned(), Some(folder.to_owned()));
        NameSlot { project, server: "share.example:7000".to_owned(), folder, renew: false }
    }

    fn load(project: &str, folder: &Path) -> LinkIdentity {
        LinkIdentity::load(&slot(project, folder)).unwrap()
    }

    #[test]
    fn a_project_keeps_its_name_at_a_share_server_and_shares_it_with_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("state/share");
        let first = load("/home/me/bot", &folder).name;
        assert!(first == load("/home/me/bot", &folder).name);
        assert!(first != load("/home/you/bot", &folder).name);
        assert!(first != load("/home/me/other", &folder).name);
        let elsewhere =
            NameSlot { server: "other.example".into(), ..slot("/home/me/bot", &folder) };
        assert!(first != LinkIdentity::load(&elsewhere).unwrap().name);
        assert_eq!(first.reveal().len(), LENGTH);
        assert!(SecretName::parse(first.reveal()).is_some());
    }

    #[test]
    fn the_second_process_of_a_project_has_a_different_name() {
        let folder = tempfile::tempdir().unwrap();
        let first = load("/bot", folder.path());
        let second = load("/bot", folder.path());
        assert!(matches!(
            (&first.storage, &second.storage),
            (NameStorage::File(_), NameStorage::InUse)
        ));
        assert!(first.name != second.name);
        let name = first.name.clone();
        drop((first, second));
        assert!(load("/bot", folder.path()).name == name);
    }

    #[test]
    fn a_new_name_replaces_the_old_one() {
        let folder = tempfile::tempdir().unwrap();
        let old = load("/bot", folder.path()).name;
        let renewing = NameSlot { renew: true, ..slot("/bot", folder.path()) };
        let new = LinkIdentity::load(&renewing).unwrap().name;
        assert!(old != new);
        assert!(load("/bot", folder.path()).name == new);
    }

    #[test]
    fn without_a_usable_folder_the_name_is_not_stored() {
        let folder = tempfile::tempdir().unwrap();
        let no_folder = folder.path().join("file");
        fs::write(&no_folder, "").unwrap();
        let identity = load("/bot", &no_folder.join("share"));
        assert!(matches!(identity.storage, NameStorage::Unusable { .. }));
        let without_folder = NameSlot { folder: None, ..slot("/bot", &no_folder) };
        assert!(matches!(
            LinkIdentity::load(&without_folder).unwrap().storage,
            NameStorage::NoFolder
        ));
    }
}
