//! Decides whether a file is a store, before anything is created or changed.
//!
//! A path may name anything: another program's database, `/etc/passwd`, a device. So the file is looked at
//! first, in a way that leaves no trace: no lock, no journal, no change of its mode.

use std::error::Error;
use std::ffi::OsString;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};

use super::schema;

/// What is at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// Nothing: a store may be created there.
    Nothing,
    /// A file that an earlier start created and did not fill.
    Empty,
    /// A store.
    Store,
}

/// Why a file is not used. The texts follow the name of the file.
#[derive(Debug, thiserror::Error)]
pub(super) enum Foreign {
    #[error("it is not a regular file")]
    NotRegular,
    // SQLite names its log after the file: what was written under the other name would not be found.
    #[error(
        "it has a second name (a hard link), under which deliveries could be lost: \
         delete the other name, or make it a symbolic link"
    )]
    HardLink,
    #[error(
        "it is an empty file that this program did not create: delete it, or choose another file"
    )]
    Empty,
    #[error(
        "it is a store of background deliveries, but it is damaged: restore it from a backup, or save what \
         is left with the command sqlite3 FILE .recover"
    )]
    Damaged,
    // SQLite would delete them, for they are not of the new, empty database.
    #[error(
        "it does not exist, but {0} does, which a new store would overwrite: \
         move that file away, or restore the store that it belongs to"
    )]
    Companion(String),
    #[error(
        "it is not a store of background deliveries, so nothing in it was changed: choose another file"
    )]
    Other,
}

/// Follows symbolic links to the one path of a file, which need not exist.
pub(super) fn resolve(file: &Path) -> io::Result<PathBuf> {
    let mut path = std::path::absolute(file)?;
    // As many as Linux follows.
    for _ in 0..40 {
        match fs::canonicalize(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            resolved => return resolved,
        }
        let folder = path.parent().map(Path::to_owned).unwrap_or_default();
        match fs::read_link(&path) {
            Ok(target) => path = folder.join(target),
            Err(_) => {
                let name = path.file_name().ok_or_else(|| io::Error::other("it names no file"))?;
                return Ok(fs::canonicalize(folder)?.join(name));
            }
        }
    }
    Err(io::Error::other("its symbolic links lead in a circle"))
}

/// Looks at a file, whose path is resolved.
pub(super) fn identify(path: &Path) -> Result<Found, Box<dyn Error + Send + Sync>> {
    let metadata = match fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return match companion(path) {
                Some(companion) => Err(Foreign::Companion(companion).into()),
                None => Ok(Found::Nothing),
            };
        }
        Err(error) => return Err(error.into()),
    };
    if !metadata.is_file() {
        return Err(Foreign::NotRegular.into());
    }
    if has_second_name(&metadata) {
        return Err(Foreign::HardLink.into());
    }
    if metadata.len() == 0 {
        // A first start that was interrupted leaves its lock beside it.
        let created = is_private(&metadata)
            && (super::open::beside(path, "-lock").exists() || companion(path).is_none());
        return if created { Ok(Found::Empty) } else { Err(Foreign::Empty.into()) };
    }
    // Without its log: to read that, SQLite may have to create files.
    let content =
        Connection::open_with_flags(immutable(path), QUIETLY).and_then(|file| look(&file));
    let is_store = match content {
        Ok(Content::Nothing) if has_log(path) => {
            let with_log = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY);
            with_log.and_then(|file| look(&file))? == Content::Store
        }
        Ok(content) => content == Content::Store,
        Err(error) if is_no_database(&error) && begins_as_store(path) => {
            return Err(Foreign::Damaged.into());
        }
        Err(error) if is_no_database(&error) => false,
        Err(error) => return Err(error.into()),
    };
    if is_store { Ok(Found::Store) } else { Err(Foreign::Other.into()) }
}

/// What is in a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Content {
    Store,
    /// No table yet. Those of a store can be in its log: before stores had an `application_id`, a server
    /// that was killed soon after its first start left them there.
    Nothing,
    Other,
}

fn look(file: &Connection) -> Result<Content, rusqlite::Error> {
    let id: i32 = file.pragma_query_value(None, "application_id", |row| row.get(0))?;
    if id == schema::APPLICATION_ID {
        return Ok(Content::Store);
    }
    let columns = schema::columns(file)?;
    Ok(match id {
        0 if columns.is_empty() => Content::Nothing,
        0 if schema::is_version_without_id(file, &columns)? => Content::Store,
        _ => Content::Other,
    })
}

