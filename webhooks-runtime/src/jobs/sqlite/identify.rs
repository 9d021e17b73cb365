//! Checks whether a file is a store, before anything is created or changed.
//!
//! A path may name anything: another program's database, `/etc/passwd`, a device. The check leaves no trace:
//! no lock, no journal, no change of the file's mode.

use std::error::Error;
use std::fs;
use std::io::{self, Read};
use std::path::Path;
use std::thread;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::files::{beside, immutable};
use super::schema;
use crate::jobs::remedy::StoreRemedy;

/// The kind of the file at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FileKind {
    /// No file: a store may be created.
    Missing,
    /// An empty file that an interrupted start of this program created.
    Empty,
    /// A store.
    Store,
}

/// The error of a file that cannot be used as a store. The messages follow the name of the file.
#[derive(Debug, thiserror::Error)]
pub(super) enum UnusableFile {
    #[error("it is not a regular file")]
    NotRegular,
    // SQLite names its log after the file, so a log written under one name is not found under the other.
    #[error(
        "it has a hard link, and deliveries written under the other name could be lost: \
         delete the other name, or make it a symbolic link"
    )]
    HardLink,
    #[error(
        "it is an empty file that this program did not create: delete it, or choose another file"
    )]
    Empty,
    #[error(
        "it is a store of background deliveries, but it is damaged: restore a backup, or recover what is left \
         with the command sqlite3 FILE .recover"
    )]
    Damaged,
    // SQLite would delete it as a leftover of the new, empty database.
    #[error(
        "it does not exist, but {0} does, which a new store would overwrite: \
         move that file, or restore the store that it belongs to"
    )]
    Companion(String),
    #[error(
        "it is not a store of background deliveries: choose another file. Nothing in it was changed"
    )]
    Other,
}

impl UnusableFile {
    pub(super) fn remedy(&self) -> StoreRemedy {
        match self {
            Self::HardLink => StoreRemedy::DeleteLink,
            Self::Empty => StoreRemedy::DeleteFile,
            Self::Damaged => StoreRemedy::Recover,
            Self::NotRegular | Self::Companion(_) | Self::Other => StoreRemedy::NameAnother,
        }
    }
}

/// Identifies the file at a resolved path.
pub(super) fn identify(path: &Path) -> Result<FileKind, Box<dyn Error + Send + Sync>> {
    let metadata = match fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return match companion(path) {
                Some(companion) => Err(UnusableFile::Companion(companion).into()),
                None => Ok(FileKind::Missing),
            };
        }
        Err(error) => return Err(error.into()),
    };
    if !metadata.is_file() {
        return Err(UnusableFile::NotRegular.into());
    }
    if has_hard_link(&metadata) {
        return Err(UnusableFile::HardLink.into());
    }
    if metadata.len() == 0 {
        // An interrupted first start leaves its lock file.
        let created =
            is_private(&metadata) && (beside(path, "-lock").exists() || companion(path).is_none());
        return if created { Ok(FileKind::Empty) } else { Err(UnusableFile::Empty.into()) };
    }
    let mut content = content_at(path);
    for _ in 0..PATIENCE {
        match &content {
            Err(error) if is_not_a_database(error) && has_store_header(path) => {
                thread::sleep(PAUSE);
                content = content_at(path);
            }
            _ => break,
        }
    }
    let is_store = match content {
        Ok(content) => content == DatabaseContent::Store,
        Err(error) if is_not_a_database(&error) && has_store_header(path) => {
            return Err(UnusableFile::Damaged.into());
        }
        Err(error) if is_not_a_database(&error) => false,
        Err(error) => return Err(error.into()),
    };
    if is_store { Ok(FileKind::Store) } else { Err(UnusableFile::Other.into()) }
}

/// How often, and how soon, a store that seems to be damaged is read again: another process may be writing its log back.
const PATIENCE: u32 = 10;
const PAUSE: Duration = Duration::from_millis(50);

