//! Whole programs: what they print, how they are told where to listen, how they stop.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on")]

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use serde_json::{Value, json};
use tests::client::{PAGE_TOKEN, PATIENCE, Viewer, connect, get, head, post, read_answer, request};
use tests::payloads::dataset_commit;
use tests::program::{Program, build, build_bin};
use webhooks_runtime::{WebhooksServer, webhook_endpoint};

fn quickstart() -> PathBuf {
    build("quickstart", "dev")
}

fn multiple_endpoints() -> PathBuf {
    build("multiple-endpoints", "dev")
}

fn custom_server() -> PathBuf {
    build("custom-server", "dev")
}

fn slow() -> PathBuf {
    build("fixture-slow", "dev")
}

/// A program with another name than its package.
fn token() -> PathBuf {
    build_bin("fixture-token", "token-bot", "dev")
}

fn start(program: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Program {
    Program::start(program, arguments, variables).unwrap()
}

/// A port that was free a moment ago.
fn free_port() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port().to_string()
}

// ---- hosting platforms

#[test]
fn the_port_of_a_hosting_platform_is_listened_on_for_everyone_and_a_missing_secret_is_warned_of() {
    let port = free_port();
    let platform = [("PORT", port.as_str()), ("GRADIO_SHARE", "")];
    let program = start(&quickstart(), &[], &platform);
    assert_eq!(program.local_url(), format!("http://0.0.0.0:{port}"));
    let url = format!("http://127.0.0.1:{port}");
    let body = dataset_commit().to_string();
    assert_eq!(post(&url, "/webhooks/trigger_training", &body).unwrap().status, 200);
    let warning = program.wait_for_log("because the variable PORT is set");
    assert!(warning.contains("anyone who can connect to it can call your functions"), "{warning}");
    let ended = program.stop();
    assert!(ended.stdout.contains("The server did not create a public URL"), "{}", ended.stdout);

    let secret = [&platform[..], &[("WEBHOOK_SECRET", "hush")]].concat();
    let program = start(&quickstart(), &[], &secret);
    let _ = program.local_url();
    assert!(!program.stop().stderr.contains("PORT"));
}

#[test]
fn the_port_of_a_hosting_platform_gives_way_to_every_other_setting() {
    let (platform, other) = (free_port(), free_port());
    for (arguments, variables) in [
        (&["--port", &other][..], &[("PORT", platform.as_str())][..]),
        (&[], &[("PORT", platform.as_str()), ("GRADIO_SERVER_PORT", other.as_str())]),
    ] {
        let program = start(&quickstart(), arguments, variables);
        assert_eq!(program.local_url(), format!("http://127.0.0.1:{other}"));
        program.stop();
    }
    // What a person's terminal has left over makes the program reachable for nobody else.
    let mut command = Command::new(quickstart());
    command.env_clear().envs([("PORT", platform.as_str()), ("GRADIO_SHARE", "false")]);
    let program = Program::spawn_in_terminal(&mut command).unwrap();
    assert_eq!(program.local_url(), format!("http://127.0.0.1:{platform}"));
    program.stop();
}

// ---- what is printed

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
            "Webhook secret is not defined. Anyone who knows the address can call your functions.\n\
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
    let body = dataset_commit().to_string();
    assert_eq!(post(&url, "/webhooks/trigger_training", &body).unwrap().status, 200);
    let _ = program.wait_for("training on openai/gsm8k");
    program.stop();

    let program = start(&custom_server(), &["--port", "0"], &[PAGE_TOKEN]);
    let _ = program.wait_for("Webhook secret is correctly defined.");
    let url = program.local_url();
    let secret = ["X-Webhook-Secret: my_secret_key"];
    for (path, message) in [("say_hello", "hello"), ("goodbye", "goodbye")] {
        let first = format!("POST /webhooks/{path}");
        let answer = request(&url, &first, &secret, &body).unwrap();
        assert_eq!(answer.json(), json!({ "message": format!("{message} openai/gsm8k") }));
    }
    let page = Viewer::of_program(&url).get("/").unwrap();
    assert!(page.body.contains("<h1>Greeter</h1>") && page.body.contains("id=\"trigger-form\""));
    program.stop();
}

