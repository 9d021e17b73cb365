//! The servers of a store, and what is done to them.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;
use std::sync::RwLock;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use tests::background::{FakeClock, Place, TestPostgres};
use tests::client::PAGE_TOKEN;
use tests::program::{Ended, Program};

use crate::database_proxy::{DatabaseProxy, NetworkFault};
use crate::plan::{FaultStep, SoakFault};
use crate::records::Records;

/// The secret of every server. It is planted: nobody may see it.
pub(crate) const SECRET: &str = "planted-secret-of-the-soak";

/// A server that is lost is missed when its lease has run out.
const LEASE: &str = "2";

/// The servers that run now.
pub(crate) struct SoakServers<'a> {
    pub(crate) place: &'a Place,
    pub(crate) running: Vec<Program>,
    /// Their URLs, in the same order.
    pub(crate) urls: &'a RwLock<Vec<String>>,
    records: &'a Records,
    clock: Option<FakeClock>,
    /// The database and the way to it.
    pub(crate) database: Option<(&'a TestPostgres, &'a DatabaseProxy)>,
    /// The processes whose lease ended while they ran.
    pub(crate) without_lease: BTreeSet<u32>,
    /// What was done, how often.
    pub(crate) done: BTreeMap<&'static str, usize>,
    /// What is wrong with what the servers printed.
    pub(crate) faults: Vec<String>,
}

impl<'a> SoakServers<'a> {
    pub(crate) fn new(
        place: &'a Place,
        urls: &'a RwLock<Vec<String>>,
        records: &'a Records,
        database: Option<(&'a TestPostgres, &'a DatabaseProxy)>,
    ) -> Self {
        Self {
            place,
            running: Vec::new(),
            urls,
            records,
            clock: place.is_file().then(|| FakeClock::new(place)),
            database,
            without_lease: BTreeSet::new(),
            done: BTreeMap::new(),
            faults: Vec::new(),
        }
    }

    fn spawn(&self) -> Program {
        let mut variables = vec![
            ("JOURNAL", self.records.pipe.to_str().unwrap()),
            ("WEBHOOK_SECRET", SECRET),
            ("WEBHOOKS_METRICS", "true"),
            ("LEASE_SECONDS", LEASE),
            PAGE_TOKEN,
        ];
        if let Some(clock) = &self.clock {
            variables.extend(clock.variables());
        }
        // A limit of its files is to be a failure, no signal.
        self.place.start_after("trap '' XFSZ", &variables)
    }

    /// Starts a server. It does not start while the database is away, as its restart policy knows.
    pub(crate) fn start(&mut self) {
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            let program = self.spawn();
            let url =
                std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| program.local_url()));
            if let Ok(url) = url {
                self.urls.write().unwrap().push(url);
                self.running.push(program);
                return;
            }
            self.end(program, Program::kill);
            *self.done.entry("failed starts").or_default() += 1;
            assert!(Instant::now() < deadline, "no server starts any more");
        }
    }

    /// Ends a server, and starts another one.
    fn replace(&mut self, at: usize, end: fn(Program) -> Ended) {
        self.urls.write().unwrap().remove(at);
        let program = self.running.remove(at);
        self.end(program, end);
        self.start();
    }

    fn end(&mut self, program: Program, end: fn(Program) -> Ended) {
        let process = program.id();
        let ended = end(program);
        self.records.write("killed", process);
        // Not if it only says that another one's did.
        if ended.stderr.contains("lease expired: this") {
            self.without_lease.insert(process);
        }
        for text in [&ended.stdout, &ended.stderr] {
            for secret in [SECRET, PAGE_TOKEN.1] {
                if text.contains(secret) {
                    self.faults.push(format!("process {process} printed a secret"));
                }
            }
            if let Some(line) = text.lines().find(|line| line.contains("panicked at")) {
                self.faults.push(format!("process {process} panicked: {line}"));
            }
        }
    }

    /// Ends all of them as a process manager does.
    pub(crate) fn stop_all(&mut self) {
        self.urls.write().unwrap().clear();
        for program in std::mem::take(&mut self.running) {
            self.end(program, Program::stop);
        }
    }

    /// Makes a fault happen.
    pub(crate) fn apply(&mut self, step: &FaultStep) {
        *self.done.entry(step.kind.name()).or_default() += 1;
        let program = &self.running[step.server];
        match step.kind {
            SoakFault::Kill => self.replace(step.server, Program::kill),
            SoakFault::Stop => self.replace(step.server, Program::stop),
            SoakFault::KillEarly => {
                // Of a file, one that does not start, because another one runs.
                let program = self.spawn();
                thread::sleep(step.lasts);
                self.end(program, Program::kill);
            }
            SoakFault::Freeze => {
                program.signal(Signal::SIGSTOP).unwrap();
                thread::sleep(step.lasts);
                self.records.write("continued", program.id());
                program.signal(Signal::SIGCONT).unwrap();
            }
            SoakFault::Clock => {
                let offset = ["+6h", "-6h", "+90s", "+0"][usize::from(step.form % 4)];
                self.clock.as_ref().unwrap().set(offset);
            }
            SoakFault::Disk => {
                let file = std::fs::metadata(self.place.store()).unwrap().len();
                limit_files(program, &format!("{}:", file / 2));
                thread::sleep(step.lasts);
                limit_files(program, "unlimited");
            }
            SoakFault::Network => {
                let proxy = self.database.unwrap().1;
                let network_faults = [
                    NetworkFault::Silent,
                    NetworkFault::Slow,
                    NetworkFault::Closed,
                    NetworkFault::Reset,
                ];
                proxy.set(network_faults[usize::from(step.form % 4)]);
                thread::sleep(step.lasts);
                proxy.set(NetworkFault::None);
            }
            SoakFault::Database => {
                let server = self.database.unwrap().0;
                server.stop();
                thread::sleep(step.lasts);
                server.start_again();
            }
        }
    }
}

/// Limits the length of the files that a program writes. What is set has no effect on a limit that nothing can raise
/// again.
fn limit_files(program: &Program, limit: &str) {
    let arguments = ["--pid", &program.id().to_string(), &format!("--fsize={limit}")];
    let limited = Command::new("prlimit").args(arguments).status().unwrap();
    assert!(limited.success());
}
