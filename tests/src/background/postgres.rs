//! A PostgreSQL server of a test's own.

use std::path::Path;
use std::process::Command;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

/// A PostgreSQL server of a test's own, that can be stopped.
#[derive(Debug)]
pub struct TestPostgres {
    folder: TempDir,
    /// Its URL.
    pub url: String,
}

impl TestPostgres {
    /// Starts one.
    #[must_use]
    pub fn start() -> Self {
        Self::start_in(tempfile::tempdir().unwrap())
    }

    /// Starts one in this folder.
    #[must_use]
    pub fn start_in(folder: TempDir) -> Self {
        let url = Self::run("start", folder.path(), &[]);
        Self { folder, url }
    }

    /// Stops it as a machine's end would.
    pub fn stop(&self) {
        Self::run("stop", self.folder.path(), &["immediate"]);
    }

    /// Starts it again, at the same place.
    pub fn start_again(&self) {
        Self::run("start", self.folder.path(), &[]);
    }

    /// Makes it silent, with its connections open, until [`thaw`](Self::thaw).
    pub fn freeze(&self) {
        self.signal(Signal::SIGSTOP);
    }

    /// Lets it go on.
    pub fn thaw(&self) {
        self.signal(Signal::SIGCONT);
    }

    /// Signals the server's main process and all that it has started.
    fn signal(&self, signal: Signal) {
        let lock = self.folder.path().join("data/postmaster.pid");
        // It may have been stopped.
        let Ok(lock) = std::fs::read_to_string(lock) else { return };
        let main: i32 = lock.lines().next().unwrap().parse().unwrap();
        let children = std::fs::read_to_string(format!("/proc/{main}/task/{main}/children"));
        let children = children.unwrap();
        let children = children.split_whitespace().map(|child| child.parse().unwrap());
        for process in std::iter::once(main).chain(children) {
            // One may have ended meanwhile.
            let _ = kill(Pid::from_raw(process), signal);
        }
    }

    fn run(command: &str, folder: &Path, more: &[&str]) -> String {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("postgres");
        let output = Command::new(script).arg(command).arg(folder).args(more).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }
}

impl Drop for TestPostgres {
    fn drop(&mut self) {
        self.thaw();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("postgres");
        let _ = Command::new(script).arg("stop").arg(self.folder.path()).arg("immediate").output();
    }
}
