//! The share link: a public URL for a program, through a share server.
//!
//! The tests of what a good server and the client do together run against the share server of this
//! crate and, where `SHARE_SERVER_BIN` names the public one, against that too.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on")]

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use tempfile::TempDir;
use tests::client::{Answer, PATIENCE, get, read_answer};
use tests::payloads::dataset_commit;
use tests::program::{OwnMachine, Program, build};
use tests::share::certificates::Certificates;
use tests::share::hostile::{HostileServer, Malice};
use tests::share::{ShareServer, Terms};
use webhooks_runtime::{OpenTunnel, Tunnel, TunnelEnd, TunnelError, WebhooksServer};

fn quickstart() -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| build("quickstart", "dev")).clone()
}

fn public() -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| build("fixture-public", "dev")).clone()
}

/// The folder in which a user's programs keep their state.
struct Home(TempDir);

impl Home {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> &str {
        self.0.path().to_str().unwrap()
    }

    /// Starts a program of this user with a link through the share server at an address.
    fn start(&self, program: &Path, server: SocketAddr, more: &[&str]) -> Program {
        let address = server.to_string();
        let arguments = [&["--port", "0", "--share-server", &address], more].concat();
        self.start_with(program, &arguments, &[])
    }

    fn start_with(
        &self,
        program: &Path,
        arguments: &[&str],
        variables: &[(&str, &str)],
    ) -> Program {
        let variables = [&[("XDG_STATE_HOME", self.path())], variables].concat();
        Program::start(program, arguments, &variables).unwrap()
    }
}

/// Runs a test with each share server that there is.
fn with_each_server(terms: &Terms, test: impl Fn(ShareServer)) {
    test(ShareServer::start(terms).unwrap());
    if let Some(program) = std::env::var_os("SHARE_SERVER_BIN") {
        test(ShareServer::start_real(program.into(), terms).unwrap());
    }
}

/// A connection of the internet's to a share server.
fn visit(server: &ShareServer) -> TcpStream {
    let stream = TcpStream::connect(server.public).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// A request's head for a public URL.
fn head(url: &str, path: &str, length: usize, more: &str) -> String {
    let host = url.split_once("://").unwrap().1;
    format!(
        "POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n\
         Content-Length: {length}\r\n{more}\r\n"
    )
}

/// Posts a body to a public URL. An error says that the answer didn't come whole.
fn post(server: &ShareServer, url: &str, path: &str, body: &str) -> std::io::Result<Answer> {
    let mut stream = TcpStream::connect(server.public)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(head(url, path, body.len(), "Connection: close\r\n").as_bytes())?;
    let mut reader = stream.try_clone()?;
    // Both ways at once, as a server may answer while it reads.
    let body = body.to_owned();
    let sending = thread::spawn(move || stream.write_all(body.as_bytes()));
    let answer = read_answer(&mut reader);
    sending.join().unwrap()?;
    answer
}

fn commit() -> String {
    dataset_commit().to_string()
}

// ---- what a delivery goes through

#[test]
fn a_delivery_arrives_from_the_internet_and_its_answer_returns() {
    with_each_server(&Terms::default(), |server| {
        let home = Home::new();
        let program = home.start(&quickstart(), server.address, &[]);
        let url = program.public_url();
        let answer = post(&server, &url, "/webhooks/trigger_training", &commit()).unwrap();
        assert_eq!((answer.status, answer.body.as_str()), (200, "null"));
        let answer = post(&server, &url, "/webhooks/nothing", "{}").unwrap();
        assert_eq!(answer.status, 404);
        program.stop();
    });
}

#[test]
fn a_mebibyte_goes_both_ways() {
    let body = format!("\"{}\"", "0123456789abcdef".repeat(65_536));
    with_each_server(&Terms::default(), |server| {
        let home = Home::new();
        let program = home.start(&public(), server.address, &[]);
        let url = program.public_url();
        for _ in 0..3 {
            let answer = post(&server, &url, "/webhooks/echo", &body).unwrap();
            assert_eq!(answer.status, 200);
            assert!(answer.body == body, "{} bytes", answer.body.len());
        }
        program.stop();
    });
}

#[test]
fn two_hundred_requests_at_once_are_answered_through_few_work_connections_and_many() {
    for work_connections in [1, 8, 64] {
        with_each_server(&Terms { work_connections, ..Terms::default() }, |server| {
            let home = Home::new();
            let program = home.start(&public(), server.address, &[]);
            let url = program.public_url();
            thread::scope(|scope| {
                let post = |number| post(&server, &url, "/webhooks/take", &format!("{number}"));
                let requests: Vec<_> =
                    (0..200).map(|number| scope.spawn(move || post(number).unwrap())).collect();
                for (number, request) in requests.into_iter().enumerate() {
                    let answer = request.join().unwrap();
                    assert_eq!((answer.status, answer.body), (200, number.to_string()));
                }
            });
            assert_eq!(counts(&program.stop().stdout).len(), 200);
        });
    }
}

/// How often the program took each number.
fn counts(stdout: &str) -> HashMap<u32, u32> {
    let mut counts = HashMap::new();
    for number in stdout.lines().filter_map(|line| line.strip_prefix("took ")) {
        *counts.entry(number.parse().unwrap()).or_default() += 1;
    }
    counts
}

#[test]
fn who_has_said_all_still_hears_the_answer() {
    let server = ShareServer::start(&Terms::default()).unwrap();
    let home = Home::new();
    let program = home.start(&public(), server.address, &[]);
    let url = program.public_url();
    let mut stream = visit(&server);
    let body = "\"half-closed\"";
    stream.write_all(head(&url, "/webhooks/take", body.len(), "").as_bytes()).unwrap();
    stream.write_all(body.as_bytes()).unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.ends_with(body), "{answer}");
    program.stop();
}

