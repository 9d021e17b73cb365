//! Programs whose standard output or standard error cannot be written: the disk is full, the reader is gone,
//! or it has stopped reading. They still serve, run accepted deliveries, and shut down on a signal.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on")]

use std::fs::{File, OpenOptions};
use std::io::{self, PipeReader, PipeWriter, Read, Write, pipe};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::Duration;

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;
use tests::background::{Place, wait_until};
use tests::client::{connect, get, head, post, read_answer, request};
use tests::payloads::dataset_commit;
use tests::programs::slow;

/// A server whose output goes where a test wants it, in a folder of its own.
struct OutputServer {
    child: Child,
    url: String,
    folder: TempDir,
}

impl OutputServer {
    fn start(
        program: &Path,
        stdout: impl Into<Stdio>,
        stderr: impl Into<Stdio>,
        variables: &[(&str, &str)],
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        // A port that was free a moment ago.
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let child = Command::new(program)
            .args(["--port", &port.to_string()])
            .current_dir(folder.path())
            .env_clear()
            .env("GRADIO_SHARE", "false")
            .env("JOURNAL", folder.path().join("journal"))
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .stdout(stdout)
            .stderr(stderr)
            .spawn()
            .unwrap();
        let server = Self { child, url: format!("http://127.0.0.1:{port}"), folder };
        wait_until("the server serves", || get(&server.url, "/health").is_ok());
        server
    }

    fn post(&self, path: &str) -> u16 {
        let body = dataset_commit().to_string();
        post(&self.url, path, &body).map_or(0, |answer| answer.status)
    }

    /// What the functions in the background have written down.
    fn journal(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("journal")).unwrap_or_default()
    }

    /// Whether it ends with 0 after a signal.
    fn stops_at(&mut self, signal: Signal) {
        let pid = Pid::from_raw(self.child.id().try_into().unwrap());
        kill(pid, signal).unwrap();
        let mut ended: Option<ExitStatus> = None;
        wait_until("the server stops", || {
            ended = self.child.try_wait().unwrap();
            ended.is_some()
        });
        assert_eq!(ended.and_then(|status| status.code()), Some(0), "{signal}");
    }
}

