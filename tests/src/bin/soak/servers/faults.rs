//! What is done to the servers.

use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use serde_json::json;
use tests::client::request;
use tests::program::{OutputReading, Program};

use super::{LEASE, SECRET, SoakServers};
use crate::database::NetworkFault;
use crate::plan::{FaultStep, SoakFault};

/// How long a server may take to respond while nobody reads its log.
const RESPONSE: Duration = Duration::from_secs(60);

impl SoakServers<'_> {
    /// Makes a fault happen.
    pub(crate) fn apply(&mut self, step: &FaultStep) {
        self.count(step.kind.name());
        let program = &self.running[step.server].program;
        match step.kind {
            SoakFault::Kill => self.replace(step.server, Program::kill),
            SoakFault::Stop => {
                if step.form.is_multiple_of(2) {
                    self.compare_and_stop(step.server);
                } else {
                    self.replace(step.server, Program::stop);
                }
            }
            SoakFault::KillEarly => {
                // Of a file, one that does not start, because another one runs.
                let program = self.spawn();
                thread::sleep(step.lasts);
                self.end(program, false, Program::kill);
            }
            SoakFault::Freeze => {
                program.signal(Signal::SIGSTOP).unwrap();
                thread::sleep(step.lasts);
                let process = program.id();
                self.records.write("continued", "-", process);
                program.signal(Signal::SIGCONT).unwrap();
                // It may be killed before it says so itself.
                if !self.place.is_file() && step.lasts >= LEASE {
                    self.without_lease.insert(process);
                }
            }
            SoakFault::LogStalled => {
                program.set_reading(OutputReading::Stalled);
                self.fill_log(step.server);
                thread::sleep(step.lasts);
                self.check_response(step.server, "while its log is not read");
                self.running[step.server].program.set_reading(OutputReading::Followed);
            }
            SoakFault::LogClosed => {
                program.set_reading(OutputReading::Closed);
                self.running[step.server].is_log_closed = true;
                thread::sleep(step.lasts);
                self.check_response(step.server, "without a reader of its log");
            }
            SoakFault::ShareServer => match step.form {
                0 => self.share_server.expire(),
                _ => self.share_server.restart(step.lasts),
            },
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
                let proxy = &self.database.as_ref().unwrap().proxy;
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
            SoakFault::Database => self.database.as_ref().unwrap().restart(step.lasts),
            SoakFault::Failover => self.database.as_mut().unwrap().fail_over(step.lasts),
        }
    }

    /// Ends a server, and starts another one.
    fn replace(&mut self, at: usize, end: fn(Program) -> tests::program::Ended) {
        let server = self.take(at);
        self.end(server.program, server.is_log_closed, end);
        self.start();
    }

    /// The same, with a comparison of what it counted when it has responded to its last request.
    fn compare_and_stop(&mut self, at: usize) {
        let server = self.take(at);
        let _ = self.compare(&server.life);
        self.end(server.program, server.is_log_closed, Program::stop);
        self.start();
    }

    /// Lets a function log more than a pipe and the program's buffer take.
    fn fill_log(&self, at: usize) {
        let body = json!({ "lines": 500, "length": 4000 }).to_string();
        // The store may be away.
        let _ = self.post(at, "logs", &body);
    }

    /// Checks that a server responds.
    fn check_response(&mut self, at: usize, when: &str) {
        let deadline = Instant::now() + RESPONSE;
        while self.post(at, "answered", "{}") != Some(200) {
            if Instant::now() > deadline || !self.running[at].program.is_running() {
                let process = self.running[at].life.process;
                return self.faults.push(format!("process {process} does not respond {when}"));
            }
            thread::sleep(Duration::from_millis(50));
        }
    }

    fn post(&self, at: usize, function: &str, body: &str) -> Option<u16> {
        let secret = format!("X-Webhook-Secret: {SECRET}");
        let headers = ["Content-Type: application/json", &secret];
        let url = &self.running[at].life.url;
        let response = request(url, &format!("POST /webhooks/{function}"), &headers, body);
        response.ok().map(|response| response.status)
    }
}

/// Limits the length of the files that a program writes. What is set has no effect on a limit that nothing can raise
/// again.
fn limit_files(program: &Program, limit: &str) {
    let arguments = ["--pid", &program.id().to_string(), &format!("--fsize={limit}")];
    let limited = Command::new("prlimit").args(arguments).status().unwrap();
    assert!(limited.success());
}
