//! Caddy and nginx in front of the program.

use std::path::Path;
use std::{fs, thread};

use nix::sys::signal::Signal;
use tests::client::{PAGE_TOKEN, request};
use tests::payloads::dataset_commit;
use tests::program::Program;
use tests::programs::{quickstart, slow};

use super::{PUBLIC, SECRET, Site, all, block, commands, docker, one, path, shell, start};

/// A program as the page has it behind a proxy.
fn behind_a_proxy() -> (Program, String) {
    let variables = [SECRET, PAGE_TOKEN];
    let program = start(&quickstart(), &["--port", "0", "--public-url", PUBLIC], &variables);
    let address = program.local_url().trim_start_matches("http://").to_owned();
    (program, address)
}

/// A delivery of this repository, with a text in it of this many bytes.
fn commit_to(repo: &str, padding: usize) -> String {
    let mut payload = dataset_commit();
    payload["repo"]["name"] = repo.into();
    payload["padding"] = "x".repeat(padding).into();
    payload.to_string()
}

/// What a proxy has to do.
fn passes_all_on(site: &Site, address: &str) {
    assert_eq!(site.ask("/health", &[]), "{\"status\":\"ok\"}\n200");
    assert_eq!(site.deliver(&commit_to("me/first", 0)), "null\n200");
    assert_eq!(site.deliver(&commit_to("me/large", 2_000_000)), "null\n200");

    // Deliveries are seen with the token, here and on the machine itself.
    assert!(site.ask("/events", &[]).ends_with("\n404"));
    let direct = start(
        Path::new("curl"),
        &["--silent", &format!("http://{address}/")],
        &[("PATH", &path())],
    );
    assert!(!direct.wait().stdout.contains("me/first"));
    let jar = site.folder.path().join("cookies");
    let jar = jar.to_str().unwrap();
    let opened = site.ask(&format!("/?token={}", PAGE_TOKEN.1), &["--cookie-jar", jar]);
    assert_eq!(opened, "\n303");
    assert!(site.ask("/", &["--cookie", jar]).contains("me/first"));

    // Each event comes when it happens, though the stream has no end.
    let events = site.curl("/events", &["--cookie", jar]);
    let _ = events.wait_for("me/large");
    assert_eq!(site.deliver(&commit_to("me/live", 0)), "null\n200");
    let _ = events.wait_for("me/live");
    assert!(events.is_running());
}

#[test]
#[ignore = "needs Caddy and curl"]
fn a_delivery_and_the_pages_events_come_through_caddy() {
    let (program, address) = behind_a_proxy();
    let site = Site::caddy(&block(2).replace("127.0.0.1:7860", &address));
    passes_all_on(&site, &address);

    let typed = commands(&block(3));
    let [(curl, health), (exec, sent)] = &typed[..] else { panic!("{typed:?}") };
    let asked = shell(Path::new("/"), &curl.replace(PUBLIC, &site.url));
    assert_eq!(String::from_utf8_lossy(&asked.stdout), health.trim_end());
    let exec = docker(exec).1;
    let command = all(&exec, "command");
    let run = docker(&commands(&block(0))[2].0).1;
    assert_eq!(one(&exec, "container"), one(&run, "name"));
    assert_eq!(command[0], all(&run, "command")[0]);
    let rest: Vec<_> = command[1..].iter().map(|word| word.replace(PUBLIC, &site.url)).collect();
    let rest: Vec<_> = rest.iter().map(String::as_str).collect();
    let ended = start(&quickstart(), &rest, &[SECRET]).wait();
    let lines: Vec<_> = ended.stderr.lines().collect();
    let printed = format!("{}\n{}{}\n", lines[0], ended.stdout, lines[1]);
    // Each time takes another.
    let without_time = |text: &str| text.rsplit_once(" in ").unwrap().0.to_owned();
    assert_eq!(without_time(&printed.replace(&site.url, PUBLIC)), without_time(sent));
    site.proxy.stop();
    program.stop();
}

#[test]
#[ignore = "needs nginx and curl"]
fn a_delivery_and_the_pages_events_come_through_nginx() {
    let (program, address) = behind_a_proxy();
    let site = Site::nginx(&block(4).replace("127.0.0.1:7860", &address));
    passes_all_on(&site, &address);
    let cookies = fs::read_to_string(site.folder.path().join("cookies")).unwrap();
    // The fourth column: for TLS alone.
    let cookie = cookies.lines().find(|line| line.contains("webhooks-session")).unwrap();
    assert_eq!(cookie.split('\t').nth(3), Some("TRUE"), "{cookie}");
    site.proxy.stop();
    program.stop();
}

#[test]
#[ignore = "needs Caddy"]
fn a_delivery_that_runs_is_answered_through_caddy_when_the_program_is_stopped() {
    let program = start(&slow(), &["--port", "0"], &[]);
    let address = program.local_url().trim_start_matches("http://").to_owned();
    let site = Site::caddy(&block(2).replace("127.0.0.1:7860", &address));
    let url = site.url.clone();
    let posted = thread::spawn(move || request(&url, "POST /webhooks/second", &[], "{}"));
    let _ = program.wait_for("second started");
    program.signal(Signal::SIGTERM).unwrap();
    let answer = posted.join().unwrap().unwrap();
    assert_eq!((answer.status, answer.body.as_str()), (200, "\"done\""));
    assert_eq!(program.wait().code, Some(0));
    site.proxy.stop();
}
