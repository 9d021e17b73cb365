//! The servers of a store: their start, their end, and how clients reach them.

mod faults;
mod life;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, RwLock};
use std::thread;
use std::time::{Duration, Instant};

use fastrand::Rng;
use tests::background::kills::LinkRoute;
use tests::background::{FakeClock, Place};
use tests::client::{PAGE_TOKEN, request_for};
use tests::program::{Ended, Program};

use crate::database::DatabaseCluster;
use crate::records::Records;
use crate::share_link::SoakShareServer;
use crate::trace_sink::TraceSink;

pub(crate) use life::{DeliveryCounts, INLINE, ServerLife};

/// The secret of every server. Nobody may see it.
pub(crate) const SECRET: &str = "planted-secret-of-the-soak";

/// The token of the metrics. Nobody may see it, either.
pub(crate) const METRICS_TOKEN: &str = "planted-token-of-the-metrics";

/// The lease of each server. After its death, its deliveries run elsewhere this much later at the earliest.
const LEASE: Duration = Duration::from_secs(2);

/// How long a server may take to start on a busy machine, and how long all attempts to start one.
const START: [Duration; 2] = [Duration::from_secs(60), Duration::from_secs(300)];

/// How long a share link may take to open again.
const LINK: Duration = Duration::from_secs(120);

/// How clients reach the servers that run now.
#[derive(Debug, Default)]
pub(crate) struct ServerRoutes {
    pub(crate) urls: RwLock<Vec<String>>,
    /// The same servers, in the same order.
    pub(crate) lives: RwLock<Vec<Arc<ServerLife>>>,
    /// The share links that are known to have been open.
    pub(crate) links: RwLock<Vec<LinkRoute>>,
}

impl ServerRoutes {
    /// Chooses one of the servers, and lets `begin` note a request to it before the server can be taken out.
    pub(crate) fn choose(
        &self,
        random: &mut Rng,
        begin: impl FnOnce(&ServerLife),
    ) -> Option<Arc<ServerLife>> {
        let lives = self.lives.read().unwrap();
        let life = (!lives.is_empty()).then(|| &lives[random.usize(..lives.len())])?;
        begin(life);
        Some(Arc::clone(life))
    }
}

/// A server that runs.
#[derive(Debug)]
pub(crate) struct SoakServer {
    pub(crate) program: Program,
    pub(crate) life: Arc<ServerLife>,
    is_log_closed: bool,
}

/// The servers that run now.
pub(crate) struct SoakServers<'a> {
    pub(crate) place: &'a Place,
    pub(crate) running: Vec<SoakServer>,
    pub(crate) routes: &'a ServerRoutes,
    pub(crate) records: &'a Records,
    clock: Option<FakeClock>,
    database: Option<&'a mut DatabaseCluster>,
    share_server: SoakShareServer,
    pub(crate) traces: TraceSink,
    /// The processes whose lease ended while they ran, or of which that is not known.
    pub(crate) without_lease: BTreeSet<u32>,
    /// What was done, how often.
    pub(crate) done: BTreeMap<&'static str, usize>,
    /// What is wrong with what the servers did and printed.
    pub(crate) faults: Vec<String>,
}

impl<'a> SoakServers<'a> {
    pub(crate) fn new(
        place: &'a Place,
        routes: &'a ServerRoutes,
        records: &'a Records,
        database: Option<&'a mut DatabaseCluster>,
    ) -> Self {
        Self {
            place,
            running: Vec::new(),
            routes,
            records,
            clock: place.is_file().then(|| FakeClock::new(place)),
            database,
            share_server: SoakShareServer::start(),
            traces: TraceSink::start().unwrap(),
            without_lease: BTreeSet::new(),
            done: BTreeMap::new(),
            faults: Vec::new(),
        }
    }

    fn count(&mut self, what: &'static str) {
        *self.done.entry(what).or_default() += 1;
    }

