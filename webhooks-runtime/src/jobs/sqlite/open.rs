//! Makes the file, locks it, and brings it to the form that this version has.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};
use rusqlite_migration::{M, Migrations};

use crate::jobs::error::StoreError;

/// What a process has to do with the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// It takes deliveries and runs them. One process at a time may.
    Own,
    /// It looks at them, and decides about dead ones, while another may have the file.
    Visit,
}

/// An open file.
pub(super) struct Opened {
    pub(super) writer: Connection,
    pub(super) reader: Connection,
    /// Locked while this lives.
    pub(super) lock: Option<File>,
}

/// How long to wait for another process that writes.
const BUSY: Duration = Duration::from_secs(5);

/// After how many pages of 4 KiB the log is written back into the file. All wait for that, so it is done
/// often: this is 8 MiB. To write it back on another thread was no faster: the disk is what is waited for.
const PAGES_OF_LOG: &str = "2048";

/// What a connection is told. Where a sync doesn't reach the disk by itself, on macOS, it is told to. The
/// pages that it keeps in memory are counted in KiB with a minus.
const WRITER: [(&str, &str); 7] = [
    ("journal_mode", "WAL"),
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
    let failed = |cause: Box<dyn std::error::Error + Send + Sync>| StoreError::Open {
        store: file.display().to_string(),
        cause,
    };
    if access == Access::Visit && !file.exists() {
        return Err(failed("there is no such file".into()));
    }
    let lock = match access {
        Access::Own => Some(lock(file)?),
        Access::Visit => None,
    };
    if access != Access::Visit {
        private_file(file).map_err(|error| failed(error.into()))?;
    }
    let opened = || -> Result<_, Box<dyn std::error::Error + Send + Sync>> {
        let mut writer = connect(file, OpenFlags::SQLITE_OPEN_READ_WRITE, &WRITER)?;
        migrations().to_latest(&mut writer)?;
        let reader = connect(file, OpenFlags::SQLITE_OPEN_READ_ONLY, &READER)?;
        Ok(Opened { writer, reader, lock })
    };
    opened().map_err(failed)
}

fn connect(
    file: &Path,
    rights: OpenFlags,
    pragmas: &[(&str, &str)],
) -> Result<Connection, Box<dyn std::error::Error + Send + Sync>> {
    // Not relative, as a name that begins with `file:` is something else for SQLite.
    let file = std::path::absolute(file)?;
    // One thread at a time has it.
    let connection = Connection::open_with_flags(file, rights | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(BUSY)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    for (name, value) in pragmas {
        connection.pragma_update(None, name, value)?;
    }
    Ok(connection)
}

/// Payloads can be private: only the program's user may read the file. SQLite makes its log with the
/// rights of the file.
fn private_file(file: &Path) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let opened = options.open(file)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        if opened.metadata()?.permissions().mode() & 0o077 != 0 {
            opened.set_permissions(std::fs::Permissions::from_mode(0o600))?;
        }
    }
    drop(opened);
    Ok(())
}

/// A file beside the database, of the same name but for its end.
fn beside(file: &Path, end: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(end);
    name.into()
}

/// Not the database itself: SQLite has locks of its own on it.
fn lock(file: &Path) -> Result<File, StoreError> {
    let path = beside(file, "-lock");
    let failed = |error: io::Error| StoreError::Open {
        store: file.display().to_string(),
        cause: format!("{}: {error}", path.display()).into(),
    };
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let lock = options.open(&path).map_err(failed)?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(StoreError::Taken { path: file.to_owned() }),
        Err(TryLockError::Error(error)) => Err(failed(error)),
    }
}

fn migrations() -> Migrations<'static> {
    Migrations::new(vec![M::up(include_str!("../../../migrations/sqlite/1_deliveries.sql"))])
}
