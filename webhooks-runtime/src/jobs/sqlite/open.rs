//! Opens a store: identifies the file, locks it, and brings its tables up to date.

use std::error::Error;
use std::ffi::OsStr;
use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::identify::{Foreign, Found, identify, immutable, resolve};
use super::schema;
use super::watch::FileWatch;
use crate::jobs::error::StoreError;
use crate::jobs::store::Access;

/// An open file.
pub(super) struct Opened {
    /// `None` when it is only read.
    pub(super) writer: Option<Connection>,
    pub(super) reader: Connection,
    /// Locked while this lives.
    pub(super) lock: Option<File>,
    /// Of a server, which has the file open for long.
    pub(super) watch: Option<FileWatch>,
}

/// How long to wait for another process that writes.
const BUSY: Duration = Duration::from_secs(5);

/// After how many pages of 4 KiB the log is written back into the file. All wait for that, so it is done
/// often: this is 8 MiB. To write it back on another thread was no faster: the disk is what is waited for.
const PAGES_OF_LOG: &str = "2048";

/// What a connection is told. Where a sync doesn't reach the disk by itself, on macOS, it is told to. The
/// pages that it keeps in memory are counted in KiB with a minus.
const WRITER: [(&str, &str); 6] = [
    ("synchronous", "FULL"),
    ("fullfsync", "ON"),
    ("checkpoint_fullfsync", "ON"),
    ("wal_autocheckpoint", PAGES_OF_LOG),
    ("journal_size_limit", "67108864"),
    ("cache_size", "-2048"),
];
const READER: [(&str, &str); 1] = [("cache_size", "-512")];

/// How many statements a connection keeps ready: more than there are.
const STATEMENTS: usize = 64;

pub(super) fn open(file: &Path, access: Access) -> Result<Opened, StoreError> {
    let failed = |cause: Box<dyn Error + Send + Sync>| StoreError::Open {
        store: file.display().to_string(),
        cause,
    };
    let path = resolve(file).map_err(|error| failed(error.into()))?;
    if access == Access::Own {
        let lock = Some(owned(file, &path)?);
        let opened = || -> Result<_, Box<dyn Error + Send + Sync>> {
            let mut writer = connect(path.as_os_str(), READ_WRITE, &WRITER)?;
            // Of a file that is still empty. The space of what is deleted can then be given back.
            writer.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
            schema::migrate(&mut writer)?;
            writer.pragma_update(None, "journal_mode", "WAL")?;
            let reader = connect(path.as_os_str(), READ_ONLY, &READER)?;
            let watch = Some(FileWatch::new(path.clone()));
            Ok(Opened { writer: Some(writer), reader, lock, watch })
        };
        return opened().map_err(|error| failed(explained(error)));
    }
    match identify(&path).map_err(failed)? {
        Found::Nothing | Found::Empty => return Err(failed("there is no such file".into())),
        Found::Store => {}
    }
    let opened = || -> Result<_, Box<dyn Error + Send + Sync>> {
        // A server that runs has a log. Without one the file is read in a way that creates none.
        let is_idle = access == Access::Read && !beside(&path, "-wal").exists();
        let reader = if is_idle {
            connect(&immutable(&path), READ_ONLY | OpenFlags::SQLITE_OPEN_URI, &READER)?
        } else {
            connect(path.as_os_str(), READ_ONLY, &READER)?
        };
        schema::check(&reader)?;
        let writer = match access {
            Access::Change => Some(connect(path.as_os_str(), READ_WRITE, &WRITER)?),
            _ => None,
        };
        Ok(Opened { writer, reader, lock: None, watch: None })
    };
    opened().map_err(|error| failed(explained(error)))
}

/// Another program has a lock on the file.
#[derive(Debug, thiserror::Error)]
#[error(
    "another program has locked it for more than {BUSY:?}: let that program end its transaction, and start again"
)]
struct Locked;

/// Says in words of our own that the file is locked.
fn explained(error: Box<dyn Error + Send + Sync>) -> Box<dyn Error + Send + Sync> {
    use rusqlite::ErrorCode::{DatabaseBusy, DatabaseLocked};
    let code = error.downcast_ref().and_then(rusqlite::Error::sqlite_error_code);
    match code {
        Some(DatabaseBusy | DatabaseLocked) => Locked.into(),
        _ => error,
    }
}

const READ_WRITE: OpenFlags = OpenFlags::SQLITE_OPEN_READ_WRITE;
const READ_ONLY: OpenFlags = OpenFlags::SQLITE_OPEN_READ_ONLY;

/// Locks a store for this process and sees to it that the file exists. Nothing is created or changed
/// before the file is known to be a store, or not to exist.
fn owned(file: &Path, path: &Path) -> Result<File, StoreError> {
    let failed = |cause: Box<dyn Error + Send + Sync>| StoreError::Open {
        store: file.display().to_string(),
        cause,
    };
    // A server that runs writes to the file, so whether one does is looked at first.
    let locked = lock(file, path, Create::No)?;
    let found = identify(path).map_err(failed)?;
    let lock = match locked {
        Some(lock) => lock,
        None => lock(file, path, Create::Yes)?.ok_or(StoreError::Closed)?,
    };
    if found == Found::Nothing {
        private(OpenOptions::new().write(true).create_new(true))
            .open(path)
            .map_err(|error| failed(error.into()))?;
    }
    Ok(lock)
}

fn connect(
    file: &OsStr,
    rights: OpenFlags,
    pragmas: &[(&str, &str)],
) -> Result<Connection, rusqlite::Error> {
    // One thread at a time has it.
    let connection = Connection::open_with_flags(file, rights | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(BUSY)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    for (name, value) in pragmas {
        connection.pragma_update(None, name, value)?;
    }
    Ok(connection)
}

/// Payloads can be private: only the program's user may read a file that it creates. SQLite creates its
/// log with the mode of the file.
fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    options
}

/// A file beside the database, of the same name but for its end.
pub(super) fn beside(file: &Path, end: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(end);
    name.into()
}

/// Whether to create the file that is locked.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Create {
    Yes,
    No,
}

/// Locks a file beside the database, not the database itself: SQLite has locks of its own on it. `path`
/// is the same whatever name the database is given by. `None` when the file is not there and not to be
/// created.
fn lock(file: &Path, path: &Path, create: Create) -> Result<Option<File>, StoreError> {
    let path = beside(path, "-lock");
    let failed = |error: io::Error| StoreError::Open {
        store: file.display().to_string(),
        cause: format!("{}: {error}", path.display()).into(),
    };
    match path.symlink_metadata() {
        Ok(metadata) if !metadata.is_file() => {
            return Err(failed(io::Error::other(Foreign::NotRegular)));
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound && create == Create::No => {
            return Ok(None);
        }
        _ => {}
    }
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(create == Create::Yes).truncate(false);
    let lock = private(&mut options).open(&path).map_err(failed)?;
    match lock.try_lock() {
        Ok(()) => Ok(Some(lock)),
        Err(TryLockError::WouldBlock) => Err(StoreError::Taken { path: file.to_owned() }),
        Err(TryLockError::Error(error)) => Err(failed(error)),
    }
}
