//! Opens a store: identifies the file, locks it, and brings its tables up to date.

use std::error::Error;
use std::ffi::OsStr;
use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::files::{beside, immutable, resolve};
use super::identify::{FileKind, UnusableFile, identify};
use super::schema::{self, FileVersionError};
use super::watch::FileWatch;
use crate::jobs::error::StoreError;
use crate::jobs::remedy::{RemediableCause, StoreRemedy};
use crate::jobs::store::Access;

/// The connections to an open store.
pub(super) struct OpenFile {
    /// `None` when the file is only read.
    pub(super) writer: Option<Connection>,
    pub(super) reader: FileReader,
    /// Holds the lock while it lives.
    pub(super) lock: Option<File>,
    /// Only for a server, which has the file open for long.
    pub(super) watch: Option<FileWatch>,
}

/// A reading connection.
pub(super) struct FileReader {
    pub(super) connection: Connection,
    /// The path, if no server was running when it was opened. The connection would not notice one that starts.
    idle: Option<PathBuf>,
}

impl FileReader {
    /// Opens a file of which no server is known to run.
    fn open(path: &Path) -> Result<Self, rusqlite::Error> {
        // A running server has a log. Without a log, the file is read in a way that creates none.
        if beside(path, "-wal").exists() {
            let connection = connect(path.as_os_str(), READ_ONLY, &READER)?;
            return Ok(Self { connection, idle: None });
        }
        let rights = READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
        let connection = connect(&immutable(path), rights, &READER)?;
        Ok(Self { connection, idle: Some(path.to_owned()) })
    }

    /// Reads what a server that has started meanwhile writes.
    pub(super) fn refresh(&mut self) -> Result<(), Box<dyn Error + Send + Sync>> {
        if let Some(path) = &self.idle {
            let opened = Self::open(path)?;
            schema::check(&opened.connection)?;
            *self = opened;
        }
        Ok(())
    }
}

/// How long to wait for another process that writes.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// The number of 4 KiB pages after which the log is written back to the file. Every command waits for that,
/// so it happens often: after 8 MiB. A thread for it was no faster, because the disk is the bottleneck.
const PAGES_OF_LOG: &str = "2048";

/// The pragmas of the writing connection. `fullfsync` is for macOS, where a sync alone does not reach the
/// disk. A negative `cache_size` is in KiB.
const WRITER: [(&str, &str); 6] = [
    ("synchronous", "FULL"),
    ("fullfsync", "ON"),
    ("checkpoint_fullfsync", "ON"),
    ("wal_autocheckpoint", PAGES_OF_LOG),
    ("journal_size_limit", "67108864"),
    ("cache_size", "-2048"),
];
const READER: [(&str, &str); 1] = [("cache_size", "-512")];

/// The capacity of a connection's statement cache: more than there are statements.
const STATEMENTS: usize = 128;

pub(super) fn open(file: &Path, access: Access) -> Result<OpenFile, StoreError> {
    let failed = |cause| unopened(file, cause);
    let path = resolve(file).map_err(|error| failed(error.into()))?;
    if access == Access::Serve {
        let lock = Some(lock_and_create(file, &path)?);
        let opened = || -> Result<_, Box<dyn Error + Send + Sync>> {
            let mut writer = connect(path.as_os_str(), READ_WRITE, &WRITER)?;
            // Only effective in a new file. Lets it shrink after deletions.
            writer.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
            schema::migrate(&mut writer)?;
            writer.pragma_update(None, "journal_mode", "WAL")?;
            let connection = connect(path.as_os_str(), READ_ONLY, &READER)?;
            let reader = FileReader { connection, idle: None };
            let watch = Some(FileWatch::new(path.clone()));
            Ok(OpenFile { writer: Some(writer), reader, lock, watch })
        };
        return opened().map_err(|error| failed(explain(error)));
    }
    match identify(&path).map_err(failed)? {
        FileKind::Missing | FileKind::Empty => {
            return Err(failed("there is no such file".into()));
        }
        FileKind::Store => {}
    }
    let opened = || -> Result<_, Box<dyn Error + Send + Sync>> {
        let reader = match access {
            Access::Read => FileReader::open(&path)?,
            _ => FileReader {
                connection: connect(path.as_os_str(), READ_ONLY, &READER)?,
                idle: None,
            },
        };
        schema::check(&reader.connection)?;
        let writer = match access {
            Access::Modify => Some(connect(path.as_os_str(), READ_WRITE, &WRITER)?),
            _ => None,
        };
        Ok(OpenFile { writer, reader, lock: None, watch: None })
    };
    opened().map_err(|error| failed(explain(error)))
}

