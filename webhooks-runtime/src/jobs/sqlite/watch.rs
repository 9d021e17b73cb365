//! Detects that the file of an open store was deleted or replaced.
//!
//! SQLite keeps writing to the unlinked file, so everything accepted from then on would be lost at the next
//! start.

use std::path::{Path, PathBuf};

use super::files::beside;

/// The files of a store as they were when it was opened.
pub(super) struct FileWatch {
    path: PathBuf,
    database: Option<FileId>,
    /// The write-ahead log, from when it is first seen.
    log: Option<FileId>,
    is_replaced: bool,
}

/// The file is no longer the one that was opened.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{} was deleted or replaced: restart the server", .0.display())]
pub(super) struct FileReplaced(PathBuf);

impl FileWatch {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { database: FileId::of(&path), log: None, path, is_replaced: false }
    }

    /// Checks that the files are still those that were opened. Logs a change once.
    pub(super) fn check(&mut self) -> Result<(), FileReplaced> {
        let log = FileId::of(&beside(&self.path, "-wal"));
        if self.log.is_none() {
            self.log = log;
        }
        let is_replaced = FileId::of(&self.path) != self.database || log != self.log;
        if is_replaced && !self.is_replaced {
            tracing::error!(
                "{} was deleted or replaced while the server was running: no background delivery is accepted \
                 or run until the server is restarted",
                self.path.display()
            );
        }
        self.is_replaced = is_replaced;
        if is_replaced { Err(FileReplaced(self.path.clone())) } else { Ok(()) }
    }
}

/// The identity of a file, whatever its path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct FileId {
    device: u64,
    inode: u64,
}

impl FileId {
    /// Returns the identity of the file at a path; `None` when there is no file.
    #[cfg(unix)]
    fn of(path: &Path) -> Option<Self> {
        use std::os::unix::fs::MetadataExt;
        let metadata = std::fs::metadata(path).ok()?;
        Some(Self { device: metadata.dev(), inode: metadata.ino() })
    }

    // Other systems do not let an open file be deleted.
    #[cfg(not(unix))]
    fn of(_: &Path) -> Option<Self> {
        Some(Self { device: 0, inode: 0 })
    }
}