#[test]
fn the_end_of_a_connection_is_passed_on() {
    let server = ShareServer::start(&Terms::default()).unwrap();
    let program = Home::new().start(&public(), server.address, &[]);
    let url = program.public_url();
    let mut stream = visit(&server);
    let head = head(&url, "/webhooks/take", 1, "Connection: close\r\n");
    stream.write_all((head + "7").as_bytes()).unwrap();
    let mut answer = String::new();
    // Until the other side ends, while this one is still open.
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.ends_with("\r\n\r\n7"), "{answer}");
    program.stop();
}

#[test]
fn a_slow_reader_holds_up_the_answer_and_takes_no_memory() {
    const BYTES: usize = 100 << 20;
    let server = ShareServer::start(&Terms::default()).unwrap();
    let home = Home::new();
    let program = home.start(&public(), server.address, &[]);
    let url = program.public_url();
    let mut stream = visit(&server);
    stream.write_all(head(&url, "/webhooks/endless", 0, "").as_bytes()).unwrap();
    let mut piece = vec![0; 1 << 16];
    stream.read_exact(&mut piece).unwrap();
    // Time to send more than anybody reads.
    thread::sleep(Duration::from_secs(2));
    let memory = program.memory().unwrap();
    assert!(memory < 48 << 20, "{memory} bytes");
    let mut read = piece.len();
    while read < BYTES {
        read += stream.read(&mut piece).unwrap();
    }
    let memory = program.memory().unwrap();
    assert!(memory < 48 << 20, "{memory} bytes");
    // The answer has no end, so the program is not asked to wait for it.
    drop(program);
}

#[test]
fn the_secret_is_asked_for_through_the_link_as_elsewhere() {
    let server = ShareServer::start(&Terms::default()).unwrap();
    let home = Home::new();
    let address = server.address.to_string();
    let arguments = ["--port", "0", "--share-server", &address];
    let program = home.start_with(&quickstart(), &arguments, &[("WEBHOOK_SECRET", "hush")]);
    let url = program.public_url();
    let body = commit();
    let secret = |secret: &str| format!("X-Webhook-Secret: {secret}\r\n");
    for (secrets, status) in [
        (String::new(), 401),
        (secret("wrong"), 403),
        (secret("hush"), 200),
        (secret("hush") + &secret("wrong"), 400),
    ] {
        let mut stream = visit(&server);
        let head = head(&url, "/webhooks/trigger_training", body.len(), &secrets);
        stream.write_all((head + &body).as_bytes()).unwrap();
        assert_eq!(read_answer(&mut stream).unwrap().status, status, "{secrets}");
    }
    program.stop();
}

#[test]
fn what_comes_through_the_link_is_known_to_come_from_outside() {
    let server = ShareServer::start(&Terms::default()).unwrap();
    let home = Home::new();
    let program = home.start(&quickstart(), server.address, &[]);
    let url = program.public_url();
    let body = commit();
    let path = "/webhooks/trigger_training";
    let claims =
        "X-Forwarded-For: 127.0.0.1\r\nX-Real-IP: 127.0.0.1\r\nForwarded: for=127.0.0.1\r\n";
    let mut stream = visit(&server);
    let id = |id: &str| format!("{claims}Webhook-Id: {id}\r\n");
    stream.write_all((head(&url, path, body.len(), &id("outside")) + &body).as_bytes()).unwrap();
    assert_eq!(read_answer(&mut stream).unwrap().status, 200);
    let local = program.wait_for("* Running on local URL:");
    let local = local.rsplit(' ').next().unwrap();
    let mut stream = tests::client::connect(local).unwrap();
    stream.write_all((head(&url, path, body.len(), &id("inside")) + &body).as_bytes()).unwrap();
    assert_eq!(read_answer(&mut stream).unwrap().status, 200);
    let outside = program.wait_for_log("webhook_id=\"outside\"");
    assert!(outside.contains("via=\"tunnel\""), "{outside}");
    let inside = program.wait_for_log("webhook_id=\"inside\"");
    assert!(!inside.contains("via="), "{inside}");
    program.stop();
}

// ---- TLS

#[test]
fn the_share_server_is_trusted_by_the_given_root_and_no_other() {
    let root = Certificates::signed("localhost").unwrap();
    let terms = Terms { tls: Some(root.clone()), ..Terms::default() };
    with_each_server(&terms, |server| {
        let home = Home::new();
        let start = |root: &Certificates, host: &str| {
            let address = format!("{host}:{}", server.address.port());
            let root = root.root();
            let root = root.to_str().unwrap();
            let arguments = [
                ["--port", "0", "--share-server", &address],
                ["--share-server-certificate", root, "--workers", "1"],
            ];
            home.start_with(&quickstart(), &arguments.concat(), &[])
        };
        let program = start(&root, "localhost");
        let url = program.public_url();
        assert!(url.starts_with("https://"), "{url}");
        let answer = post(&server, &url, "/webhooks/trigger_training", &commit()).unwrap();
        assert_eq!(answer.status, 200);
        program.stop();
        let logins = server.seen.logins().len();

        let other = Certificates::signed("localhost").unwrap();
        for (root, host, reason) in [
            (&other, "localhost", "its certificate is not signed by a trusted authority"),
            (&root, "127.0.0.1", "its certificate is for another name"),
        ] {
            let program = start(root, host);
            let warning = program.wait_for_log("there is no public URL");
            assert!(warning.contains(reason), "{warning}");
            program.stop();
        }
        assert_eq!(server.seen.logins().len(), logins);
    });
}