const QUIETLY: OpenFlags = OpenFlags::SQLITE_OPEN_READ_ONLY
    .union(OpenFlags::SQLITE_OPEN_URI)
    .union(OpenFlags::SQLITE_OPEN_NO_MUTEX);

/// The URI under which SQLite reads a file and does nothing else: it locks nothing and creates nothing.
pub(super) fn immutable(path: &Path) -> OsString {
    let mut uri = OsString::from("file:");
    uri.push(escaped(path));
    uri.push("?immutable=1");
    uri
}

#[cfg(unix)]
fn escaped(path: &Path) -> OsString {
    use std::os::unix::ffi::{OsStrExt, OsStringExt};
    let mut escaped = Vec::new();
    for byte in path.as_os_str().as_bytes() {
        match byte {
            b'%' | b'?' | b'#' => escaped.extend(format!("%{byte:02x}").bytes()),
            _ => escaped.push(*byte),
        }
    }
    OsString::from_vec(escaped)
}

#[cfg(not(unix))]
fn escaped(path: &Path) -> OsString {
    let path = path.to_string_lossy().replace('%', "%25").replace('?', "%3f").replace('#', "%23");
    format!("/{}", path.trim_start_matches(r"\\%3f\").replace('\\', "/")).into()
}

fn is_no_database(error: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase};
    matches!(error.sqlite_error_code(), Some(NotADatabase | DatabaseCorrupt))
}

/// Whether the header of a database that cannot be read has the id of a store, at offset 68
/// (<https://www.sqlite.org/fileformat.html#application_id>).
fn begins_as_store(path: &Path) -> bool {
    let mut header = [0; 72];
    let read = fs::File::open(path).and_then(|mut file| file.read_exact(&mut header));
    read.is_ok() && header.ends_with(&schema::APPLICATION_ID.to_be_bytes())
}

/// Returns the first file beside a database that SQLite takes for a part of it.
fn companion(path: &Path) -> Option<String> {
    let files = ["-journal", "-wal", "-shm"].map(|end| super::open::beside(path, end));
    files
        .into_iter()
        .find(|file| file.symlink_metadata().is_ok())
        .map(|file| file.display().to_string())
}

fn has_log(path: &Path) -> bool {
    fs::metadata(super::open::beside(path, "-wal")).is_ok_and(|log| log.len() > 0)
}

#[cfg(unix)]
fn has_second_name(metadata: &fs::Metadata) -> bool {
    std::os::unix::fs::MetadataExt::nlink(metadata) > 1
}

/// Whether an empty file has the mode that this program creates files with.
#[cfg(unix)]
fn is_private(metadata: &fs::Metadata) -> bool {
    std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o7777 == 0o600
}

#[cfg(not(unix))]
fn has_second_name(_: &fs::Metadata) -> bool {
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
    fn a_name_may_hold_what_means_something_in_a_uri() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["a?mode=rwc.db", "b%20.db", "c#d.db", "학습.db", "file:e.db"] {
            let path = folder.path().join(name);
            let file = Connection::open(&path).unwrap();
            file.execute_batch("CREATE TABLE other (it)").unwrap();
            file.close().unwrap();
            let refused = identify(&path).unwrap_err();
            assert!(matches!(refused.downcast_ref(), Some(Foreign::Other)), "{name}: {refused}");
            file_with_id(&path);
            assert_eq!(identify(&path).unwrap(), Found::Store, "{name}");
        }
    }

    fn file_with_id(path: &Path) {
        let file = Connection::open(path).unwrap();
        file.pragma_update(None, "application_id", schema::APPLICATION_ID).unwrap();
        file.close().unwrap();
    }

    #[cfg(unix)]
    #[test]
    fn a_path_is_resolved_though_its_file_is_not_there() {
        let folder = tempfile::tempdir().unwrap();
        let folder = fs::canonicalize(folder.path()).unwrap();
        let link = |target: &str, name: &str| {
            std::os::unix::fs::symlink(target, folder.join(name)).unwrap();
        };
        link("b", "a");
        link("./c", "b");
        assert_eq!(resolve(&folder.join("a")).unwrap(), folder.join("c"));
        link("loop", "loop");
        assert!(resolve(&folder.join("loop")).is_err());
        assert!(resolve(&folder.join("nowhere/c")).is_err());
    }
}
