//! What a delivery goes through on its way from the internet, and its response on the way back.

use std::io::{Read, Write};
use std::thread;
use std::time::Duration;

use tests::client::read_answer;
use tests::programs::{public, quickstart};
use tests::share::{Terms, TestShareServer};

use super::{Home, commit, counts, head, link, post, visit, with_each_server};

#[test]
fn a_delivery_arrives_from_the_internet_and_its_answer_returns() {
    with_each_server(&Terms::default(), |server| {
        let (_home, program, url) = link(&server, &quickstart());
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
        let (_home, program, url) = link(&server, &public());
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
            let (_home, program, url) = link(&server, &public());
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

#[test]
fn who_has_said_all_still_hears_the_answer() {
    let server = TestShareServer::start(&Terms::default()).unwrap();
    let (_home, program, url) = link(&server, &public());
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
    let server = TestShareServer::start(&Terms::default()).unwrap();
    let (_home, program, url) = link(&server, &public());
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
    let server = TestShareServer::start(&Terms::default()).unwrap();
    let (_home, program, url) = link(&server, &public());
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
    let server = TestShareServer::start(&Terms::default()).unwrap();
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
    let server = TestShareServer::start(&Terms::default()).unwrap();
    let (_home, program, url) = link(&server, &quickstart());
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
    let outside = program.wait_for_log("webhook_id=\"outside\" event=");
    assert!(outside.contains("via=\"tunnel\""), "{outside}");
    let inside = program.wait_for_log("webhook_id=\"inside\" event=");
    assert!(!inside.contains("via="), "{inside}");
    program.stop();
}