#[test]
fn a_payload_that_differs_from_the_documentation_leaves_one_warning() {
    let program = start(&quickstart(), &["--port", "0"], &[]);
    let url = program.local_url();
    let body = json!({
        "event": { "action": "create", "scope": "discussion" },
        "repo": { "type": "model", "name": "acme/tiny-model", "private": false, "url": null },
        "discussion": {
            "id": "1", "num": 7, "title": "s3cret", "author": "s3cret",
            "url": { "web": "https://huggingface.co/acme/tiny-model/discussions/7" },
            "isPullRequest": false, "status": "open"
        },
        "webhook": { "id": "2", "version": 3 }
    });
    let first = "POST /webhooks/trigger_training";
    let answer = request(&url, first, &["Webhook-Id: 7f3a"], &body.to_string()).unwrap();
    assert_eq!(answer.status, 200, "{answer:?}");
    request(&url, first, &["Webhook-Id: 7f3b"], &dataset_commit().to_string()).unwrap();
    let _ = program.wait_for_log("webhook_id=\"7f3b\"");
    let stderr = program.stop().stderr;
    let warnings: Vec<_> = stderr
        .lines()
        .filter(|line| line.contains("differs from the Hub's documentation"))
        .collect();
    let [warning] = warnings[..] else { panic!("{stderr}") };
    for part in [
        "WARN",
        "endpoint=\"/webhooks/trigger_training\"",
        "webhook_id=\"7f3a\"",
        "missing=\"repo.id, repo.url, repo.owner\"",
        "dropped=\"discussion.author\"",
    ] {
        assert!(warning.contains(part), "{part}: {warning}");
    }
    assert!(!stderr.contains("s3cret"), "{stderr}");
}

#[test]
fn each_delivery_is_one_line_on_standard_error() {
    let program = start(&quickstart(), &["--port", "0"], &[]);
    let url = program.local_url();
    let first = "POST /webhooks/trigger_training";
    request(&url, first, &["Webhook-Id: 7f3a"], &dataset_commit().to_string()).unwrap();
    request(&url, first, &[], "{}").unwrap();
    let mut forged = dataset_commit();
    forged["repo"]["name"] = json!("x\n2026 INFO forged line\u{1b}[31m");
    request(&url, first, &["Webhook-Id: forged"], &forged.to_string()).unwrap();
    let line = program.wait_for_log("webhook_id=\"7f3a\" event=");
    for part in [
        "INFO",
        "endpoint=\"/webhooks/trigger_training\"",
        "event=\"update repo.content\"",
        "repo=\"openai/gsm8k\"",
        "status=200",
        "duration=",
    ] {
        assert!(line.contains(part), "{part}: {line}");
    }
    let line = program.wait_for_log("status=422");
    assert!(line.contains("reason=\"body.event"), "{line}");
    let _ = program.wait_for_log("webhook_id=\"forged\"");
    let ended = program.stop();
    assert!(!ended.stderr.contains('\u{1b}'), "{}", ended.stderr);
    assert!(!ended.stderr.lines().any(|line| line.starts_with("2026 INFO")), "{}", ended.stderr);
    // The warning, the three lines, and the one about stopping.
    assert_eq!(ended.stderr.lines().count(), 5, "{}", ended.stderr);
}

