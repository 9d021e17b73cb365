//! Endpoints in a library crate: a real one, with a real program, as the linker makes it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on")]

use std::path::Path;

use tests::client::post;
use tests::payloads::dataset_commit;
use tests::program::{Program, build, build_bin, build_with_full_lto};
use webhooks_runtime::WebhooksServer;

fn a_named_library_s_endpoints_are_served(program: &Path) {
    let program = Program::start(program, &["--port", "0"], &[]).unwrap();
    let url = program.local_url();
    let body = dataset_commit().to_string();
    assert_eq!(post(&url, "/webhooks/hello", &body).unwrap().body, "hello openai/gsm8k");
    assert_eq!(post(&url, "/webhooks/deep/down", "").unwrap().body, "deep");
    assert_eq!(program.stop().code, Some(0));
}

#[test]
fn a_named_library_is_linked_in_debug() {
    a_named_library_s_endpoints_are_served(&build_bin("fixture-bots", "linked", "dev"));
}

/// Whether a program warns that a panic ends it.
fn warns_of_panics(program: &Path) -> bool {
    let program = Program::start(program, &["--port", "0"], &[]).unwrap();
    let _ = program.local_url();
    program.stop().stderr.matches("is built with `panic = \"abort\"`").count() == 1
}

/// One profile is compiled for all of it: optimized, and with `panic = "abort"`.
#[test]
#[ignore = "needs minutes, to compile all crates once more"]
fn a_named_library_is_linked_in_release_and_with_full_lto_and_warned_that_a_panic_would_end_it() {
    let release = build_bin("fixture-bots", "linked", "panic-abort");
    a_named_library_s_endpoints_are_served(&release);
    assert!(warns_of_panics(&release));
    // Takes the place of the program above.
    a_named_library_s_endpoints_are_served(&build_with_full_lto("fixture-bots", "linked"));
}

#[test]
fn a_program_that_no_panic_ends_is_not_warned() {
    assert!(!warns_of_panics(&build_bin("fixture-bots", "linked", "dev")));
}

#[test]
fn a_program_without_endpoints_says_how_linking_works() {
    let program = build_bin("fixture-bots", "unlinked", "dev");
    for arguments in [&["--port", "0"][..], &["endpoints"]] {
        let ended = Program::start(&program, arguments, &[]).unwrap().wait();
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""));
        assert!(
            ended.stderr.starts_with("error: This program has no webhook endpoint."),
            "{ended:?}"
        );
        assert!(ended.stderr.contains("use my_library as _;"), "{ended:?}");
    }
}

#[test]
fn all_that_is_wrong_is_said_at_once() {
    let ended = Program::start(&build("fixture-doubled", "dev"), &[], &[]).unwrap().wait();
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""));
    for part in [
        "Two functions have the path /webhooks/hello:",
        "main.rs:6 (in fixture_doubled)",
        "main.rs:10 (in fixture_doubled::other)",
        "add_webhook(\"/webhooks/webhooks/x\", …) at ",
        "The webhook secret given in code is empty.",
        "FORGOTTEN_SECRET is not set.",
        "The number of workers must be 1 to 512.",
    ] {
        assert!(ended.stderr.contains(part), "{part}: {}", ended.stderr);
    }
}

#[tokio::test]
async fn an_endpoint_of_a_library_is_named_like_its_function() {
    use bots::hello;
    assert_eq!(hello::PATH, "/webhooks/hello");
    assert_eq!(hello::endpoint().description(), "Says hello.\n\nOver two paragraphs.");
    let server = WebhooksServer::empty().endpoint(hello::endpoint()).endpoint(hello::endpoint());
    let server = server.port(0).start().await.unwrap();
    let body = dataset_commit().to_string();
    assert_eq!(post(server.local_url(), hello::PATH, &body).unwrap().body, "hello openai/gsm8k");
    server.stop().await;
}

#[test]
fn a_program_with_everything_in_the_way_runs() {
    let program = Program::start(&build("fixture-renamed", "dev"), &[], &[]).unwrap();
    let url = program.local_url();
    let body = dataset_commit().to_string();
    assert_eq!(post(&url, "/webhooks/request", &body).unwrap().body, "openai/gsm8k");
    assert_eq!(post(&url, "/webhooks/value", &body).unwrap().body, "false");
    assert_eq!(post(&url, "/webhooks/arg0", &body).unwrap().body, "null");
    assert_eq!(post(&url, "/webhooks/type", "[1,2]").unwrap().body, "2");
    program.stop();
}
