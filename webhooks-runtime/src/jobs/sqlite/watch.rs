//! Notices when the file of an open store is deleted or replaced. SQLite goes on writing to the file that
//! nobody finds any more, so that all that is accepted from then on would be lost at the next start.

use std::path::{Path, PathBuf};

use super::open::beside;

/// The files of a store, as they were when they were opened.
pub(super) struct FileWatch {
    path: PathBuf,
    database: Option<Identity>,
    /// Known from when it is first seen.
    log: Option<Identity>,
    is_gone: bool,
}

/// The file is not the one that was opened.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{} was deleted or replaced: start the server again", .0.display())]
pub(super) struct Gone(PathBuf);

impl FileWatch {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { database: Identity::of(&path), log: None, path, is_gone: false }
    }

    /// Whether the files are still those that were opened. A change is logged once.
    pub(super) fn check(&mut self) -> Result<(), Gone> {
        let log = Identity::of(&beside(&self.path, "-wal"));
        if self.log.is_none() {
            self.log = log;
        }
        let is_gone = Identity::of(&self.path) != self.database || log != self.log;
        if is_gone && !self.is_gone {
            tracing::error!(
                "{} was deleted or replaced while the server runs: background deliveries are neither accepted \
                 nor run until the server is started again",
                self.path.display()
            );
        }
        self.is_gone = is_gone;
        if is_gone { Err(Gone(self.path.clone())) } else { Ok(()) }
    }
}

/// What tells a file from another one at the same path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Identity {
    device: u64,
    inode: u64,
}

impl Identity {
    /// That of the file at a path; `None` when there is none.
    #[cfg(unix)]
    fn of(path: &Path) -> Option<Self> {
        use std::os::unix::fs::MetadataExt;
        let metadata = std::fs::metadata(path).ok()?;
        Some(Self { device: metadata.dev(), inode: metadata.ino() })
    }

    // An open file cannot be deleted on other systems.
    #[cfg(not(unix))]
    fn of(_: &Path) -> Option<Self> {
        Some(Self { device: 0, inode: 0 })
    }
}