#[test]
fn a_certificate_that_signed_itself_is_trusted_when_it_is_the_given_one() {
    let root = Certificates::self_signed("localhost").unwrap();
    let server = Terms { tls: Some(root.clone()), ..Terms::default() };
    with_each_server(&server, |server| {
        let home = Home::new();
        let start = |root: &Certificates, host: &str| {
            let address = format!("{host}:{}", server.address.port());
            let root = root.root();
            let more = ["--share-server-certificate", root.to_str().unwrap()];
            let arguments = [&["--port", "0", "--share-server", &address], &more[..]].concat();
            home.start_with(&quickstart(), &arguments, &[])
        };
        let program = start(&root, "localhost");
        let url = program.public_url();
        let answer = post(&server, &url, "/webhooks/trigger_training", &commit()).unwrap();
        assert_eq!(answer.status, 200);
        program.stop();
        let other = Certificates::self_signed("localhost").unwrap();
        for (root, host) in [(&other, "localhost"), (&root, "127.0.0.1")] {
            let program = start(root, host);
            let warning = program.wait_for_log("there is no public URL");
            assert!(warning.contains("TLS failed, its certificate is "), "{warning}");
            program.stop();
        }
    });
}

#[test]
fn a_certificate_that_has_expired_is_refused_though_it_is_the_given_one() {
    let expired = Certificates::self_signed_until("localhost", 2020).unwrap();
    let server = ShareServer::start(&Terms { tls: Some(expired.clone()), ..Terms::default() });
    let server = server.unwrap();
    let root = expired.root();
    let address = format!("localhost:{}", server.address.port());
    let arguments = ["--port", "0", "--share-server", &address, "--share-server-certificate"];
    let arguments = [&arguments[..], &[root.to_str().unwrap()]].concat();
    let program = Home::new().start_with(&quickstart(), &arguments, &[]);
    let warning = program.wait_for_log("there is no public URL");
    assert!(warning.contains("expired"), "{warning}");
    program.stop();
}

#[test]
fn without_a_certificate_the_public_url_begins_with_http_whatever_the_server_announces() {
    with_each_server(&Terms::default(), |server| {
        let home = Home::new();
        let program = home.start(&quickstart(), server.address, &[]);
        let url = program.public_url();
        assert!(url.starts_with("http://"), "{url}");
        program.stop();
    });
}

// ---- the same URL

#[test]
fn a_program_has_the_same_url_at_every_start_until_it_wants_another() {
    with_each_server(&Terms::default(), |server| {
        let home = Home::new();
        let url = |program: &Path, more: &[&str]| {
            let program = home.start(program, server.address, more);
            let url = program.public_url();
            program.stop();
            url
        };
        let first = url(&quickstart(), &[]);
        assert_eq!(url(&quickstart(), &[]), first);
        assert_ne!(url(&public(), &[]), first);
        let new = url(&quickstart(), &["--new-share-url"]);
        assert_ne!(new, first);
        assert_eq!(url(&quickstart(), &[]), new);
        // Another user, or another machine.
        let other = Home::new().start(&quickstart(), server.address, &[]);
        assert_ne!(other.public_url(), new);
        other.stop();
    });
}

#[test]
fn the_second_process_of_a_project_has_a_url_of_its_own_and_says_so() {
    with_each_server(&Terms::default(), |server| {
        let home = Home::new();
        let first = home.start(&quickstart(), server.address, &[]);
        let first_url = first.public_url();
        let second = home.start(&quickstart(), server.address, &[]);
        let second_url = second.public_url();
        assert_ne!(first_url, second_url);
        let _ = second.wait_for("Another process of this project is using its URL.");
        for url in [&first_url, &second_url] {
            let answer = post(&server, url, "/webhooks/trigger_training", &commit()).unwrap();
            assert_eq!(answer.status, 200);
        }
        second.stop();
        // Who wants to be rid of a URL that is in use is told that it stays.
        let renewing = home.start(&quickstart(), server.address, &["--new-share-url"]);
        let _ = renewing.wait_for("so that URL was not renewed");
        renewing.stop();
        assert!(!first.stop().stdout.contains("Another process"));
    });
}

#[test]
fn without_a_place_for_the_name_the_link_stands_and_says_so() {
    let server = ShareServer::start(&Terms::default()).unwrap();
    let home = Home::new();
    let file = home.0.path().join("file");
    std::fs::write(&file, "").unwrap();
    let variables = [("XDG_STATE_HOME", file.to_str().unwrap())];
    let address = server.address.to_string();
    let arguments = ["--port", "0", "--share-server", &address];
    let program = Program::start(&quickstart(), &arguments, &variables).unwrap();
    let _ = program.public_url();
    let _ = program.wait_for("The URL will change at the next start");
    program.stop();
}

