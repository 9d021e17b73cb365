//! What is sent.

use tests::programs::public;

use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::json;
use webhooks_runtime::WebhookPayload;
use webhooks_runtime::testing::{dataset_commit, samples};

use super::{SECRET, printed_json, serve, trigger};

#[test]
fn a_sample_goes_to_the_endpoint_and_its_answer_to_standard_output() {
    let (server, port) = serve(&public(), &[SECRET]);
    let ended = trigger(&public(), &["echo", "--port", &port], &[SECRET]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let sample = WebhookPayload::from(dataset_commit());
    assert_eq!(ended.stdout, serde_json::to_string_pretty(&sample).unwrap() + "\n");
    let lines: Vec<_> = ended.stderr.lines().collect();
    let bytes = serde_json::to_string(&sample).unwrap().len();
    let sent = format!("POST http://127.0.0.1:{port}/webhooks/echo  dataset-commit, {bytes} bytes");
    assert_eq!(lines[0], sent);
    assert!(lines[1].starts_with("200 OK in ") && lines[1].ends_with(" ms"), "{lines:?}");
    assert_eq!(lines.len(), 2, "{lines:?}");
    let line = server.wait_for_log("status=200");
    assert!(line.contains("webhook_id=\"") && line.contains("repo=\"me/sample\""), "{line}");
    assert!(!server.stop().stderr.contains("hush"), "the secret isn't logged");
}

#[test]
fn every_sample_can_be_sent_and_is_listed() {
    let (server, port) = serve(&public(), &[]);
    let listed = trigger(&public(), &["--list"], &[]);
    assert_eq!(listed.code, Some(0));
    for (sample, line) in samples().iter().zip(listed.stdout.lines()) {
        let ended = trigger(&public(), &["echo", "--sample", sample.name, "--port", &port], &[]);
        assert_eq!(printed_json(&ended), serde_json::to_value(&sample.payload).unwrap());
        let event = &sample.payload.event;
        assert!(line.starts_with(sample.name) && line.ends_with(sample.description), "{line}");
        assert!(line.contains(&format!(" {} {} ", event.action, event.scope)), "{line}");
    }
    assert_eq!(listed.stdout.lines().count(), samples().len());
    server.stop();
}

#[test]
fn fields_are_set_by_either_of_their_names_and_addresses_follow_the_name() {
    let (server, port) = serve(&public(), &[]);
    let arguments = [
        &["echo", "--port", &port][..],
        &["--set", "repo.name=me/data", "--set", "repo.head_sha=abc", "--set", "repo.private=true"],
        &["--set", "updatedRefs.0.newSha=abc", "--set", "updated_refs.0.ref_name=refs/heads/dev"],
    ];
    let sent = printed_json(&trigger(&public(), &arguments.concat(), &[]));
    assert_eq!(sent["repo"]["name"], "me/data");
    assert_eq!(sent["repo"]["url"]["web"], "https://huggingface.co/datasets/me/data");
    assert_eq!(sent["repo"]["headSha"], "abc");
    assert_eq!(sent["repo"]["private"], true);
    assert_eq!(sent["updatedRefs"][0]["newSha"], "abc");
    assert_eq!(sent["updatedRefs"][0]["ref"], "refs/heads/dev");
    server.stop();
}

#[test]
fn a_file_is_sent_byte_for_byte_unless_something_is_set_in_it() {
    let (server, port) = serve(&public(), &[]);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("delivery.json");
    let text = "{ \"z\": 1.50,\n\"a\" : [] }";
    fs::write(&file, text).unwrap();
    let file = file.to_str().unwrap();

    let ended = trigger(&public(), &["echo", "--port", &port, "--file", file], &[]);
    assert_eq!(ended.stdout, "{\n  \"z\": 1.5,\n  \"a\": []\n}\n");
    assert!(ended.stderr.contains(&format!("{file}, {} bytes", text.len())), "{}", ended.stderr);

    let set = ["echo", "--port", &port, "--file", file, "--set", "new=x", "--set", "z=2"];
    let ended = trigger(&public(), &set, &[]);
    assert_eq!(printed_json(&ended), json!({ "a": [], "new": "x", "z": 2 }));
    server.stop();
}

#[test]
fn standard_input_is_a_file_too() {
    let (server, port) = serve(&public(), &[]);
    let mut child = Command::new(public())
        .args(["trigger", "echo", "--port", &port, "--file", "-"])
        .env("GRADIO_SHARE", "false")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"[1]").unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "[\n  1\n]\n");
    assert!(String::from_utf8_lossy(&output.stderr).contains("standard input, 3 bytes"));
    server.stop();
}