#[test]
fn a_rejected_delivery_is_logged_with_the_reason() {
    let program = start(&slow(), &["--port", "0"], &[("WEBHOOK_SECRET", "hush")]);
    let url = program.local_url();
    let secret = "X-Webhook-Secret: hush";
    let form = "Content-Type: application/x-www-form-urlencoded";
    for (path, headers, status, reason) in [
        ("second", &[][..], 401, "x-webhook-secret header not set."),
        ("second", &["X-Webhook-Secret: s3cret"], 403, "Invalid webhook secret."),
        ("second", &[secret, form], 415, "A webhook endpoint accepts JSON, not a form."),
        ("rejects", &[secret], 409, "The function responded with this status."),
        ("busy", &[secret], 423, "the model is being trained\\nalready\""),
    ] {
        let first = format!("POST /webhooks/{path}");
        assert_eq!(request(&url, &first, headers, "{}").unwrap().status, status);
        let line = program.wait_for_log(&format!("status={status}"));
        assert!(line.contains(&format!("reason=\"{reason}")), "{line}");
    }
    assert!(!program.stop().stderr.contains("s3cret"));
}

/// How many lines of the log hold `text`.
fn lines_with(log: &str, text: &str) -> usize {
    log.lines().filter(|line| line.contains(text)).count()
}

#[test]
fn strangers_cause_a_few_lines_and_one_with_their_count() {
    const REQUESTS: usize = 1000;
    let program = start(&slow(), &["--port", "0"], &[("WEBHOOK_SECRET", "hush")]);
    let url = program.local_url();
    let post = |secret: &str, path: &str, body: &str| {
        let secret = format!("X-Webhook-Secret: {secret}");
        request(&url, &format!("POST /webhooks/{path}"), &[&secret], body).unwrap().status
    };
    for _ in 0..REQUESTS / 2 {
        assert_eq!(post("s3cret", "second", "{}"), 403);
    }
    assert_eq!(post("hush", "second", "{}"), 200);
    for _ in 0..REQUESTS / 2 {
        assert_eq!(post("s3cret", "second", "{}"), 403);
    }
    // The right secret is no stranger's.
    for _ in 0..30 {
        assert_eq!(post("hush", "panics_with", "no JSON"), 422);
    }
    let log = program.stop().stderr;
    assert_eq!(lines_with(&log, "reason=\"Invalid webhook secret.\""), 10, "{log}");
    let rest = log.lines().find(|line| line.contains("further rejected requests")).unwrap();
    assert!(rest.contains("status=403 count=990"), "{rest}");
    assert_eq!(lines_with(&log, "status=200"), 1, "{log}");
    assert_eq!(lines_with(&log, "status=422"), 30, "{log}");
}

#[test]
fn without_a_secret_everyone_is_a_stranger() {
    let program = start(&slow(), &["--port", "0"], &[]);
    let url = program.local_url();
    for _ in 0..30 {
        assert_eq!(post(&url, "/webhooks/panics_with", "no JSON").unwrap().status, 422);
    }
    let log = program.stop().stderr;
    assert_eq!(lines_with(&log, "status=422"), 11, "{log}");
    assert_eq!(lines_with(&log, "count=20"), 1, "{log}");
}

#[test]
fn rust_log_decides_what_is_logged() {
    let program = start(&quickstart(), &["--port", "0"], &[("RUST_LOG", "warn")]);
    let url = program.local_url();
    post(&url, "/webhooks/trigger_training", &dataset_commit().to_string()).unwrap();
    post(&url, "/webhooks/trigger_training", "{}").unwrap();
    let _ = program.wait_for_log("status=422");
    assert!(!program.stop().stderr.contains("status=200"));
}

#[test]
fn a_failure_is_logged_with_its_causes_and_a_panic_with_its_words() {
    let program = start(&slow(), &["--port", "0"], &[]);
    let url = program.local_url();
    for path in ["/webhooks/fails", "/webhooks/panics"] {
        assert_eq!(post(&url, path, "{}").unwrap().status, 500);
    }
    let line = program.wait_for_log("the function failed");
    assert!(line.contains("the training failed: the disk is full"), "{line}");
    assert!(line.contains("endpoint=\"/webhooks/fails\""), "{line}");
    let line = program.wait_for_log("the function panicked");
    assert!(line.contains("oh no"), "{line}");
    assert_eq!(program.stop().code, Some(0));
}