fn unopened(file: &Path, cause: Box<dyn Error + Send + Sync>) -> StoreError {
    let remedy = match &cause {
        it if it.is::<Locked>() => StoreRemedy::EndLock,
        it => {
            let version = || it.downcast_ref().map(FileVersionError::remedy);
            let found = it.downcast_ref().map(UnusableFile::remedy).or_else(version);
            found.unwrap_or(StoreRemedy::NameAnother)
        }
    };
    let cause = RemediableCause::new(cause, remedy).into();
    StoreError::Open { store: file.display().to_string(), cause }
}

/// Another program holds a lock on the file.
#[derive(Debug, thiserror::Error)]
#[error(
    "another program has locked it for more than {BUSY_TIMEOUT:?}: end its transaction, and start again"
)]
struct Locked;

/// Replaces SQLite's error about a lock with a clearer one.
fn explain(error: Box<dyn Error + Send + Sync>) -> Box<dyn Error + Send + Sync> {
    use rusqlite::ErrorCode::{DatabaseBusy, DatabaseLocked};
    let code = error.downcast_ref().and_then(rusqlite::Error::sqlite_error_code);
    match code {
        Some(DatabaseBusy | DatabaseLocked) => Locked.into(),
        _ => error,
    }
}

const READ_WRITE: OpenFlags = OpenFlags::SQLITE_OPEN_READ_WRITE;
const READ_ONLY: OpenFlags = OpenFlags::SQLITE_OPEN_READ_ONLY;

/// Locks a store for this process and creates the file if it does not exist. Creates and changes nothing
/// before the file is known to be a store or missing.
fn lock_and_create(file: &Path, path: &Path) -> Result<File, StoreError> {
    let failed = |cause| unopened(file, cause);
    // Checked first, because a running server may be writing to the file.
    let locked = lock(file, path, Create::No)?;
    let found = identify(path).map_err(failed)?;
    let lock = match locked {
        Some(lock) => lock,
        None => lock(file, path, Create::Yes)?.ok_or(StoreError::Closed)?,
    };
    if found == FileKind::Missing {
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
    // Safe, because only one thread at a time uses the connection.
    let connection = Connection::open_with_flags(file, rights | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    for (name, value) in pragmas {
        connection.pragma_update(None, name, value)?;
    }
    Ok(connection)
}

/// Makes a new file readable only for the program's user, because payloads can be private. SQLite creates
/// its log with the mode of the file.
fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    options
}

/// Whether to create the lock file.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Create {
    Yes,
    No,
}

/// Locks a file beside the database, because SQLite locks the database itself. `path` is resolved, so it is
/// the same under every name of the database. Returns `None` when the file does not exist and is not created.
fn lock(file: &Path, path: &Path, create: Create) -> Result<Option<File>, StoreError> {
    let path = beside(path, "-lock");
    let failed = |error: io::Error| StoreError::Open {
        store: file.display().to_string(),
        cause: format!("{}: {error}", path.display()).into(),
    };
    match path.symlink_metadata() {
        Ok(metadata) if !metadata.is_file() => {
            return Err(failed(io::Error::other(UnusableFile::NotRegular)));
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
