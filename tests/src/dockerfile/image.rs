//! What a build ends with, and how it is run.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::BuildStage;
use super::instruction::Owner;
use crate::program::fail;

/// Where Docker looks for programs.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// What `docker build` ends with: the last stage.
#[derive(Debug)]
pub struct Image {
    pub(super) stage: BuildStage,
    /// The stage's folder.
    pub(super) root: TempDir,
    /// What each `RUN` printed, of all stages.
    pub printed: Vec<String>,
}

impl Image {
    /// Where a path of the image is on this machine.
    #[must_use]
    pub fn path(&self, path: &str) -> PathBuf {
        self.stage.inside(Path::new(path))
    }

    /// Who runs the program.
    #[must_use]
    pub fn user(&self) -> Option<Owner> {
        self.stage.user
    }

    /// The ports that are announced.
    #[must_use]
    pub fn exposed(&self) -> &[u16] {
        &self.stage.exposed
    }

    /// The program's file on this machine.
    ///
    /// # Panics
    ///
    /// When it isn't in the image.
    #[must_use]
    pub fn program(&self) -> PathBuf {
        let name = self.stage.cmd.first().unwrap_or_else(|| fail("no CMD"));
        let found = PATH.split(':').map(|folder| self.path(folder).join(name));
        found
            .into_iter()
            .find(|file| file.is_file())
            .unwrap_or_else(|| fail(&format!("{name} is nowhere")))
    }

    /// What `docker run` starts. Where the tests are not run by root, the present user stands in for that of
    /// the image.
    #[must_use]
    pub fn command(&self) -> Command {
        let mut command = Command::new(self.program());
        let folder = self.stage.inside(&self.stage.folder);
        command.args(&self.stage.cmd[1..]).current_dir(folder).env_clear().env("PATH", PATH);
        for (name, value) in &self.stage.variables {
            if value.starts_with('/') {
                command.env(name, self.path(value));
            } else {
                command.env(name, value);
            }
        }
        if let Some(Owner { user, group }) = self.stage.user
            && self.is_made_by_root()
        {
            command.uid(user).gid(group);
        }
        command
    }

    /// Whether root runs the tests, and the program is another user's.
    #[must_use]
    pub fn is_made_by_root(&self) -> bool {
        fs::metadata(self.root.path()).is_ok_and(|made| made.uid() == 0)
    }
}