#[test]
fn a_response_after_the_hub_s_30_seconds_is_warned_of() {
    let program = start(&slow(), &["--port", "0"], &[]);
    let url = program.local_url();
    let mut stream = connect(&url).unwrap();
    stream.set_read_timeout(Some(3 * PATIENCE)).unwrap();
    let bytes = head("POST /webhooks/late", &["Webhook-Id: late", "Content-Length: 2"]) + "{}";
    stream.write_all(bytes.as_bytes()).unwrap();
    assert_eq!(read_answer(&mut stream).unwrap().status, 200);
    let line = program.wait_for_log("the Hub has given up on this delivery");
    assert!(line.contains(" WARN ") && line.contains("webhook_id=\"late\""), "{line}");
    assert!(line.contains("#[webhook_endpoint(background)]"), "{line}");
    assert_eq!(program.stop().stderr.matches("has given up").count(), 1);
}

#[test]
fn what_comes_from_outside_is_one_line_and_gives_a_terminal_no_orders() {
    let name = "a\n2026 ERROR forged\r\u{1b}[2J\u{9b}2J\u{202e}b\u{2028}c";
    let body = json!({ "repo": { "name": name } }).to_string();
    for path in ["panics_with", "panics_blocking", "panics_elsewhere", "fails_with"] {
        let program = start(&slow(), &["--port", "0"], &[]);
        let url = program.local_url();
        let answer = post(&url, &format!("/webhooks/{path}"), &body).unwrap();
        assert_eq!(answer.status, if path == "panics_elsewhere" { 200 } else { 500 });
        let line = program.wait_for_log("cannot train on a\\n2026 ERROR forged\\");
        assert!(line.contains(" ERROR "), "{line}");
        if path != "fails_with" {
            assert!(line.contains("src/main.rs:"), "{line}");
        }
        let log = program.stop().stderr;
        assert_eq!(log.matches("cannot train on").count(), 1, "once: {log}");
        let orders = ['\r', '\u{1b}', '\u{9b}', '\u{202e}', '\u{2028}'];
        assert!(!log.contains(orders), "{path}: {log:?}");
        assert!(!log.lines().any(|line| line.starts_with("2026 ERROR")), "{path}: {log}");
    }
}

#[test]
fn a_panic_hook_of_the_program_is_kept() {
    let program = start(&slow(), &["--port", "0"], &[("OWN_HOOK", "1")]);
    assert_eq!(post(&program.local_url(), "/webhooks/panics", "{}").unwrap().status, 500);
    let _ = program.wait_for_log("the program's own hook");
    let line = program.wait_for_log("the function panicked");
    assert!(line.contains("oh no"), "{line}");
    program.stop();
}