/// Reads the content of a database, without its log if possible: to read that, SQLite may have to create files.
///
/// While a log is written back, only the log has all pages, also when the process that did it was killed: the header
/// comes first, with the length that the file will have.
fn content_at(path: &Path) -> Result<DatabaseContent, rusqlite::Error> {
    let content =
        Connection::open_with_flags(immutable(path), READ_URI).and_then(|file| content_of(&file));
    let needs_log = match &content {
        Ok(content) => *content == DatabaseContent::Empty,
        Err(error) => is_not_a_database(error) && has_store_header(path),
    };
    if !needs_log || !has_log(path) {
        return content;
    }
    let file = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    content_of(&file)
}

/// The content of a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum DatabaseContent {
    Store,
    /// No tables. Those of a store may still be in its log: before stores had an `application_id`, a server
    /// killed soon after its first start left them there.
    Empty,
    Other,
}

fn content_of(file: &Connection) -> Result<DatabaseContent, rusqlite::Error> {
    let id: i32 = file.pragma_query_value(None, "application_id", |row| row.get(0))?;
    if id == schema::APPLICATION_ID {
        return Ok(DatabaseContent::Store);
    }
    let columns = schema::columns(file)?;
    Ok(match id {
        0 if columns.is_empty() => DatabaseContent::Empty,
        0 if schema::is_version_without_id(file, &columns)? => DatabaseContent::Store,
        _ => DatabaseContent::Other,
    })
}

const READ_URI: OpenFlags = OpenFlags::SQLITE_OPEN_READ_ONLY
    .union(OpenFlags::SQLITE_OPEN_URI)
    .union(OpenFlags::SQLITE_OPEN_NO_MUTEX);

fn is_not_a_database(error: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase};
    matches!(error.sqlite_error_code(), Some(NotADatabase | DatabaseCorrupt))
}

/// Returns whether the header of an unreadable database has the id of a store, at offset 68
/// (<https://www.sqlite.org/fileformat.html#application_id>).
fn has_store_header(path: &Path) -> bool {
    let mut header = [0; 72];
    let read = fs::File::open(path).and_then(|mut file| file.read_exact(&mut header));
    read.is_ok() && header.ends_with(&schema::APPLICATION_ID.to_be_bytes())
}

/// Returns the first file beside a database that SQLite treats as part of it.
fn companion(path: &Path) -> Option<String> {
    let files = ["-journal", "-wal", "-shm"].map(|end| beside(path, end));
    files
        .into_iter()
        .find(|file| file.symlink_metadata().is_ok())
        .map(|file| file.display().to_string())
}

fn has_log(path: &Path) -> bool {
    fs::metadata(beside(path, "-wal")).is_ok_and(|log| log.len() > 0)
}

#[cfg(unix)]
fn has_hard_link(metadata: &fs::Metadata) -> bool {
    std::os::unix::fs::MetadataExt::nlink(metadata) > 1
}

/// Returns whether a file has the mode that this program creates files with.
#[cfg(unix)]
fn is_private(metadata: &fs::Metadata) -> bool {
    std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o7777 == 0o600
}

#[cfg(not(unix))]
fn has_hard_link(_: &fs::Metadata) -> bool {
    false
}

#[cfg(not(unix))]
fn is_private(_: &fs::Metadata) -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_name_may_contain_uri_characters() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["a?mode=rwc.db", "b%20.db", "c#d.db", "학습.db", "file:e.db"] {
            let path = folder.path().join(name);
            let file = Connection::open(&path).unwrap();
            file.execute_batch("CREATE TABLE other (it)").unwrap();
            file.close().unwrap();
            let error = identify(&path).unwrap_err();
            assert!(matches!(error.downcast_ref(), Some(UnusableFile::Other)), "{name}: {error}");
            file_with_id(&path);
            assert_eq!(identify(&path).unwrap(), FileKind::Store, "{name}");
        }
    }

    fn file_with_id(path: &Path) {
        let file = Connection::open(path).unwrap();
        file.pragma_update(None, "application_id", schema::APPLICATION_ID).unwrap();
        file.close().unwrap();
    }
}
