//! The URL stays the same at every start.

use std::path::Path;

use tests::program::Program;
use tests::programs::{public, quickstart};
use tests::share::{Terms, TestShareServer};

use super::{Home, commit, deliver, post, with_each_server};

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
            deliver(&server, url);
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
    let server = TestShareServer::start(&Terms::default()).unwrap();
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
    let server = TestShareServer::start(&Terms::default()).unwrap();
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
