//! The share link: how many requests come through it, beside the same server reached directly and,
//! when `FRPC_BIN` names the public client, beside that one through the same share server.

use std::error::Error;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};
use tempfile::TempDir;
use tests::program::{Program, build};
use tests::share::{Terms, TestShareServer};

use crate::PROFILE;
use crate::load::Load;
use crate::numbers::{median, ratio};
use crate::server::{LOAD_CORE, PATH, SECRET, SERVER_CORE, pinned};
use crate::table::Table;

/// How many requests are in flight when the memory is read.
const IN_FLIGHT: usize = 1_000;

/// How long something may take that should come at once.
const PATIENCE: Duration = Duration::from_secs(60);

/// The argument with which the benchmark is a share server.
pub(crate) const SHARE_SERVER: &str = "share-server";

/// Is a share server until it is ended.
pub(crate) fn share_server() -> Result<(), Box<dyn Error>> {
    let server = TestShareServer::start(&Terms::default())?;
    let mut out = std::io::stdout();
    writeln!(out, "{} {}", server.address, server.public)?;
    out.flush()?;
    loop {
        std::thread::park();
    }
}

/// A process that is ended when this is dropped.
struct BenchProcess(Child);

impl Drop for BenchProcess {
    fn drop(&mut self) {
        // An error says that it has ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What was measured of each way, in requests per second.
#[derive(Default)]
struct LinkRates {
    direct: Vec<f64>,
    link: Vec<f64>,
    rival: Vec<f64>,
}

/// Measures and gives the tables.
pub(crate) fn measure(
    load: &Load,
    rounds: usize,
    seconds: u32,
    progress: fn(&str),
) -> Result<[Table; 2], Box<dyn Error>> {
    let program = build("fixture-measured", PROFILE);
    let home = tempfile::tempdir()?;
    let rival = std::env::var_os("FRPC_BIN");
    let mut rates = LinkRates::default();
    for round in 0..rounds {
        progress(&format!("link, round {} of {rounds}", round + 1));
        let (_share_server, control, public) = start_share_server()?;
        let mut command = pinned(SERVER_CORE, &program);
        command
            .args(["--port", "0", "--share-server", &control.to_string()])
            .env("XDG_STATE_HOME", home.path())
            .env("WEBHOOK_SECRET", SECRET)
            .env("RUST_LOG", "warn");
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
        let mut lines = BufReader::new(child.stdout.take().ok_or("no output")?).lines();
        let _program = BenchProcess(child);
        let mut url = |text: &str| -> Result<String, Box<dyn Error>> {
            loop {
                let line = lines.next().ok_or("the program ended")??;
                if line.contains(text) {
                    return Ok(line.rsplit(' ').next().unwrap_or_default().to_owned());
                }
            }
        };
        let local = url("* Running on local URL:")?;
        let host = url("* Running on public URL:")?.replace("http://", "");

        let direct = |rates: &mut LinkRates| -> Result<(), Box<dyn Error>> {
            rates.direct.push(load.run(&format!("{local}{PATH}"), None, seconds)?.rate);
            Ok(())
        };
        let public = format!("http://{public}{PATH}");
        let link = |rates: &mut LinkRates| -> Result<(), Box<dyn Error>> {
            rates.link.push(load.run(&public, Some(&host), seconds)?.rate);
            Ok(())
        };
        if round.is_multiple_of(2) {
            direct(&mut rates)?;
            link(&mut rates)?;
        } else {
            link(&mut rates)?;
            direct(&mut rates)?;
        }
        if let Some(rival) = &rival {
            let port = local.rsplit(':').next().unwrap_or_default();
            let _rival = BenchProcess(
                pinned(SERVER_CORE, rival)
                    .args(["http", "-n", "rival", "-l", port, "-i", "127.0.0.1", "--uc"])
                    .args(["--sd", "random", "--server_addr", &control.to_string()])
                    .stdout(Stdio::null())
                    .stderr(Stdio::null())
                    .spawn()?,
            );
            let name = Sha256::digest("rival");
            let host: String = name.iter().take(9).map(|byte| format!("{byte:02x}")).collect();
            let host = format!("{host}.localhost");
            await_answer(&public, &host)?;
            rates.rival.push(load.run(&public, Some(&host), seconds)?.rate);
        }
    }
    Ok([speed(&rates), memory(&home, progress)?])
}

/// Starts a share server on the core of the load.
fn start_share_server() -> Result<(BenchProcess, SocketAddr, SocketAddr), Box<dyn Error>> {
    let mut child = pinned(LOAD_CORE, std::env::current_exe()?)
        .arg(SHARE_SERVER)
        .stdout(Stdio::piped())
        .spawn()?;
    let mut line = String::new();
    BufReader::new(child.stdout.take().ok_or("no output")?).read_line(&mut line)?;
    let process = BenchProcess(child);
    let (control, public) = line.trim().split_once(' ').ok_or("no addresses")?;
    Ok((process, control.parse()?, public.parse()?))
}

/// Waits until a host is served.
fn await_answer(public: &str, host: &str) -> Result<(), Box<dyn Error>> {
    let address = public.trim_start_matches("http://").split('/').next().unwrap_or_default();
    let deadline = Instant::now() + PATIENCE;
    loop {
        let mut stream = TcpStream::connect(address)?;
        let head = format!("GET {PATH} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        stream.write_all(head.as_bytes())?;
        // Not 404: that is the share server's, and 405 is ours.
        if tests::client::read_answer(&mut stream).is_ok_and(|answer| answer.status == 405) {
            return Ok(());
        }
        if Instant::now() > deadline {
            return Err("the public client doesn't come up".into());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn speed(rates: &LinkRates) -> Table {
    let mut table = Table::new(&["through the share link", "median", "lowest", "highest"]);
    let mut compare = |name: &str, one: &[f64], other: &[f64]| {
        if !other.is_empty() {
            let ratio = ratio(one, other);
            let number = |value: f64| format!("{value:.3}");
            table.row([
                name.to_owned(),
                number(ratio.median),
                number(ratio.lowest),
                number(ratio.highest),
            ]);
        }
    };
    compare("requests/s: link / direct", &rates.link, &rates.direct);
    compare("requests/s: link / public client", &rates.link, &rates.rival);
    let whole = |values: &[f64]| crate::numbers::thousands(median(values));
    let lowest = rates.link.iter().copied().fold(f64::INFINITY, f64::min);
    let highest = rates.link.iter().copied().fold(0.0, f64::max);
    table.row([
        "requests/s".to_owned(),
        whole(&rates.link),
        crate::numbers::thousands(lowest),
        crate::numbers::thousands(highest),
    ]);
    table
}

/// The memory of a server that has many requests in flight, all through the link.
fn memory(home: &TempDir, progress: fn(&str)) -> Result<Table, Box<dyn Error>> {
    progress("memory of the link");
    let server =
        TestShareServer::start(&Terms { work_connections: IN_FLIGHT, ..Terms::default() })?;
    let variables =
        [("XDG_STATE_HOME", home.path().to_str().unwrap_or_default()), ("RUST_LOG", "warn")];
    let arguments = ["--port", "0", "--share-server", &server.address.to_string()];
    let program = Program::start(&build("fixture-slow", PROFILE), &arguments, &variables)?;
    let host = program.public_url().replace("http://", "");
    let before = program.memory()?;
    let body = "x".repeat(1_300);
    let head = format!(
        "POST /webhooks/hour HTTP/1.1\r\nHost: {host}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut visitors = Vec::new();
    for _ in 0..IN_FLIGHT {
        let mut visitor = TcpStream::connect(server.public)?;
        visitor.write_all(head.as_bytes())?;
        visitors.push(visitor);
    }
    let deadline = Instant::now() + PATIENCE;
    while program.started() < IN_FLIGHT {
        if Instant::now() > deadline {
            return Err(format!("only {} requests arrived", program.started()).into());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let mebibytes = |bytes: u64| format!("{:.1}", bytes as f64 / f64::from(1 << 20));
    let mut table = Table::new(&["through the share link", "resident memory, MiB"]);
    table.row(["no request".to_owned(), mebibytes(before)]);
    table.row(["1,000 requests in flight".to_owned(), mebibytes(program.memory()?)]);
    Ok(table)
}
