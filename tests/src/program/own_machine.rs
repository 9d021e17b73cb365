//! A machine that is no container.

use std::fs;
use std::io::{self};
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// A machine that is no container, though this one may be: then it is a folder with nothing in it but a
/// program and its libraries, which takes `chroot`.
#[derive(Debug)]
pub struct OwnMachine {
    /// The folder that the program runs in.
    folder: TempDir,
    /// Whether the folder is all that the program sees.
    is_root: bool,
    program: PathBuf,
}

impl OwnMachine {
    /// A machine with this program.
    ///
    /// # Errors
    ///
    /// When the program cannot be copied.
    pub fn with(program: &Path) -> io::Result<Self> {
        let in_container =
            ["/.dockerenv", "/run/.containerenv"].iter().any(|file| Path::new(file).exists());
        let folder = tempfile::tempdir()?;
        if !in_container {
            return Ok(Self { folder, is_root: false, program: program.to_owned() });
        }
        let listed = Command::new("ldd").arg(program).output()?.stdout;
        let listed = String::from_utf8_lossy(&listed).into_owned();
        let libraries = listed.split_whitespace().filter(|word| word.starts_with('/'));
        for library in libraries.map(Path::new) {
            let copy = folder.path().join(library.strip_prefix("/").map_err(io::Error::other)?);
            copy.parent().map_or(Ok(()), fs::create_dir_all)?;
            fs::copy(library, copy)?;
        }
        // Not by this process: another test that starts a program meanwhile would pass on the open file, and a
        // program that is open for writing cannot be run.
        let copied = Command::new("cp").arg(program).arg(folder.path().join("program")).status()?;
        if !copied.success() {
            return Err(io::Error::other(format!("cp: {copied}")));
        }
        Ok(Self { folder, is_root: true, program: "/program".into() })
    }

    /// The folder that the program runs in.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A command that runs the program in its folder, without variables.
    #[must_use]
    pub fn command(&self) -> Command {
        let mut command = if self.is_root {
            let mut command = Command::new("/usr/sbin/chroot");
            command.arg(self.folder()).arg(&self.program);
            command
        } else {
            Command::new(&self.program)
        };
        command.env_clear().current_dir(self.folder());
        command
    }
}