#[test]
fn the_secret_name_is_printed_nowhere() {
    let server = ShareServer::start(&Terms::default()).unwrap();
    let home = Home::new();
    let address = server.address.to_string();
    let arguments = ["--port", "0", "--share-server", &address];
    let program = home.start_with(&quickstart(), &arguments, &[("RUST_LOG", "trace")]);
    let url = program.public_url();
    post(&server, &url, "/webhooks/trigger_training", &commit()).unwrap();
    let ended = program.stop();
    let name = server.seen.proxies()[0].proxy_name.clone();
    assert_eq!(name.len(), 43);
    assert!(ended.stderr.contains("TRACE"));
    assert!(!ended.stderr.contains(&name) && !ended.stdout.contains(&name));
}

// ---- what is printed, and when

#[test]
fn the_url_of_a_link_is_announced_with_the_endpoints() {
    let server = ShareServer::start(&Terms::default()).unwrap();
    let home = Home::new();
    let address = server.address.to_string();
    let variables = [
        ("GRADIO_SHARE", "true"),
        ("GRADIO_SHARE_SERVER_ADDRESS", address.as_str()),
        ("WEBHOOK_SECRET", "hush"),
    ];
    let program = home.start_with(&quickstart(), &["--port", "0"], &variables);
    let url = program.public_url();
    let _ = program.wait_for("to set up your webhooks");
    let page = get(&program.local_url(), "/").unwrap();
    assert!(page.body.contains(&format!("{url}/webhooks/trigger_training")), "{}", page.body);
    let ended = program.stop();
    let lines: Vec<_> = ended.stdout.lines().collect();
    assert_eq!(lines[0], "Webhook secret is correctly defined.");
    assert!(lines[1].starts_with("* Running on local URL:  http://127.0.0.1:"));
    assert!(lines[2].starts_with("* Page with deliveries:  http://127.0.0.1:"), "{lines:?}");
    assert_eq!(
        lines[4..].join("\n"),
        format!(
            "* Running on public URL: {url}\n  \
             It stays the same at every start.\n\
             \n\
             Webhooks are correctly set up and ready to use:\n  \
             - POST {url}/webhooks/trigger_training\n\
             Go to https://huggingface.co/settings/webhooks to set up your webhooks."
        )
    );
    assert!(!ended.stderr.contains("open to the internet"), "{}", ended.stderr);
}

#[test]
fn a_link_is_opened_by_default_where_a_person_reads_the_output() {
    let server = ShareServer::start(&Terms::default()).unwrap();
    let (home, address) = (Home::new(), server.address.to_string());
    let machine = OwnMachine::with(&quickstart()).unwrap();
    let mut command = machine.command();
    command.args(["--port", "0"]).env("GRADIO_SHARE_SERVER_ADDRESS", &address);
    command.env("XDG_STATE_HOME", home.path());
    let program = Program::spawn_in_terminal(&mut command).unwrap();
    let url = program.public_url();
    let answer = post(&server, &url, "/webhooks/trigger_training", &commit()).unwrap();
    assert_eq!(answer.status, 200);
    assert!(!program.stop().stdout.contains("No public URL"));
}

#[test]
fn where_no_person_reads_the_output_no_link_is_opened_unless_asked_for() {
    let server = ShareServer::start(&Terms::default()).unwrap();
    let (home, address) = (Home::new(), server.address.to_string());
    let machine = OwnMachine::with(&quickstart()).unwrap();
    let command = |arguments: &[&str], variables: &[(&str, &str)]| {
        let mut command = machine.command();
        command.args(["--port", "0"]).args(arguments).envs(variables.iter().copied());
        command.env("GRADIO_SHARE_SERVER_ADDRESS", &address).env("XDG_STATE_HOME", home.path());
        command
    };
    for (variable, terminal, reason) in [
        (("A", "b"), false, "standard output is not a terminal"),
        (("CI", "true"), true, "the program runs in CI"),
        (("container", "podman"), true, "the program runs in a container"),
        (("KUBERNETES_SERVICE_HOST", "10.0.0.1"), true, "the program runs in a container"),
        (("JOB_ID", "687f911eaea852de79c4a50a"), true, "the program runs in a Job"),
    ] {
        let mut command = command(&[], &[variable]);
        let program = if terminal {
            Program::spawn_in_terminal(&mut command)
        } else {
            Program::spawn(&mut command)
        };
        let program = program.unwrap();
        let line = program.wait_for("The Hub cannot reach these endpoints yet");
        let expected = format!("The server did not create a public URL, because {reason}:");
        assert!(line.ends_with(&expected), "{line}");
        let _ = program.local_url();
        let stdout = program.stop().stdout;
        // Once, and with one way out.
        assert_eq!(stdout.matches("public URL").count(), 1, "{stdout}");
        assert_eq!(stdout.matches("--share").count(), 1, "{stdout}");
    }
    assert!(server.seen.logins().is_empty());

    let ci = ("CI", "true");
    for (arguments, variables) in [
        (&["--share"][..], &[ci][..]),
        (&["--new-share-url"], &[ci]),
        (&[], &[ci, ("GRADIO_SHARE", "true")]),
    ] {
        let program = Program::spawn(&mut command(arguments, variables)).unwrap();
        let _ = program.public_url();
        assert!(!program.stop().stdout.contains("no public URL"), "{arguments:?} {variables:?}");
    }
}

