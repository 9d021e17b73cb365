//! `trigger`: a delivery from a terminal, sent by one process to another.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on")]

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::JoinHandle;

use serde_json::{Value, json};
use tests::program::{Ended, Program, build};
use webhooks_runtime::WebhookPayload;
use webhooks_runtime::testing::{dataset_commit, samples};

fn quickstart() -> PathBuf {
    build("quickstart", "dev")
}

fn multiple_endpoints() -> PathBuf {
    build("multiple-endpoints", "dev")
}

fn custom_server() -> PathBuf {
    build("custom-server", "dev")
}
// Its function `echo` answers with the body.
fn public() -> PathBuf {
    build("fixture-public", "dev")
}

fn secrets() -> PathBuf {
    build("fixture-secrets", "dev")
}

fn slow() -> PathBuf {
    build("fixture-slow", "dev")
}

fn doubled() -> PathBuf {
    build("fixture-doubled", "dev")
}

const SECRET: (&str, &str) = ("WEBHOOK_SECRET", "hush-hush");

/// A server at a port of its own, and the port.
fn serve(program: &Path, variables: &[(&str, &str)]) -> (Program, String) {
    let server = Program::start(program, &["--port", "0"], variables).unwrap();
    let port = server.local_url().rsplit(':').next().unwrap().to_owned();
    (server, port)
}

/// Runs `trigger` to its end.
fn trigger(program: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Ended {
    let arguments = [&["trigger"], arguments].concat();
    Program::start(program, &arguments, variables).unwrap().wait()
}

fn json(ended: &Ended) -> Value {
    serde_json::from_str(&ended.stdout).unwrap_or_default()
}

/// A program that answers one request, its address, and what it was asked.
fn program_that_answers(answer: String) -> (String, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let asked = std::thread::spawn(move || {
        let (mut connection, _) = listener.accept().unwrap();
        let mut request = Vec::new();
        while !String::from_utf8_lossy(&request).contains("refs/heads/main") {
            let mut some = [0; 4096];
            let read = connection.read(&mut some).unwrap();
            request.extend_from_slice(&some[..read]);
            assert!(read > 0, "the request ends early");
        }
        connection.write_all(answer.as_bytes()).unwrap();
        String::from_utf8_lossy(&request).into_owned()
    });
    (url, asked)
}

// ---- what is sent

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
        assert_eq!(json(&ended), serde_json::to_value(&sample.payload).unwrap());
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
    let sent = json(&trigger(&public(), &arguments.concat(), &[]));
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
    assert_eq!(json(&ended), json!({ "a": [], "new": "x", "z": 2 }));
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

// ---- the secret

#[test]
fn each_endpoint_gets_the_secret_that_it_asks_for() {
    let own = [("TRAINING_SECRET", "one"), ("WEBHOOK_SECRET", "two")];
    let (server, port) = serve(&secrets(), &own);
    for endpoint in ["training", "evaluation"] {
        let ended = trigger(&secrets(), &[endpoint, "--port", &port], &own);
        assert_eq!(ended.code, Some(0), "{endpoint}: {ended:?}");
    }
    server.stop();
    // In code.
    let (server, port) = serve(&custom_server(), &[]);
    let ended = trigger(&custom_server(), &["say_hello", "--port", &port], &[SECRET]);
    assert_eq!((ended.code, json(&ended)["message"].as_str()), (Some(0), Some("hello me/sample")));
    server.stop();
}

#[test]
fn a_refused_secret_ends_with_1_and_a_hint_and_is_never_shown() {
    let other = [("WEBHOOK_SECRET", "another")];
    let (server, port) = serve(&quickstart(), &other);
    for (variables, status) in [(&[SECRET][..], "403 Forbidden"), (&[], "401 Unauthorized")] {
        let ended = trigger(&quickstart(), &["--port", &port], variables);
        assert_eq!(ended.code, Some(1));
        assert!(json(&ended)["error"].is_string(), "{ended:?}");
        assert!(ended.stderr.contains(status), "{ended:?}");
        assert!(ended.stderr.contains("hint: set WEBHOOK_SECRET to"), "{ended:?}");
        assert!(!format!("{ended:?}").contains("hush"), "{ended:?}");
    }
    server.stop();
}

#[test]
fn a_redirect_is_not_followed() {
    let elsewhere = TcpListener::bind("127.0.0.1:0").unwrap();
    elsewhere.set_nonblocking(true).unwrap();
    let location = format!("http://{}/webhooks/trigger_training", elsewhere.local_addr().unwrap());
    for status in ["302 Found", "307 Temporary Redirect"] {
        let answer =
            format!("HTTP/1.1 {status}\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n");
        let (url, asked) = program_that_answers(answer);
        let ended = trigger(&quickstart(), &["--url", &url], &[SECRET]);
        assert_eq!(ended.code, Some(1));
        assert!(
            ended.stderr.contains(&format!("the redirect to {location} was not followed")),
            "{ended:?}"
        );
        let asked = asked.join().unwrap().to_lowercase();
        assert!(asked.starts_with("post /webhooks/trigger_training http/1.1\r\n"), "{asked}");
        for header in [
            "x-webhook-secret: hush-hush\r\n",
            "content-type: application/json\r\n",
            "webhook-id: ",
            "user-agent: webhooks-runtime/",
        ] {
            assert!(asked.contains(header), "{header} {asked}");
        }
        assert!(elsewhere.accept().is_err(), "nobody came");
    }
}

// ---- where it goes

#[test]
fn an_endpoint_is_named_by_its_function_or_its_path() {
    let (server, port) = serve(&multiple_endpoints(), &[]);
    for endpoint in ["trigger_evaluation", "/webhooks/trigger_evaluation", "/trigger_evaluation"] {
        let ended = trigger(&multiple_endpoints(), &[endpoint, "--port", &port], &[]);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), "null\n"), "{endpoint}");
        assert!(ended.stderr.contains("/webhooks/trigger_evaluation  "), "{ended:?}");
    }
    for arguments in [&["trigger_evaluatoin"][..], &[]] {
        let ended = trigger(&multiple_endpoints(), arguments, &[]);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""));
        assert!(ended.stderr.contains("trigger_evaluation, trigger_training"), "{ended:?}");
    }
    server.stop();
}