#[test]
fn what_is_no_http_leaves_no_log_lines_unless_they_are_asked_for() {
    let scan = |url: &str| {
        for _ in 0..20 {
            let mut stream = connect(url).unwrap();
            stream.write_all(b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03\r\n\r\n").unwrap();
            let mut answer = Vec::new();
            let _ = stream.read_to_end(&mut answer);
            assert!(answer.starts_with(b"HTTP/1.1 400"), "{answer:?}");
        }
    };
    let program = start(&quickstart(), &["--port", "0"], &[]);
    scan(&program.local_url());
    let ended = program.stop();
    // The warning about the API, and the line about stopping.
    assert_eq!(ended.stderr.lines().count(), 2, "{}", ended.stderr);
    let program = start(&quickstart(), &["--port", "0"], &[("RUST_LOG", "debug")]);
    scan(&program.local_url());
    let _ = program.wait_for_log("stream error");
    program.stop();
}

#[test]
fn a_reader_that_goes_away_doesn_t_stop_the_server() {
    use std::process::{Command, Stdio};
    let port = free_port();
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

// ---- where it listens

#[test]
fn the_first_free_port_of_the_range_is_taken_and_on_a_space_the_one_that_it_forwards() {
    // Somebody else on this machine may have it.
    if TcpListener::bind("0.0.0.0:7860").is_ok() {
        let space = start(&quickstart(), &[], &[("SPACE_ID", "me/bot")]);
        assert_eq!(space.local_url(), "http://0.0.0.0:7860");
        space.stop();
    }
    // Ports of the range that others have are skipped just as well.
    let one = start(&quickstart(), &[], &[]);
    let other = start(&quickstart(), &[], &[]);
    let port = |program: &Program| -> u16 {
        let url = program.local_url();
        url.rsplit(':').next().unwrap().parse().unwrap()
    };
    let (one_port, other_port) = (port(&one), port(&other));
    assert!((7860..=7959).contains(&one_port) && (7860..=7959).contains(&other_port));
    assert_ne!(one_port, other_port);
    one.stop();
    other.stop();
}

#[test]
fn a_port_that_is_taken_is_named_with_a_way_out() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let ended = start(&quickstart(), &["--port", &port], &[]).wait();
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""));
    for part in [format!("127.0.0.1:{port}"), "already in use".to_owned(), "--port".to_owned()] {
        assert!(ended.stderr.contains(&part), "{part}: {}", ended.stderr);
    }
}

#[test]
fn a_flag_goes_before_the_environment() {
    let (flag, variable) = (free_port(), free_port());
    let variables =
        [("GRADIO_SERVER_NAME", "127.0.0.1"), ("GRADIO_SERVER_PORT", variable.as_str())];
    let program = start(&quickstart(), &["--host", "localhost", "--port", &flag], &variables);
    assert_eq!(program.local_url(), format!("http://localhost:{flag}"));
    program.stop();
    let program = start(&quickstart(), &[], &variables);
    assert_eq!(program.local_url(), format!("http://127.0.0.1:{variable}"));
    program.stop();
}

#[test]
fn on_a_space_the_urls_are_the_space_s() {
    let space = [("SPACE_ID", "me/bot"), ("SPACE_HOST", "me-bot.hf.space")];
    // The port is given, as two tests could want 7860 at a time.
    let program = start(&quickstart(), &["--port", "0"], &space);
    let url = program.local_url();
    assert!(url.starts_with("http://0.0.0.0:"), "{url}");
    let _ = program.wait_for("  - POST https://me-bot.hf.space/webhooks/trigger_training");
    let page = get(&url, "/").unwrap();
    assert!(page.body.contains("https://me-bot.hf.space/webhooks/trigger_training"));
    assert!(page.body.contains("running on a Space"));
    assert!(
        page.header("content-security-policy")
            .unwrap()
            .contains("frame-ancestors https://huggingface.co")
    );
    program.stop();
}

#[test]
fn an_ipv6_address_stands_in_brackets() {
    let program = start(&quickstart(), &["--host", "::1", "--port", "0"], &[]);
    let url = program.local_url();
    assert!(url.starts_with("http://[::1]:"), "{url}");
    assert_eq!(get(&url, "/").unwrap().status, 200);
    program.stop();
}

// ---- the command line

#[test]
fn wrong_flags_end_with_2_and_help_with_0() {
    for wrong in [
        &["--prot", "8000"][..],
        &["--port", "http"],
        &["--workers", "0"],
        &["--workers", "513"],
        &["serve"],
    ] {
        let ended = start(&quickstart(), wrong, &[]).wait();
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{wrong:?}");
        assert!(ended.stderr.contains("--help"), "{}", ended.stderr);
    }
    let help = start(&quickstart(), &["--help"], &[]).wait();
    assert_eq!(help.code, Some(0));
    for part in ["Usage: quickstart", "--host", "--port", "--workers", "endpoints"] {
        assert!(help.stdout.contains(part), "{part}: {}", help.stdout);
    }
    let version = start(&quickstart(), &["--version"], &[]).wait();
    assert_eq!(version.code, Some(0));
    assert!(version.stdout.starts_with("quickstart 0.1.0 (webhooks-runtime "), "{version:?}");
}

