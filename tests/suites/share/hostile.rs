//! A share server that sends anything but what the protocol says.

use std::thread;
use std::time::{Duration, Instant};

use tests::program::Program;
use tests::programs::quickstart;
use tests::share::hostile::{HostileServer, Malice};

use super::{Home, commit};

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