#[test]
fn an_address_is_that_of_the_server_or_of_the_endpoint() {
    let (server, port) = serve(&quickstart(), &[]);
    let base = format!("http://localhost:{port}");
    for url in [base.clone(), format!("{base}/"), format!("{base}/webhooks/trigger_training")] {
        let ended = trigger(&quickstart(), &["--url", &url], &[]);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        let sent = format!("POST {base}/webhooks/trigger_training  ");
        assert!(ended.stderr.starts_with(&sent), "{ended:?}");
    }
    server.stop();
    for url in ["me-bot.hf.space", "ftp://x", "https://me:hush@x"] {
        let ended = trigger(&quickstart(), &["--url", url], &[]);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{url}");
    }
}

#[test]
fn the_port_comes_from_a_flag_the_code_or_the_environment() {
    let (server, port) = serve(&quickstart(), &[]);
    let variables = [("GRADIO_SERVER_PORT", port.as_str()), ("GRADIO_SERVER_NAME", "0.0.0.0")];
    let ended = trigger(&quickstart(), &[], &variables);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let sent = format!("POST http://127.0.0.1:{port}/webhooks/trigger_training  ");
    assert!(ended.stderr.starts_with(&sent), "{ended:?}");
    // In front of the command they are the server's.
    let in_front = ["--port", &port, "trigger"];
    assert_eq!(Program::start(&quickstart(), &in_front, &[]).unwrap().wait().code, Some(0));
    server.stop();
    let ended = trigger(&quickstart(), &["--port", "0"], &[]);
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains("any free port"), "{ended:?}");
}

#[test]
fn a_server_at_a_port_of_the_range_is_found() {
    // A name of its own, as other tests have servers there, too.
    let server = Program::start(&slow(), &[], &[]).unwrap();
    let _ = server.local_url();
    let ended = trigger(&slow(), &["fails"], &[]);
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains("500 Internal Server Error"), "{ended:?}");
    server.stop();
}

// ---- what goes wrong

#[test]
fn a_server_that_isn_t_there_is_to_be_started_first() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
    let ended = trigger(&quickstart(), &["--port", &port], &[SECRET]);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""));
    for part in ["Nothing listens at", &port, "cargo run", "--url"] {
        assert!(ended.stderr.contains(part), "{part}: {ended:?}");
    }
    assert!(!ended.stderr.contains("hush"), "{ended:?}");
}

#[test]
fn an_answer_that_is_no_success_is_printed_and_ends_with_1() {
    let (server, port) = serve(&quickstart(), &[]);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("empty.json");
    fs::write(&file, "{}").unwrap();
    let arguments = ["--port", &port, "--file", file.to_str().unwrap()];
    let ended = trigger(&quickstart(), &arguments, &[]);
    assert_eq!(ended.code, Some(1));
    assert_eq!(json(&ended)["detail"][0]["type"], "missing");
    assert!(ended.stderr.contains("422 Unprocessable Entity in "), "{ended:?}");
    // The quickstart has no such endpoint.
    let ended = trigger(&public(), &["echo", "--port", &port], &[]);
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains("404 Not Found"), "{ended:?}");
    assert!(ended.stderr.contains("hint: there is no endpoint at this URL"), "{ended:?}");
    server.stop();
}

