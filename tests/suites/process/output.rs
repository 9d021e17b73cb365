//! What a program prints at its start.

use std::process::Command;
use std::time::Instant;

use serde_json::json;
use tests::client::{PAGE_TOKEN, PATIENCE, Viewer, get, post, request};
use tests::payloads::{dataset_commit, with};
use tests::programs::{custom_server, free_port, multiple_endpoints, quickstart};

use super::start;

#[test]
fn the_quickstart_prints_what_a_person_needs_in_this_order() {
    let program = start(&quickstart(), &["--port", "0"], &[]);
    let url = program.local_url();
    let body = dataset_commit().to_string();
    let answer = post(&url, "/webhooks/trigger_training", &body).unwrap();
    assert_eq!((answer.status, answer.body.as_str()), (200, "null"));
    let ended = program.stop();
    assert_eq!(
        ended.stdout,
        format!(
            "Webhook secret is not defined. Anyone who knows the URL can call your functions.\n\
             To define one, set the environment variable WEBHOOK_SECRET, or write in main.rs:\n    \
             webhooks_main!(WebhooksServer::new().webhook_secret(\"my_secret\"));\n\
             and enter the same secret in your webhook's settings: https://huggingface.co/docs/hub/webhooks#webhook-secret\n\
             * Running on local URL:  {url}\n\
             * Page with deliveries:  {url}/?token=$WEBHOOKS_PAGE_TOKEN\n  \
             To open it, set WEBHOOKS_PAGE_TOKEN to 16 or more letters, digits, - or _ and start again.\n\
             \n\
             The Hub cannot reach these endpoints yet, because the server has no public URL:\n  \
             - POST {url}/webhooks/trigger_training\n\
             Start with --share to create one, or pass the URL of your own proxy or tunnel with --public-url.\n\
             Then go to https://huggingface.co/settings/webhooks to set up your webhooks.\n"
        )
    );
    assert_eq!(ended.code, Some(0));
}

#[test]
#[ignore = "needs strip, of binutils"]
fn a_program_does_not_hold_the_folder_that_it_was_built_in() {
    let folder = tempfile::tempdir().unwrap();
    // Without the debug information, which a release has none of.
    let stripped = folder.path().join("stripped");
    let mut strip = Command::new("strip");
    strip.arg("-o").arg(&stripped).arg(quickstart());
    assert!(strip.status().unwrap().success());
    let program = std::fs::read(stripped).unwrap();
    let built_in = tests::repository::root().canonicalize().unwrap().join("examples/quickstart");
    let built_in = built_in.to_str().unwrap().as_bytes().to_owned();
    assert!(!program.windows(built_in.len()).any(|bytes| bytes == built_in));
}

#[test]
fn a_secret_that_is_not_what_it_seems_is_warned_of() {
    let program = start(&custom_server(), &["--port", "0"], &[("WEBHOOK_SECRET", "hush")]);
    let warning = program.wait_for_log("Warning: WEBHOOK_SECRET is ignored");
    assert!(!warning.contains("hush"), "{warning}");
    program.stop();

    let quoted = [("WEBHOOK_SECRET", "\"hush\""), ("WEBHOOK_SECRET_PREVIOUS", "'hush'")];
    let program = start(&quickstart(), &["--port", "0"], &quoted);
    for name in ["WEBHOOK_SECRET", "WEBHOOK_SECRET_PREVIOUS"] {
        let warning = program.wait_for_log(&format!("Warning: {name} is wrapped in quotes"));
        assert!(!warning.contains("hush"), "{warning}");
    }
    program.stop();

    let right = [("WEBHOOK_SECRET", "hush")];
    let program = start(&quickstart(), &["--port", "0"], &right);
    let _ = program.local_url();
    let ended = program.stop();
    assert!(!ended.stderr.contains("WEBHOOK_SECRET"), "{}", ended.stderr);
}

#[test]
fn the_experimental_warning_is_one_line_and_can_be_silenced() {
    let warnings = |variables: &[(&str, &str)]| {
        let program = start(&quickstart(), &["--port", "0"], variables);
        let _ = program.local_url();
        let ended = program.stop();
        ended.stderr.lines().filter(|line| line.contains("experimental")).count()
    };
    assert_eq!(warnings(&[]), 1);
    assert_eq!(warnings(&[("HF_HUB_DISABLE_EXPERIMENTAL_WARNING", "1")]), 0);
}

#[test]
fn the_endpoints_of_the_examples_answer() {
    let program = start(&multiple_endpoints(), &["--port", "0"], &[]);
    let url = program.local_url();
    let _ = program.wait_for(&format!("  - POST {url}/webhooks/trigger_evaluation"));
    let _ = program.wait_for(&format!("  - POST {url}/webhooks/trigger_training"));
    let body = with(dataset_commit(), "/repo/name", json!("me/data")).to_string();
    assert_eq!(post(&url, "/webhooks/trigger_training", &body).unwrap().status, 200);
    let _ = program.wait_for("training on me/data");
    program.stop();

    let program = start(&custom_server(), &["--port", "0"], &[PAGE_TOKEN]);
    let _ = program.wait_for("Webhook secret is correctly defined.");
    let url = program.local_url();
    let secret = ["X-Webhook-Secret: my_secret_key"];
    for (path, message) in [("say_hello", "hello"), ("goodbye", "goodbye")] {
        let first = format!("POST /webhooks/{path}");
        let answer = request(&url, &first, &secret, &body).unwrap();
        assert_eq!(answer.json(), json!({ "message": format!("{message} me/data") }));
    }
    let page = Viewer::of_program(&url).get("/").unwrap();
    assert!(page.body.contains("<h1>Greeter</h1>") && page.body.contains("id=\"trigger-form\""));
    program.stop();
}

#[test]
fn a_reader_that_goes_away_doesn_t_stop_the_server() {
    use std::process::{Command, Stdio};
    let port = free_port().to_string();
    let mut child = Command::new(quickstart())
        .args(["--port", &port])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let deadline = Instant::now() + PATIENCE;
    let served = loop {
        match get(&format!("http://127.0.0.1:{port}"), "/") {
            Err(_) if Instant::now() < deadline => std::thread::yield_now(),
            served => break served,
        }
    };
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(served.unwrap().status, 200);
}