#[test]
fn a_container_is_no_place_for_a_link_though_it_has_a_terminal() {
    if !Path::new("/.dockerenv").exists() {
        return; // Elsewhere the unit tests of the detection have to do.
    }
    let mut command = Command::new(quickstart());
    command.env_clear().args(["--port", "0"]).env("GRADIO_SHARE_SERVER_ADDRESS", "127.0.0.1:1");
    let program = Program::spawn_in_terminal(&mut command).unwrap();
    let _ = program.wait_for("because the program runs in a container");
    program.stop();
}

#[test]
fn a_public_url_without_a_secret_is_warned_of() {
    let server = ShareServer::start(&Terms::default()).unwrap();
    let program = Home::new().start(&quickstart(), server.address, &[]);
    let warning = program.wait_for_log("open to the internet");
    assert!(warning.contains("call your functions with any payload"), "{warning}");
    let _ = program.wait_for_log("Set WEBHOOK_SECRET and restart");
    program.stop();
}

#[test]
fn no_link_is_made_when_told_so_nor_on_a_space() {
    let server = ShareServer::start(&Terms::default()).unwrap();
    let home = Home::new();
    let address = server.address.to_string();
    let server_address = ("GRADIO_SHARE_SERVER_ADDRESS", address.as_str());
    let space = [
        ("GRADIO_SHARE", ""),
        server_address,
        ("SPACE_ID", "me/bot"),
        ("SPACE_HOST", "me-bot.hf.space"),
        ("GRADIO_SERVER_NAME", "127.0.0.1"),
    ];
    for (arguments, variables) in [
        (&["--no-share"][..], &[("GRADIO_SHARE", "true"), server_address][..]),
        (&[], &[("GRADIO_SHARE", "False"), server_address]),
        (&["--public-url", "https://me.example"], &[("GRADIO_SHARE", "true"), server_address]),
        (&[], &space),
    ] {
        let arguments = [&["--port", "0"], arguments].concat();
        let program = home.start_with(&quickstart(), &arguments, variables);
        // The list comes at once where there is nothing to wait for.
        let _ = program.local_url();
        program.stop();
    }
    assert!(server.seen.logins().is_empty());
}

#[test]
fn a_public_url_of_ones_own_is_what_is_printed_and_shown() {
    let arguments = ["--port", "0", "--public-url", "https://hooks.example.com/bots/"];
    let program = Program::start(&quickstart(), &arguments, &[]).unwrap();
    let local = program.local_url();
    let _ = program.wait_for("  - POST https://hooks.example.com/bots/webhooks/trigger_training");
    let page = get(&local, "/").unwrap();
    assert!(page.body.contains("https://hooks.example.com/bots/webhooks/trigger_training"));
    program.stop();
}

#[test]
fn without_a_share_server_the_program_works_on_and_warns_once() {
    let home = Home::new();
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let program = home.start(&quickstart(), nobody, &[]);
    let local = program.local_url();
    let body = commit();
    let answer = tests::client::post(&local, "/webhooks/trigger_training", &body).unwrap();
    assert_eq!(answer.status, 200);
    let _ = program.wait_for_log("there is no public URL");
    let _ = program.wait_for(&format!("  - POST {local}/webhooks/trigger_training"));
    // It comes up later, and is found.
    let server = ShareServer::start_at(nobody).unwrap();
    let url = program.public_url();
    let _ = program.wait_for(&format!("  - POST {url}/webhooks/trigger_training"));
    let answer = post(&server, &url, "/webhooks/trigger_training", &body).unwrap();
    assert_eq!(answer.status, 200);
    let ended = program.stop();
    let warnings: Vec<_> =
        ended.stderr.lines().skip_while(|line| !line.contains("no public")).collect();
    assert!(warnings[0].contains("nothing listens at this address"), "{warnings:?}");
    assert!(warnings[1].contains("--no-share"), "{warnings:?}");
    assert_eq!(ended.stderr.matches("there is no public URL").count(), 1);
}

#[test]
fn the_limit_of_open_files_is_raised_for_a_tunnel_alone_and_the_log_says_so() {
    let server = ShareServer::start(&Terms::default()).unwrap();
    let address = server.address.to_string();
    let home = Home::new();
    let start = |more: &[&str]| {
        let mut command = Command::new("sh");
        command.args(["-c", "ulimit -Sn 512; exec \"$0\" \"$@\""]).arg(quickstart());
        command.args(["--port", "0"]).args(more).env_clear().env("XDG_STATE_HOME", home.path());
        Program::spawn(&mut command).unwrap()
    };
    let soft_limit = |program: &Program| {
        let limits = std::fs::read_to_string(format!("/proc/{}/limits", program.id())).unwrap();
        let line = limits.lines().find(|line| line.starts_with("Max open files")).unwrap();
        line.split_whitespace().nth(3).unwrap().to_owned()
    };
    let program = start(&["--share-server", &address]);
    let _ = program.public_url();
    assert_eq!(soft_limit(&program), "4096");
    let line = program.wait_for_log("raised the limit of open files");
    assert!(line.contains("from=512") && line.contains("to=4096"), "{line}");
    program.stop();

    let program = start(&["--no-share"]);
    let _ = program.local_url();
    assert_eq!(soft_limit(&program), "512");
    program.stop();
}