#[test]
fn help_groups_the_flags_and_has_an_example_for_each_use() {
    let help = trigger(&quickstart(), &["--help"], &[]).stdout;
    assert!(help.starts_with("Send a sample delivery to an endpoint\n"), "{help}");
    let place = |text: &str| help.find(text).unwrap_or_else(|| panic!("no {text:?} in {help}"));
    let groups =
        ["\nDelivery:\n", "  --sample", "  --set", "\nServer:\n", "  --url", "\nExamples:\n"];
    assert!(groups.map(place).is_sorted(), "{help}");
    for use_of in
        ["--set repo.name=", "--sample tag-deleted", "--file delivery.json --url https://"]
    {
        assert!(help.contains(use_of), "{help}");
    }
    // Each flag is described in one line.
    let flags = &help[place("Options:")..place("Examples:")];
    assert!(flags.lines().all(|line| !line.starts_with("          ")), "{flags}");
}

#[test]
fn a_wrong_command_line_ends_with_2_before_anything_is_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    for (arguments, part) in [
        (&["--sample", "dataset-comit"][..], "dataset-commit"),
        (&["--set", "repo.nmae=hush"], "unknown field repo.nmae"),
        (&["--set", "repo.private=hush"], "repo.private: Expected a boolean."),
        (&["--set", "repo.name"], "PATH=VALUE"),
        (&["--file", "x.json", "--sample", "tag-deleted"], "cannot be used with"),
        (&["--url", "http://x"], "cannot be used with"),
    ] {
        let arguments = [&["--port", &port][..], arguments].concat();
        let ended = trigger(&quickstart(), &arguments, &[]);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{ended:?}");
        assert!(ended.stderr.contains(part), "{part}: {ended:?}");
        assert!(ended.stderr.contains("--help"), "{ended:?}");
        assert!(!ended.stderr.contains("hush"), "{ended:?}");
    }
    assert!(listener.accept().is_err(), "nobody came");
}

#[test]
fn a_file_that_is_no_json_is_not_sent_and_the_error_says_where() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("broken.json");
    fs::write(&file, "{\n  \"hush\": nothing\n}").unwrap();
    for (file, part) in [(file.to_str().unwrap(), "line 2, column 12"), ("not/there.json", "read")]
    {
        let ended = trigger(&quickstart(), &["--port", "1", "--file", file], &[]);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""));
        assert!(ended.stderr.contains(file) && ended.stderr.contains(part), "{ended:?}");
        assert!(!ended.stderr.contains("hush") && !ended.stderr.contains("POST"), "{ended:?}");
    }
}

#[test]
fn a_file_with_a_byte_order_mark_is_sent_without_it() {
    let (server, port) = serve(&public(), &[]);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("delivery.json");
    fs::write(&file, "\u{feff}[1]").unwrap();
    let file = file.to_str().unwrap();
    let ended = trigger(&public(), &["echo", "--port", &port, "--file", file], &[]);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), "[\n  1\n]\n"), "{ended:?}");
    assert!(ended.stderr.contains(", 3 bytes"), "{ended:?}");
    server.stop();
}

#[test]
fn the_usual_reasons_why_a_file_is_no_json_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("delivery.json");
    let utf16 = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>();
    for (bytes, part) in [
        (utf16("\u{feff}{\"hush\": 1}"), "is in UTF-16, and the Hub sends UTF-8"),
        (utf16("{\"hush\": 1}"), "is in UTF-16, and the Hub sends UTF-8"),
        (b"{\"hush\": \"\xff\"}".to_vec(), "is not valid UTF-8"),
        (b"// hush\n{}".to_vec(), "has a comment in line 1, and JSON has no comments"),
        (b"{\n  \"hush\": 1, // hush\n  \"a\": 2\n}".to_vec(), "has a comment in line 2"),
        (b"{\n  /* hush */\n}".to_vec(), "has a comment in line 2"),
        (b"\n".to_vec(), "is empty"),
    ] {
        fs::write(&file, &bytes).unwrap();
        let file = file.to_str().unwrap();
        let ended = trigger(&quickstart(), &["--port", "1", "--file", file], &[]);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""));
        assert!(ended.stderr.contains(part), "{part}: {ended:?}");
        assert!(!ended.stderr.contains("hush"), "{ended:?}");
    }
}

#[test]
fn what_keeps_the_server_from_starting_keeps_a_delivery_from_being_sent() {
    let run = |arguments: &[&str]| Program::start(&doubled(), arguments, &[]).unwrap().wait();
    let (started, triggered) = (run(&[]), run(&["trigger", "hello"]));
    assert_eq!((triggered.code, triggered.stdout.as_str()), (Some(1), ""));
    assert_eq!(triggered.stderr, started.stderr);
}

#[test]
fn nobody_need_read_the_answer() {
    let (server, port) = serve(&public(), &[]);
    let mut child = Command::new(public())
        .args(["trigger", "echo", "--port", &port])
        .env("GRADIO_SHARE", "false")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(String::from_utf8_lossy(&output.stderr).contains("200 OK"));
    server.stop();
}