#[test]
fn help_is_wrapped_and_names_the_variables_and_the_program_that_runs() {
    let help = start(&token(), &["--help"], &[]).wait().stdout;
    assert!(help.contains("Usage: token-bot [OPTIONS]"), "{help}");
    for variable in [
        "WEBHOOK_SECRET",
        "WEBHOOKS_PAGE_TOKEN",
        "PORT",
        "GRADIO_SERVER_PORT",
        "WEBHOOKS_STORE",
        "HTTPS_PROXY",
        "RUST_LOG",
    ] {
        assert!(help.contains(&format!("\n  {variable} ")), "{variable}: {help}");
    }
    for arguments in [&["--help"][..], &["deliveries", "--help"], &["trigger", "--help"]] {
        let help = start(&token(), arguments, &[]).wait().stdout;
        let widest = help.lines().max_by_key(|line| line.chars().count()).unwrap();
        assert!(widest.chars().count() <= 100, "{widest}");
    }
}

#[test]
fn a_shell_gets_a_script_of_completions() {
    let ended = start(&token(), &["completions", "bash"], &[("PANIC", "1")]).wait();
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    assert!(ended.stdout.contains("complete -F") && ended.stdout.contains("--new-share-url"));
    // bash itself reads it.
    let script = format!("{}\ncomplete -p token-bot", ended.stdout);
    let bash = Command::new("bash").args(["-c", &script]).output().unwrap();
    assert!(bash.status.success(), "{bash:?}");
}

#[test]
fn the_endpoints_are_listed_for_people_and_for_scripts() {
    let listed = start(&multiple_endpoints(), &["endpoints"], &[]).wait();
    assert_eq!(listed.code, Some(0));
    let lines: Vec<_> = listed.stdout.lines().collect();
    assert!(lines[0].starts_with("/webhooks/trigger_evaluation  "), "{lines:?}");
    assert!(lines[0].contains("main.rs:"), "{lines:?}");
    assert_eq!(lines[1].trim(), "Evaluates when a model was updated.");

    let listed = start(&multiple_endpoints(), &["endpoints", "--json"], &[]).wait();
    let json: Value = serde_json::from_str(&listed.stdout).unwrap();
    assert_eq!(json[1]["path"], "/webhooks/trigger_training");
    assert_eq!(json[1]["name"], "trigger_training");
    assert_eq!(json[1]["description"], "Trains when a dataset was updated.");
    assert_eq!(json[1]["module"], "multiple_endpoints");
    assert_eq!(json[1]["secret_env"], Value::Null);
    assert!(json[1]["line"].is_u64() && json[1]["file"].is_string());
}

// ---- a server that cannot be set up

#[test]
fn an_error_of_the_expression_ends_the_program_with_its_causes_and_1() {
    let ended = start(&token(), &["--port", "0"], &[]).wait();
    assert_eq!(ended.code, Some(1));
    assert_eq!(ended.stderr, "error: HF_TOKEN is not set: environment variable not found\n");

    let program = start(&token(), &["--port", "0"], &[("HF_TOKEN", "1234567")]);
    let url = program.local_url();
    assert_eq!(post(&url, "/webhooks/length", "{}").unwrap().body, "7");
    assert_eq!(program.stop().code, Some(0));
}

#[test]
fn what_needs_no_server_does_not_set_it_up() {
    for arguments in [
        &["--help"][..],
        &["--version"],
        &["deliveries", "--help"],
        &["trigger", "--list"],
        &["deliveries", "--store", "none.db"],
    ] {
        let ended = start(&token(), arguments, &[("PANIC", "1")]).wait();
        assert!(!ended.stdout.contains("the server is set up"), "{arguments:?}: {ended:?}");
        assert!(!ended.stderr.contains("panicked"), "{arguments:?}: {ended:?}");
    }
}