#[test]
fn wrong_settings_are_told_together_before_anything_starts() {
    let arguments = ["--share-server", "nowhere", "--share-server-certificate", "/no/such.pem"];
    let ended = Program::start(&quickstart(), &arguments, &[("GRADIO_SERVER_PORT", "x")]).unwrap();
    let ended = ended.wait();
    assert_eq!(ended.code, Some(1));
    for text in ["GRADIO_SERVER_PORT must be", "The share server's address must be"] {
        assert!(ended.stderr.contains(text), "{}", ended.stderr);
    }
    let arguments = ["--share-server", "x.example:1", "--share-server-certificate", "/no/such.pem"];
    let ended = Program::start(&quickstart(), &arguments, &[]).unwrap().wait();
    let text = "The share server's certificate must be a readable file.";
    assert!(ended.stderr.contains(text), "{}", ended.stderr);
    for arguments in [&["--share", "--no-share"][..], &["--share", "--public-url", "https://x"]] {
        let ended = Program::start(&quickstart(), arguments, &[]).unwrap().wait();
        assert_eq!(ended.code, Some(2), "{arguments:?}");
    }
}

// ---- another tunnel

/// A tunnel within this machine, which works from the second try on.
struct Loopback {
    tries: Arc<AtomicUsize>,
}

impl Tunnel for Loopback {
    async fn open(&mut self, entrance: SocketAddr) -> Result<OpenTunnel, TunnelError> {
        assert!(entrance.ip().is_loopback());
        if self.tries.fetch_add(1, Ordering::Relaxed) == 0 {
            return Err("not yet".into());
        }
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        Ok(OpenTunnel::new(url, async move {
            loop {
                let copied = async {
                    let mut outside = listener.accept().await?.0;
                    let mut inside = tokio::net::TcpStream::connect(entrance).await?;
                    tokio::io::copy_bidirectional(&mut outside, &mut inside).await
                };
                if let Err(error) = copied.await {
                    return TunnelEnd::Lost(error.into());
                }
            }
        }))
    }
}

#[tokio::test]
async fn another_tunnel_can_be_put_in_and_is_tried_until_it_opens() {
    let tries = Arc::new(AtomicUsize::new(0));
    let server = || {
        let tunnel = Loopback { tries: Arc::clone(&tries) };
        WebhooksServer::empty().add_webhook("hello", async || "hello").port(0).share_with(tunnel)
    };
    // A program that doesn't ask for a tunnel gets none.
    let unshared = server().start().await.unwrap();
    assert_eq!(unshared.public_url(), None);
    unshared.stop().await;
    assert_eq!(tries.load(Ordering::Relaxed), 0);

    let shared = server().share(true).start().await.unwrap();
    let deadline = Instant::now() + PATIENCE;
    let url = loop {
        if let Some(url) = shared.public_url() {
            break url;
        }
        assert!(Instant::now() < deadline);
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    assert_ne!(url, shared.local_url());
    assert_eq!(tries.load(Ordering::Relaxed), 2);
    let answer =
        tokio::task::spawn_blocking(move || tests::client::post(&url, "/webhooks/hello", ""));
    assert_eq!(answer.await.unwrap().unwrap().body, "hello");
    shared.stop().await;
}

// ---- when things break

#[test]
fn a_share_server_that_restarts_under_load_loses_no_link_and_leaves_no_request_hanging() {
    with_each_server(&Terms::default(), |server| {
        let home = Home::new();
        let program = home.start(&public(), server.address, &[]);
        let url = program.public_url();
        let (address, over) = (server.public, Arc::new(AtomicBool::new(false)));
        let loads: Vec<_> = (0..8_u32)
            .map(|load| {
                let (url, over) = (url.clone(), Arc::clone(&over));
                thread::spawn(move || load_until(&over, address, &url, load * 1_000_000))
            })
            .collect();
        thread::sleep(Duration::from_millis(500));
        let server = server.restart(&Terms::default()).unwrap();
        let _ = program.wait_for_log("The public URL works again:");
        let answer = post(&server, &url, "/webhooks/take", "999999999").unwrap();
        assert_eq!((answer.status, answer.body.as_str()), (200, "999999999"));
        thread::sleep(Duration::from_millis(500));
        over.store(true, Ordering::Relaxed);
        let answered: Vec<u32> = loads.into_iter().flat_map(|load| load.join().unwrap()).collect();
        assert!(answered.len() > 50, "{}", answered.len());
        let ended = program.stop();
        let counts = counts(&ended.stdout);
        assert!(counts.values().all(|&count| count == 1));
        assert!(answered.iter().all(|number| counts.contains_key(number)));
        assert_eq!(ended.stderr.matches("the public URL does not work").count(), 1);
        assert_eq!(ended.stderr.matches("works again").count(), 1);
        assert_eq!(ended.stdout.matches("Running on public URL").count(), 1);
        if let [login] = server.seen.logins().as_slice() {
            // So that the server ends the session before, had it missed its end.
            assert_eq!(login.run_id, "session-1");
        }
    });
}

/// Sends requests until told to stop, and gives those that were answered with 200. None may take
/// longer than a read does.
fn load_until(over: &AtomicBool, server: SocketAddr, url: &str, first: u32) -> Vec<u32> {
    let mut answered = Vec::new();
    for number in first.. {
        if over.load(Ordering::Relaxed) {
            break;
        }
        let exchange = || -> std::io::Result<Answer> {
            let mut stream = TcpStream::connect(server)?;
            stream.set_read_timeout(Some(PATIENCE))?;
            let body = number.to_string();
            let head = head(url, "/webhooks/take", body.len(), "Connection: close\r\n");
            stream.write_all((head + &body).as_bytes())?;
            read_answer(&mut stream)
        };
        match exchange() {
            Ok(answer) if answer.status == 200 => {
                assert_eq!(answer.body, number.to_string());
                answered.push(number);
            }
            Ok(answer) => assert_eq!(answer.status, 404, "{answer:?}"),
            Err(error) => {
                assert_ne!(error.kind(), std::io::ErrorKind::WouldBlock, "a request hangs");
                thread::sleep(Duration::from_millis(20));
            }
        }
    }
    answered
}

#[test]
fn a_share_server_that_restarts_again_and_again_has_its_link_back_each_time_at_once() {
    let mut server = ShareServer::start(&Terms::default()).unwrap();
    let program = Home::new().start(&quickstart(), server.address, &[]);
    let url = program.public_url();
    for restarts in 1..=5 {
        server = server.restart(&Terms::default()).unwrap();
        // Growing waits would add up to more than a minute.
        program.wait_for_logs("The public URL works again:", restarts);
    }
    let answer = post(&server, &url, "/webhooks/trigger_training", &commit()).unwrap();
    assert_eq!(answer.status, 200);
    let ended = program.stop();
    assert!(ended.stderr.contains(" was lost: "), "{}", ended.stderr);
    assert!(!ended.stderr.contains("cannot open a link"), "{}", ended.stderr);
}

#[test]
fn a_url_that_an_earlier_session_still_holds_is_explained_and_had_as_soon_as_it_is_free() {
    let server = ShareServer::start(&Terms::default()).unwrap();
    let (home, other) = (Home::new(), Home::new());
    let earlier = home.start(&quickstart(), server.address, &[]);
    let url = earlier.public_url();
    // The same name without its lock, as after a crash that the share server has not noticed.
    let folder = "webhooks-runtime/share";
    std::fs::create_dir_all(other.0.path().join(folder)).unwrap();
    for file in std::fs::read_dir(home.0.path().join(folder)).unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), other.0.path().join(folder).join(file.file_name())).unwrap();
    }
    let program = other.start(&quickstart(), server.address, &[]);
    let warning = program.wait_for_log("there is no public URL");
    assert!(warning.contains("still holds the public URL for an earlier session"), "{warning}");
    earlier.stop();
    assert_eq!(program.public_url(), url);
    let ended = program.stop();
    assert!(!ended.stderr.contains("conflict"), "{}", ended.stderr);
}

