//! A PostgreSQL server of a test's own, and a standby of it.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use sqlx::{Connection, PgConnection};
use tempfile::TempDir;

use super::place::now;

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
        let url = run("start", folder.path(), &[]);
        Self { folder, url }
    }

    /// Starts a hot standby of this server, which confirms no commit from then on that the standby does not have.
    ///
    /// # Errors
    ///
    /// When this server is stopped meanwhile.
    pub fn standby(&self) -> Result<Self, String> {
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        let primary = self.folder.path().to_string_lossy();
        let url = try_to("standby", folder.path(), &[&primary])?;
        Ok(Self { folder, url })
    }

    /// Waits until the standby confirms each commit and has all earlier ones. Whether it did in time.
    #[must_use]
    pub fn is_replicated_within(&self, patience: Duration) -> bool {
        let deadline = Instant::now() + patience;
        while now(self.position_if_synchronous()).is_none_or(|it| !now(self.has_standby_at(&it))) {
            if Instant::now() > deadline {
                return false;
            }
            thread::sleep(Duration::from_millis(50));
        }
        true
    }

    /// Where the log ends, if a standby confirms each commit. What was committed before that was so is before this
    /// position, after a moment.
    async fn position_if_synchronous(&self) -> Option<String> {
        let mut connection = PgConnection::connect(&self.url).await.ok()?;
        let standbys = "SELECT count(*) FROM pg_stat_replication
                        WHERE sync_state = 'sync' AND state = 'streaming'";
        let standbys: i64 = sqlx::query_scalar(standbys).fetch_one(&mut connection).await.ok()?;
        if standbys == 0 {
            return None;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
        let position = sqlx::query_scalar("SELECT pg_current_wal_lsn()::text");
        position.fetch_one(&mut connection).await.ok()
    }

    async fn has_standby_at(&self, position: &str) -> bool {
        let Ok(mut connection) = PgConnection::connect(&self.url).await else { return false };
        let standby = "SELECT count(*) FROM pg_stat_replication
                       WHERE sync_state = 'sync' AND flush_lsn >= $1::pg_lsn";
        let standby = sqlx::query_scalar(standby).bind(position).fetch_one(&mut connection).await;
        standby.is_ok_and(|standbys: i64| standbys > 0)
    }

    /// Makes a standby the primary.
    pub fn promote(&self) {
        run("promote", self.folder.path(), &[]);
    }

    /// Its address.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.url.split(['@', '/']).nth(3).unwrap().parse().unwrap()
    }

    /// Stops it as a machine's end would.
    pub fn stop(&self) {
        run("stop", self.folder.path(), &["immediate"]);
    }

    /// Starts it again, at the same place.
    pub fn start_again(&self) {
        run("start", self.folder.path(), &[]);
    }

    /// Kills it with all that it has started, as the loss of its machine does.
    pub fn kill(&self) {
        self.signal(Signal::SIGKILL);
        // Nothing is to take another process for it.
        let _ = std::fs::remove_file(self.lock());
    }

    /// Makes it silent, with its connections open, until [`thaw`](Self::thaw).
    pub fn freeze(&self) {
        self.signal(Signal::SIGSTOP);
    }

    /// Lets it go on.
    pub fn thaw(&self) {
        self.signal(Signal::SIGCONT);
    }

    /// The file with the number of its main process.
    fn lock(&self) -> PathBuf {
        self.folder.path().join("data/postmaster.pid")
    }

    /// Signals the server's main process and all that it has started.
    fn signal(&self, signal: Signal) {
        // It may have been stopped.
        let Ok(lock) = std::fs::read_to_string(self.lock()) else { return };
        let main: i32 = lock.lines().next().unwrap().parse().unwrap();
        let children = std::fs::read_to_string(format!("/proc/{main}/task/{main}/children"));
        let children = children.unwrap();
        let children = children.split_whitespace().map(|child| child.parse().unwrap());
        for process in std::iter::once(main).chain(children) {
            // One may have ended meanwhile.
            let _ = kill(Pid::from_raw(process), signal);
        }
    }
}

fn run(command: &str, folder: &Path, more: &[&str]) -> String {
    try_to(command, folder, more).unwrap()
}

fn try_to(command: &str, folder: &Path, more: &[&str]) -> Result<String, String> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("postgres");
    let output = Command::new(script).arg(command).arg(folder).args(more).output();
    let output = output.map_err(|error| error.to_string())?;
    if !output.status.success() {
        return Err(format!("{command}: {output:?}"));
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

impl Drop for TestPostgres {
    fn drop(&mut self) {
        self.thaw();
        let _ = try_to("stop", self.folder.path(), &["immediate"]);
    }
}