#[test]
fn a_command_goes_on_without_the_settings_in_code_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("kept.db");
    let store = store.to_str().unwrap();
    let program = start(&token(), &["--port", "0", "--store", store], &[("HF_TOKEN", "1234567")]);
    let url = program.local_url();
    let port = url.rsplit(':').next().unwrap();
    let commands = [
        (&["endpoints"][..], "/webhooks/length"),
        (&["trigger", "length", "--port", port], "7"),
        (&["deliveries", "--json"], "[]"),
    ];
    for (arguments, output) in commands {
        for variable in [("NONE", ""), ("PANIC", "1")] {
            let ended = start(&token(), arguments, &[variable, ("WEBHOOKS_STORE", store)]).wait();
            assert_eq!(ended.code, Some(0), "{arguments:?}: {ended:?}");
            assert!(ended.stdout.contains(output), "{arguments:?}: {ended:?}");
            let warning = ended.stderr.lines().find(|line| line.starts_with("Warning: ")).unwrap();
            let cause = if variable.0 == "PANIC" { "it panicked" } else { "HF_TOKEN is not set" };
            assert!(warning.contains(cause), "{warning}");
        }
    }
    program.stop();
}

#[test]
fn the_error_of_the_settings_in_code_forges_no_line_and_gives_the_terminal_no_orders() {
    let error = ("ERROR", "no\u{1b}[2J\nWarning: \u{202e}forged");
    let ended = start(&token(), &["endpoints"], &[error]).wait();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(
        ended.stderr.contains("failed: no\\u{1b}[2J\\nWarning: \\u{202e}forged. Only flags"),
        "{ended:?}"
    );
    assert_eq!(ended.stderr.lines().count(), 1, "{ended:?}");
}

#[test]
fn nothing_is_changed_in_a_store_that_may_be_another_one() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("kept.db");
    let store = store.to_str().unwrap();
    let token_and_store = [("HF_TOKEN", "1234567"), ("STORE_IN_CODE", store)];
    let program = start(&token(), &["--port", "0"], &token_and_store);
    let _ = program.local_url();
    let purge = ["deliveries", "purge", "--dead", "--older-than", "30d"];
    let ended = start(&token(), &purge, &[("STORE_IN_CODE", store)]).wait();
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("Name it: --store"), "{ended:?}");
    let ended = start(&token(), &[&purge[..], &["--store", store]].concat(), &[]).wait();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    program.stop();
}

// ---- how it stops

#[test]
fn a_signal_lets_the_running_delivery_end_and_takes_no_other() {
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let program = start(&slow(), &["--port", "0"], &[]);
        let url = program.local_url();
        let mut idle = connect(&url).unwrap();
        idle.write_all(head("GET /", &[]).as_bytes()).unwrap();
        read_answer(&mut idle).unwrap();
        let mut running = connect(&url).unwrap();
        let bytes = head("POST /webhooks/second", &["Content-Length: 2"]) + "{}";
        running.write_all(bytes.as_bytes()).unwrap();
        let _ = program.wait_for("second started");
        program.signal(signal).unwrap();
        let _ = program.wait_for_log("Shutting down");
        let answer = read_answer(&mut running).unwrap();
        assert_eq!((answer.status, answer.body.as_str()), (200, "\"done\""));
        let ended = program.wait();
        assert_eq!(ended.code, Some(0), "{signal}");
        assert!(connect(&url).is_err(), "the port is closed");
    }
}

