//! Lost connections, restarts and expired links.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use tests::client::{ClientResponse, PATIENCE, read_answer};
use tests::programs::{public, quickstart};
use tests::share::hostile::{HostileServer, Malice};
use tests::share::{Terms, TestShareServer};

use super::{Home, counts, deliver, head, link, post, visit, with_each_server};

#[test]
fn a_share_server_that_restarts_under_load_loses_no_link_and_leaves_no_request_hanging() {
    with_each_server(&Terms::default(), |server| {
        let (_home, program, url) = link(&server, &public());
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
        let exchange = || -> std::io::Result<ClientResponse> {
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
    let mut server = TestShareServer::start(&Terms::default()).unwrap();
    let (_home, program, url) = link(&server, &quickstart());
    for restarts in 1..=5 {
        server = server.restart(&Terms::default()).unwrap();
        // Growing waits would add up to more than a minute.
        program.wait_for_logs("The public URL works again:", restarts);
    }
    deliver(&server, &url);
    let ended = program.stop();
    assert!(ended.stderr.contains(" was lost: "), "{}", ended.stderr);
    assert!(!ended.stderr.contains("cannot open a link"), "{}", ended.stderr);
}

#[test]
fn a_url_that_an_earlier_session_still_holds_is_explained_and_had_as_soon_as_it_is_free() {
    let server = TestShareServer::start(&Terms::default()).unwrap();
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
    let server = TestShareServer::start(&Terms::default()).unwrap();
    let (_home, program, url) = link(&server, &public());
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
    let server = TestShareServer::start(&Terms::default()).unwrap();
    let (_home, program, url) = link(&server, &quickstart());
    server.expire();
    let _ = program.wait_for_log("The public URL has expired");
    let again = program.wait_for_log("The public URL works again:");
    assert!(again.ends_with(&url), "{again}");
    deliver(&server, &url);
    assert_eq!(server.seen.logins().len(), 2);
    program.stop();
}

#[test]
fn a_program_that_slept_finds_its_url_again() {
    let server = TestShareServer::start(&Terms::default()).unwrap();
    let (_home, program, url) = link(&server, &quickstart());
    program.signal(Signal::SIGSTOP).unwrap();
    let server = server.restart(&Terms::default()).unwrap();
    program.signal(Signal::SIGCONT).unwrap();
    let again = program.wait_for_log("The public URL works again:");
    assert!(again.ends_with(&url), "{again}");
    deliver(&server, &url);
    program.stop();
}

#[test]
fn a_share_server_that_falls_silent_is_noticed() {
    let server = TestShareServer::start(&Terms::default()).unwrap();
    let (_home, program, _) = link(&server, &quickstart());
    server.fall_silent();
    let lost = program.wait_long_for_log("the public URL does not work", Duration::from_secs(90));
    assert!(lost.contains("it does not respond to heartbeats"), "{lost}");
    program.stop();
}

#[test]
fn the_share_server_is_asked_whether_it_is_there() {
    let server = TestShareServer::start(&Terms::default()).unwrap();
    let (_home, program, _) = link(&server, &quickstart());
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
    let server = TestShareServer::start(&Terms::default()).unwrap();
    let (_home, program, url) = link(&server, &public());
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