impl Drop for OutputServer {
    fn drop(&mut self) {
        // An error says that it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn full_disk() -> File {
    OpenOptions::new().write(true).open("/dev/full").unwrap()
}

/// A pipe whose reader is gone.
fn unread() -> PipeWriter {
    pipe().unwrap().1
}

/// A pipe that is full, and the reader that doesn't read it.
fn stalled() -> (PipeReader, PipeWriter) {
    let (reader, mut writer) = pipe().unwrap();
    fcntl(&writer, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).unwrap();
    let full = io::copy(&mut io::repeat(b'.'), &mut writer).unwrap_err();
    assert_eq!(full.kind(), io::ErrorKind::WouldBlock);
    fcntl(&writer, FcntlArg::F_SETFL(OFlag::empty())).unwrap();
    (reader, writer)
}

fn serves_and_runs_without(stdout: impl Into<Stdio>, stderr: impl Into<Stdio>) {
    let mut server = OutputServer::start(tests::background::program(), stdout, stderr, &[]);
    for _ in 0..3 {
        assert_eq!(server.post("/webhooks/payload"), 202);
    }
    wait_until("the deliveries run", || server.journal().lines().count() == 3);
    // One that fails is tried again, and one that panics is dead.
    for path in ["/webhooks/recovers", "/webhooks/panics"] {
        assert_eq!(server.post(path), 202);
    }
    let place = Place::file_in(server.folder.path());
    place.wait_for_all();
    let kept: Vec<_> =
        place.kept().into_iter().map(|it| (it.function, it.state, it.attempt)).collect();
    let ran = |function: &str, state, attempt| (function.to_owned(), state, attempt);
    let payload = || ran("payload", "done", 1);
    let expected =
        [payload(), payload(), payload(), ran("recovers", "done", 2), ran("panics", "dead", 1)];
    assert_eq!(kept, expected);
    // What is rejected is logged, too.
    assert_eq!(post(&server.url, "/webhooks/payload", "{").unwrap().status, 422);
    server.stops_at(Signal::SIGTERM);
}

#[test]
fn a_full_disk_costs_no_delivery_and_no_start() {
    serves_and_runs_without(full_disk(), full_disk());
}

#[test]
fn a_log_filter_that_is_not_understood_costs_no_start_though_nothing_can_be_written() {
    for filter in ["debug=loud", "=,=", "webhooks_runtime=7=7", ",", "trace"] {
        let variables = [("RUST_LOG", filter)];
        let mut server = OutputServer::start(&slow(), Stdio::null(), full_disk(), &variables);
        assert_eq!(server.post("/webhooks/second"), 200, "{filter}");
        server.stops_at(Signal::SIGTERM);
    }
}

#[test]
fn what_other_crates_log_of_a_request_is_escaped_and_cut() {
    let (mut reader, stderr) = pipe().unwrap();
    let variables = [("RUST_LOG", "trace")];
    let mut server = OutputServer::start(&slow(), Stdio::null(), stderr, &variables);
    let reading = thread::spawn(move || {
        let mut text = Vec::new();
        reader.read_to_end(&mut text).unwrap();
        text
    });
    let orders = "\u{1b}[2J\u{9b}31m\u{202e}";
    let long = format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", "y".repeat(100_000));
    for bytes in [orders.as_bytes(), b"\x1b[2J\xff\r\nERROR forged\r\n\r\n", long.as_bytes()] {
        let mut connection = connect(&server.url).unwrap();
        connection.write_all(bytes).unwrap();
        let _ = connection.write_all(b"\r\n\r\n");
        // A response or none, and the end.
        let _ = connection.read_to_end(&mut Vec::new());
    }
    server.stops_at(Signal::SIGTERM);
    let text = String::from_utf8(reading.join().unwrap()).unwrap();
    // The log is one of everything.
    assert!(text.contains("stream error"), "{text:.2000}");
    let order = text.chars().find(|it| (it.is_control() && *it != '\n') || *it == '\u{202e}');
    assert_eq!(order, None);
    let longest = text.lines().map(str::len).max().unwrap_or_default();
    assert!(longest < 200_000, "{longest}");
    assert!(text.lines().all(|line| !line.starts_with("ERROR forged")));
}

#[test]
fn a_reader_that_is_gone_costs_no_delivery_and_no_start() {
    serves_and_runs_without(unread(), unread());
}

#[test]
fn a_reader_that_has_stopped_reading_costs_no_delivery_and_no_start() {
    let (reader, writer) = stalled();
    serves_and_runs_without(writer.try_clone().unwrap(), writer);
    drop(reader);
}

#[test]
fn a_panic_is_answered_where_nothing_can_be_written() {
    for stderr in [Stdio::from(full_disk()), Stdio::from(unread())] {
        let mut server = OutputServer::start(&slow(), Stdio::null(), stderr, &[]);
        for path in ["/webhooks/panics", "/webhooks/fails", "/webhooks/panics"] {
            assert_eq!(server.post(path), 500, "{path}");
        }
        server.stops_at(Signal::SIGINT);
    }
    let (reader, writer) = stalled();
    let mut server = OutputServer::start(&slow(), Stdio::null(), writer, &[]);
    for path in ["/webhooks/panics", "/webhooks/fails", "/webhooks/panics"] {
        assert_eq!(server.post(path), 500, "{path}");
    }
    server.stops_at(Signal::SIGINT);
    drop(reader);
}

#[test]
fn a_reader_that_stops_for_a_while_is_told_how_many_lines_it_missed() {
    let (mut reader, writer) = stalled();
    let variables = [("RUST_LOG", "webhooks_runtime=info")];
    let mut server = OutputServer::start(&slow(), Stdio::null(), writer, &variables);
    // More than what waits to be written: 4,000 lines, each of them longer than the id in it.
    let id = format!("Webhook-Id: {}", "7".repeat(500));
    let mut stream = connect(&server.url).unwrap();
    let bytes = head("POST /webhooks/fails", &[&id, "Content-Length: 2"]) + "{}";
    for _ in 0..4000 {
        stream.write_all(bytes.as_bytes()).unwrap();
        assert_eq!(read_answer(&mut stream).unwrap().status, 500);
    }
    let (read, lines) = std::sync::mpsc::channel();
    let reading = thread::spawn(move || {
        let mut text = Vec::new();
        let mut piece = [0; 4096];
        while let Ok(bytes @ 1..) = reader.read(&mut piece) {
            text.extend_from_slice(&piece[..bytes]);
            if String::from_utf8_lossy(&text).contains("log lines were lost") {
                let _ = read.send(());
            }
        }
        String::from_utf8(text).unwrap()
    });
    lines.recv_timeout(Duration::from_secs(20)).unwrap();
    request(&server.url, "POST /webhooks/fails", &["Webhook-Id: later"], "{}").unwrap();
    server.stops_at(Signal::SIGTERM);
    drop(server);
    let text = reading.join().unwrap();
    let line = text.lines().find(|line| line.contains("log lines were lost")).unwrap();
    let count: usize = line.rsplit("count=").next().unwrap().parse().unwrap();
    assert!(line.contains(" WARN "), "{line}");
    // Each delivery has two lines: why it failed, and its outcome.
    let written = text.lines().filter(|line| line.contains("/webhooks/fails")).count();
    assert_eq!(written + count, 2 * 4001, "{line}");
    assert!(text.contains("webhook_id=\"later\""));
}