#[test]
fn a_body_that_is_cut_reaches_no_function_and_the_next_one_does() {
    let server = ShareServer::start(&Terms::default()).unwrap();
    let home = Home::new();
    let program = home.start(&public(), server.address, &[]);
    let url = program.public_url();
    let mut stream = visit(&server);
    stream.write_all(head(&url, "/webhooks/take", 1 << 20, "").as_bytes()).unwrap();
    stream.write_all(&vec![b' '; 1 << 19]).unwrap();
    let server = server.restart(&Terms::default()).unwrap();
    let mut rest = Vec::new();
    // Cut, by an end or a reset.
    let _ = stream.read_to_end(&mut rest);
    assert!(rest.is_empty());
    let _ = program.wait_for_log("The public URL works again:");
    assert_eq!(post(&server, &url, "/webhooks/take", "8").unwrap().status, 200);
    assert_eq!(program.stop().stdout.matches("took ").count(), 1);
}

#[test]
fn a_link_that_expires_is_told_of_and_made_again() {
    let server = ShareServer::start(&Terms::default()).unwrap();
    let home = Home::new();
    let program = home.start(&quickstart(), server.address, &[]);
    let url = program.public_url();
    server.expire();
    let _ = program.wait_for_log("The public URL has expired");
    let again = program.wait_for_log("The public URL works again:");
    assert!(again.ends_with(&url), "{again}");
    let answer = post(&server, &url, "/webhooks/trigger_training", &commit()).unwrap();
    assert_eq!(answer.status, 200);
    assert_eq!(server.seen.logins().len(), 2);
    program.stop();
}

#[test]
fn a_program_that_slept_finds_its_url_again() {
    let server = ShareServer::start(&Terms::default()).unwrap();
    let home = Home::new();
    let program = home.start(&quickstart(), server.address, &[]);
    let url = program.public_url();
    program.signal(Signal::SIGSTOP).unwrap();
    let server = server.restart(&Terms::default()).unwrap();
    program.signal(Signal::SIGCONT).unwrap();
    let again = program.wait_for_log("The public URL works again:");
    assert!(again.ends_with(&url), "{again}");
    let answer = post(&server, &url, "/webhooks/trigger_training", &commit()).unwrap();
    assert_eq!(answer.status, 200);
    program.stop();
}

#[test]
fn a_share_server_that_falls_silent_is_noticed() {
    let server = ShareServer::start(&Terms::default()).unwrap();
    let home = Home::new();
    let program = home.start(&quickstart(), server.address, &[]);
    let _ = program.public_url();
    server.fall_silent();
    let lost = program.wait_long_for_log("the public URL does not work", Duration::from_secs(90));
    assert!(lost.contains("it does not respond to heartbeats"), "{lost}");
    program.stop();
}

#[test]
fn the_share_server_is_asked_whether_it_is_there() {
    let server = ShareServer::start(&Terms::default()).unwrap();
    let home = Home::new();
    let program = home.start(&quickstart(), server.address, &[]);
    let _ = program.public_url();
    let deadline = Instant::now() + Duration::from_secs(60);
    while server.seen.pings.load(Ordering::Relaxed) == 0 {
        assert!(Instant::now() < deadline);
        thread::sleep(Duration::from_millis(100));
    }
    assert!(!program.stop().stderr.contains("does not work"));
}

