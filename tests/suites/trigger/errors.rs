//! Errors, and their exit codes.

use std::fs;
use std::net::TcpListener;
use std::process::{Command, Stdio};

use tests::program::Program;
use tests::programs::{doubled, public, quickstart};

use super::{SECRET, printed_json, serve, trigger};

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
    assert_eq!(printed_json(&ended)["detail"][0]["type"], "missing");
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
