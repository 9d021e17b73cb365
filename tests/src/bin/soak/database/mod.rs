//! The database: a server with a standby that confirms each commit, behind a proxy that leads to the primary.

mod proxy;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tests::background::TestPostgres;

pub(crate) use proxy::{DatabaseProxy, NetworkFault};

/// How long a standby may take until it has everything.
const REPLICATION: Duration = Duration::from_secs(180);

/// How long all attempts to build one may take.
const STANDBY: Duration = Duration::from_secs(600);

/// A PostgreSQL server, its standby, and the proxy in front of them.
#[derive(Debug)]
pub(crate) struct DatabaseCluster {
    pub(crate) proxy: DatabaseProxy,
    primary: Arc<TestPostgres>,
    /// Builds the standby; `None` if there is none.
    standby: Option<JoinHandle<Result<TestPostgres, String>>>,
    /// Ends the attempts to build one.
    is_over: Arc<AtomicBool>,
}

impl DatabaseCluster {
    /// Starts a server, and a standby if it is to fail over.
    pub(crate) fn start(has_standby: bool) -> Self {
        let primary = Arc::new(TestPostgres::start());
        let proxy = DatabaseProxy::to(primary.address()).unwrap();
        let mut cluster = Self { proxy, primary, standby: None, is_over: Arc::default() };
        if has_standby {
            cluster.build_standby();
        }
        cluster
    }

    /// Builds a standby meanwhile. The primary may be restarted: then it is tried again.
    fn build_standby(&mut self) {
        let (primary, is_over) = (Arc::clone(&self.primary), Arc::clone(&self.is_over));
        let deadline = Instant::now() + STANDBY;
        self.standby = Some(thread::spawn(move || {
            loop {
                let built = primary.standby().and_then(|standby| {
                    let is_replica = primary.is_replicated_within(REPLICATION);
                    if is_replica { Ok(standby) } else { Err("it has not everything".to_owned()) }
                });
                let is_late = is_over.load(Ordering::Relaxed) || Instant::now() > deadline;
                if built.is_ok() || is_late {
                    return built;
                }
                thread::sleep(Duration::from_millis(500));
            }
        }));
    }

    /// Stops the primary as a crash does, and starts it again after this time.
    pub(crate) fn restart(&self, after: Duration) {
        self.primary.stop();
        thread::sleep(after);
        self.primary.start_again();
    }

    /// Kills the primary, makes the standby the primary after this time, and builds another standby.
    pub(crate) fn fail_over(&mut self, after: Duration) {
        let standby = self.standby.take().unwrap().join().unwrap().unwrap();
        // Commits before the last restart of the primary may not be on the standby yet.
        assert!(self.primary.is_replicated_within(REPLICATION), "the standby is not connected");
        self.primary.kill();
        thread::sleep(after);
        standby.promote();
        self.proxy.lead_to(standby.address());
        self.primary = Arc::new(standby);
        self.build_standby();
    }
}

impl Drop for DatabaseCluster {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        let _ = self.standby.take().map(JoinHandle::join);
    }
}