#[test]
fn what_runs_longer_than_the_limit_is_not_waited_for() {
    let program = start(&slow(), &["--port", "0"], &[("SHUTDOWN_SECONDS", "1")]);
    let url = program.local_url();
    let mut running = connect(&url).unwrap();
    let bytes = head("POST /webhooks/hour", &["Content-Length: 2"]) + "{}";
    running.write_all(bytes.as_bytes()).unwrap();
    let _ = program.wait_for("hour started");
    let ended = program.stop();
    assert_eq!(ended.code, Some(0));
    let line =
        ended.stderr.lines().find(|line| line.contains("the shutdown timeout is over")).unwrap();
    assert!(line.contains("count=1 endpoints=\"/webhooks/hour (1)\""), "{line}");
}

#[test]
fn a_thread_that_is_blocked_does_not_hold_up_the_end() {
    let program = start(&slow(), &["--port", "0"], &[("SHUTDOWN_SECONDS", "1")]);
    let mut running = connect(&program.local_url()).unwrap();
    let bytes = head("POST /webhooks/blocks", &["Content-Length: 2"]) + "{}";
    running.write_all(bytes.as_bytes()).unwrap();
    let _ = program.wait_for("blocks started");
    let ended = program.stop();
    assert_eq!(ended.code, Some(0));
    assert!(!ended.stdout.contains("blocks ended"), "{}", ended.stdout);
    assert!(ended.stderr.contains("endpoints=\"/webhooks/blocks (1)\""), "{}", ended.stderr);
}

#[test]
fn a_second_signal_stops_at_once() {
    for path in ["/webhooks/hour", "/webhooks/blocking_hour"] {
        let program = start(&slow(), &["--port", "0"], &[("SHUTDOWN_SECONDS", "3600")]);
        let url = program.local_url();
        let mut running = connect(&url).unwrap();
        let bytes = head(&format!("POST {path}"), &["Content-Length: 2"]) + "{}";
        running.write_all(bytes.as_bytes()).unwrap();
        let _ = program.wait_for("hour started");
        program.signal(Signal::SIGINT).unwrap();
        let _ = program.wait_for_log("Shutting down");
        program.signal(Signal::SIGINT).unwrap();
        assert_eq!(program.wait().code, Some(0));
    }
}

// ---- inside another program

#[webhook_endpoint]
async fn inner() -> &'static str {
    "inner"
}

/// Returns a server with the endpoints of this suite.
fn new_server() -> WebhooksServer {
    WebhooksServer::empty().endpoint(inner::endpoint())
}

#[tokio::test]
async fn two_servers_run_in_one_process_and_stop_one_by_one() {
    let one = new_server().port(0).start().await.unwrap();
    let other = new_server().port(0).start().await.unwrap();
    assert_eq!(one.public_url(), None);
    let urls = [one.local_url().to_owned(), other.local_url().to_owned()];
    assert_eq!(post(&urls[0], inner::PATH, "").unwrap().body, "inner");
    assert_eq!(post(&urls[1], inner::PATH, "").unwrap().body, "inner");
    one.stop().await;
    assert!(connect(&urls[0]).is_err());
    assert_eq!(post(&urls[1], inner::PATH, "").unwrap().body, "inner");
    other.stop().await;
}

#[tokio::test]
async fn a_program_learns_that_its_server_has_ended() {
    let server = new_server().port(0).start().await.unwrap();
    let mut ended = tokio::spawn(server.wait());
    assert!(tokio::time::timeout(Duration::from_millis(100), &mut ended).await.is_err());
    server.stop().await;
    tokio::time::timeout(PATIENCE, ended).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_limit_that_no_clock_can_count_is_an_error_at_the_start() {
    let server = new_server().port(0).shutdown_timeout(Duration::MAX);
    let error = server.start().await.unwrap_err();
    assert_eq!(error.to_string(), "The shutdown timeout must be at most one day.");
}

#[tokio::test]
async fn launch_says_that_it_has_no_place_in_async_code() {
    let error = new_server().port(0).launch().unwrap_err();
    assert!(error.to_string().contains(".run().await"), "{error}");
    // What a `main` that returns the error prints is the same text.
    assert_eq!(format!("{error:?}"), error.to_string());
}