#[test]
fn a_program_that_is_stopped_sends_the_answers_that_it_has_given() {
    const BYTES: usize = 2_000_000;
    let server = ShareServer::start(&Terms::default()).unwrap();
    let home = Home::new();
    let program = home.start(&public(), server.address, &[]);
    let url = program.public_url();
    let mut stream = visit(&server);
    let body = "x".repeat(BYTES);
    let mut writer = stream.try_clone().unwrap();
    let head = head(&url, "/webhooks/echo", BYTES, "Connection: close\r\n");
    thread::spawn(move || writer.write_all((head + &body).as_bytes()));
    // The answer is given, and most of it is on its way: this side reads none of it yet.
    let _ = program.wait_for_log("status=200");
    program.signal(Signal::SIGTERM).unwrap();
    let _ = program.wait_for_log("Shutting down after");
    thread::sleep(Duration::from_millis(500));
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    assert!(answer.len() > BYTES, "{}", answer.len());
    assert_eq!(program.wait().code, Some(0));
}

#[test]
fn the_end_of_the_program_does_not_wait_for_the_link() {
    let hostile = HostileServer::start(Malice::Silence).unwrap();
    let program = Home::new().start(&quickstart(), hostile.address, &[]);
    let _ = program.wait_for("* Running on local URL:");
    assert_eq!(program.stop().code, Some(0));
}

// ---- a share server with malice

/// What the first warning says for each malice.
const WARNINGS: [(Malice, &str); 11] = [
    (Malice::Silence, "did not respond within"),
    (Malice::Refusal, "cannot open a link through the share server "),
    (Malice::Garbage, ": it does not speak the protocol"),
    (Malice::HugeLength, "it announced a message of 9223372036854775807 bytes"),
    (Malice::HugeFrame, ": it does not speak the protocol"),
    (Malice::UnknownType, "it sent a message of the unknown type 0x3f"),
    (Malice::NoJson, "it sent a message of type '1' that is not valid"),
    (Malice::ColourfulRefusal, "it rejected the login"),
    (Malice::UninvitedStream, "it opened a stream, which only the client may do"),
    (Malice::BadUrl, "it gave no URL that begins with http:// or https://"),
    (Malice::HalfLogin, "did not respond within"),
];

#[test]
fn a_hostile_share_server_ends_in_a_warning_and_costs_little() {
    thread::scope(|scope| {
        for (malice, reason) in WARNINGS {
            scope.spawn(move || {
                let server = HostileServer::start(malice).unwrap();
                let home = Home::new();
                let program = home.start(&quickstart(), server.address, &[]);
                let warning = program.wait_for_log("there is no public URL");
                assert!(warning.contains(reason), "{malice:?}: {warning}");
                // In the background it is tried again, with pauses.
                let (before, since) = (server.connections(), Instant::now());
                thread::sleep(Duration::from_secs(3));
                let tries = server.connections() - before;
                let most = usize::try_from(since.elapsed().as_secs()).unwrap() + 1;
                assert!(tries <= most, "{malice:?}: {tries} tries");
                still_well(&program, malice);
                let ended = program.stop();
                assert_eq!(ended.stderr.matches("there is no public URL").count(), 1);
                assert!(!ended.stderr.contains("panicked"), "{}", ended.stderr);
                assert!(!ended.stderr.contains('\u{1b}'), "{}", ended.stderr);
                assert!(!ended.stderr.lines().any(|line| line.starts_with("Warning: pay us")));
            });
        }
    });
}

#[test]
fn endless_requests_for_work_connections_cost_little() {
    let server = HostileServer::start(Malice::EndlessRequests).unwrap();
    let program = Home::new().start(&quickstart(), server.address, &[]);
    assert_eq!(program.public_url(), "http://x.localhost");
    let lost = program.wait_long_for_log("the public URL does not work", Duration::from_secs(60));
    assert!(lost.contains("it requested more than"), "{lost}");
    still_well(&program, Malice::EndlessRequests);
    program.stop();
}

#[test]
fn a_share_server_that_leaves_again_and_again_is_not_run_after() {
    let server = HostileServer::start(Malice::Flight).unwrap();
    let program = Home::new().start(&quickstart(), server.address, &[]);
    let _ = program.public_url();
    let since = Instant::now();
    let _ = program.wait_for_log("the public URL does not work");
    thread::sleep(Duration::from_secs(6));
    let most = usize::try_from(since.elapsed().as_secs()).unwrap() + 2;
    assert!(server.connections() <= most, "{}", server.connections());
    still_well(&program, Malice::Flight);
    let ended = program.stop();
    assert_eq!(ended.stdout.matches("Running on public URL").count(), 1);
}

/// The program answers where it listens, and is no larger than a program is.
fn still_well(program: &Program, malice: Malice) {
    let local = program.wait_for("* Running on local URL:");
    let local = local.rsplit(' ').next().unwrap();
    let answer = tests::client::post(local, "/webhooks/trigger_training", &commit()).unwrap();
    assert_eq!(answer.status, 200, "{malice:?}");
    let memory = program.memory().unwrap();
    assert!(memory < 48 << 20, "{malice:?}: {memory} bytes");
}
