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
    root: Option<TempDir>,
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
        if !in_container {
            return Ok(Self { root: None, program: program.to_owned() });
        }
        let root = tempfile::tempdir()?;
        let listed = Command::new("ldd").arg(program).output()?.stdout;
        let listed = String::from_utf8_lossy(&listed).into_owned();
        let libraries = listed.split_whitespace().filter(|word| word.starts_with('/'));
        for library in libraries.map(Path::new) {
            let copy = root.path().join(library.strip_prefix("/").map_err(io::Error::other)?);
            copy.parent().map_or(Ok(()), fs::create_dir_all)?;
            fs::copy(library, copy)?;
        }
        fs::copy(program, root.path().join("program"))?;
        Ok(Self { root: Some(root), program: "/program".into() })
    }

    /// A command that runs the program, without variables.
    #[must_use]
    pub fn command(&self) -> Command {
        let mut command = match &self.root {
            None => Command::new(&self.program),
            Some(root) => {
                let mut command = Command::new("/usr/sbin/chroot");
                command.arg(root.path()).arg(&self.program);
                command
            }
        };
        command.env_clear();
        command
    }
}
