//! Disks of a few megabytes, which a test can fill.

use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::program::fail;

/// A disk in memory, until it is dropped. Only root can mount it.
#[derive(Debug)]
pub struct SmallDisk(TempDir);

impl SmallDisk {
    /// Mounts a disk of this size, such as `3m`.
    #[must_use]
    pub fn mount(size: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        mount(folder.path(), &format!("size={size}"));
        Self(folder)
    }

    /// Changes its size.
    pub fn resize(&self, size: &str) {
        mount(self.path(), &format!("remount,size={size}"));
    }

    /// Fills the free space with a file, and returns its path.
    #[must_use]
    pub fn fill(&self) -> PathBuf {
        let path = self.path().join("filler");
        let mut file = File::create(&path).unwrap();
        let block = vec![1; 64 << 10];
        loop {
            match file.write(&block) {
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::StorageFull => return path,
                Err(error) => fail(&format!("the disk cannot be filled: {error}")),
            }
        }
    }

    /// Returns the folder in which it is mounted.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.path()).status();
    }
}

fn mount(folder: &Path, options: &str) {
    let mut mount = Command::new("mount");
    mount.args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(folder);
    assert!(mount.status().unwrap().success(), "only root can mount a disk");
}