    fn spawn(&self) -> Program {
        let share_server = self.share_server.address();
        let lease = LEASE.as_secs().to_string();
        let mut variables = vec![
            ("JOURNAL", self.records.pipe.to_str().unwrap()),
            ("WEBHOOK_SECRET", SECRET),
            ("WEBHOOKS_METRICS", "true"),
            ("WEBHOOKS_METRICS_TOKEN", METRICS_TOKEN),
            ("LEASE_SECONDS", lease.as_str()),
            ("GRADIO_SHARE", "true"),
            ("GRADIO_SHARE_SERVER_ADDRESS", share_server.as_str()),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", self.traces.url.as_str()),
            ("XDG_STATE_HOME", self.place.folder().to_str().unwrap()),
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
        let deadline = Instant::now() + START[1];
        loop {
            let program = self.spawn();
            if let Some(url) = local_url(&program) {
                let life = Arc::new(ServerLife::new(url.clone(), program.id()));
                self.routes.urls.write().unwrap().push(url);
                self.routes.lives.write().unwrap().push(Arc::clone(&life));
                self.running.push(SoakServer { program, life, is_log_closed: false });
                return;
            }
            self.end(program, false, Program::kill);
            self.count("failed starts");
            assert!(Instant::now() < deadline, "no server starts any more");
        }
    }

    /// Lets clients know the share links of the servers that run.
    pub(crate) fn update_links(&self) {
        let links =
            self.running.iter().filter_map(|server| self.share_server.route(&server.program));
        *self.routes.links.write().unwrap() = links.collect();
    }

    /// Sleeps, and lets clients know links that open meanwhile.
    pub(crate) fn sleep(&self, time: Duration) {
        let end = Instant::now() + time;
        while Instant::now() < end {
            self.update_links();
            let left = end.saturating_duration_since(Instant::now());
            thread::sleep(left.min(Duration::from_millis(50)));
        }
    }

    /// Takes a server that clients don't reach any more.
    fn take(&mut self, at: usize) -> SoakServer {
        self.routes.urls.write().unwrap().remove(at);
        self.routes.lives.write().unwrap().remove(at);
        let server = self.running.remove(at);
        self.update_links();
        if !server.program.is_running() {
            self.faults.push(format!("process {} has ended by itself", server.life.process));
        }
        server
    }

    fn end(&mut self, program: Program, is_log_closed: bool, end: fn(Program) -> Ended) {
        let process = program.id();
        let ended = end(program);
        self.records.write("killed", "-", process);
        // Not if it only says that another one's did. Without its whole log, it may have ended.
        let is_log_lost = is_log_closed || ended.stderr.contains("log lines were lost");
        if is_log_lost || ended.stderr.contains("lease expired: this") {
            self.without_lease.insert(process);
        }
        for text in [&ended.stdout, &ended.stderr] {
            for secret in [SECRET, PAGE_TOKEN.1, METRICS_TOKEN] {
                if text.contains(secret) {
                    self.faults.push(format!("process {process} printed a secret"));
                }
            }
            if let Some(line) = text.lines().find(|line| line.contains("panicked at")) {
                self.faults.push(format!("process {process} panicked: {line}"));
            }
        }
    }

    /// Ends all of them as a process manager does, and returns what they counted.
    pub(crate) fn stop_all(&mut self) -> Vec<DeliveryCounts> {
        let mut counts = Vec::new();
        while !self.running.is_empty() {
            let server = self.take(0);
            counts.extend(self.compare(&server.life));
            self.end(server.program, server.is_log_closed, Program::stop);
        }
        counts
    }

    /// Compares what clients got with what a server counted.
    fn compare(&mut self, life: &ServerLife) -> Option<DeliveryCounts> {
        self.count("comparisons");
        life.compare().map_err(|fault| self.faults.push(fault)).ok()
    }

    /// Checks that the link of each server is open, after a while.
    pub(crate) fn check_links(&mut self) {
        let deadline = Instant::now() + LINK;
        let is_open = |route: &LinkRoute| {
            let LinkRoute { share_server, host } = route;
            let health = request_for(host, share_server, "GET /health", &[], "");
            health.is_ok_and(|health| health.status == 200)
        };
        for server in self.running.iter().filter(|server| !server.is_log_closed) {
            while !self.share_server.route(&server.program).is_some_and(|route| is_open(&route)) {
                if Instant::now() > deadline {
                    let process = server.life.process;
                    self.faults.push(format!("the link of process {process} does not open again"));
                    break;
                }
                thread::sleep(Duration::from_millis(100));
            }
        }
    }
}

/// Waits for the local URL of a server that starts; `None` if it ends before.
fn local_url(program: &Program) -> Option<String> {
    let deadline = Instant::now() + START[0];
    while Instant::now() < deadline {
        // In this order: it may print its last words in between.
        let is_running = program.is_running();
        if let Some(line) = program.printed("* Running on local URL:") {
            return line.rsplit(' ').next().map(str::to_owned);
        }
        if !is_running {
            break;
        }
        thread::sleep(Duration::from_millis(10));
    }
    None
}
