//! `deliver`: one delivery in one process, as a Job of the Hub runs it, with what its environment has and nothing else.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on")]

use std::os::unix::ffi::OsStrExt;
use std::process::{Command, Stdio};

use nix::sys::signal::Signal;
use tests::client::post;
use tests::program::{Ended, Program};
use tests::programs::{filtered, job};
use webhooks_runtime::WebhookPayload;
use webhooks_runtime::testing::{
    comment_created, dataset_commit, discussion_opened, repo_made_private, samples, space_commit,
};

const ID: (&str, &str) = ("WEBHOOK_ID", "6da33a6f-8df7-4094-beac-6e00d9de560e");

/// How many functions the program has.
const FUNCTIONS: usize = 12;

fn json(sample: impl Into<WebhookPayload>) -> String {
    serde_json::to_string(&sample.into()).unwrap()
}

/// The JSON of the sample with this name.
fn sample(name: &str) -> String {
    json(samples().into_iter().find(|sample| sample.name == name).unwrap().payload)
}

fn start(arguments: &[&str], payload: &str) -> Program {
    let variables = [("WEBHOOK_PAYLOAD", payload), ID, ("WEBHOOK_SECRET", "hush")];
    Program::start(&job(), &[&["deliver"], arguments].concat(), &variables).unwrap()
}

/// Runs a Job for this delivery.
fn run(payload: &str) -> Ended {
    start(&[], payload).wait()
}

/// Runs the command as a person does in a terminal, with this standard input.
fn in_terminal(arguments: &[&str], input: &str) -> Ended {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), input).unwrap();
    let input = Stdio::from(std::fs::File::open(file.path()).unwrap());
    let mut command = Command::new(job());
    command.arg("deliver").args(arguments).env_clear().stdin(input);
    let output = command.output().unwrap();
    Ended {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// The line of an endpoint.
fn line<'a>(ended: &'a Ended, endpoint: &str) -> &'a str {
    let path = format!("/webhooks/{endpoint} ");
    let line = ended.stdout.lines().find_map(|line| line.strip_prefix(&*path));
    line.unwrap_or_default().trim_start()
}

#[test]
fn a_job_runs_the_functions_whose_filters_match_with_every_argument_and_no_secret() {
    let ended = run(&json(dataset_commit().repo("me/data")));
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let printed = "retraining tiny on me/data \"repo.content\" for 6da33a6f-8df7-4094-beac-6e00d9de560e, POST\n";
    assert!(ended.stdout.contains(printed), "{ended:?}");
    assert!(line(&ended, "retrain").starts_with("succeeded in "), "{ended:?}");
    let skipped = "skipped (on: the event is not discussion)";
    assert_eq!(line(&ended, "index"), skipped, "{ended:?}");
    assert!(ended.stderr.contains("WEBHOOK_PAYLOAD, "), "{ended:?}");
    let log = ended.stderr.lines().find(|line| line.contains("status=200")).unwrap();
    assert!(
        log.contains("webhook_id=\"6da33a6f-8df7-4094-beac-6e00d9de560e\"")
            && log.contains("me/data"),
        "{log}"
    );
    assert!(!ended.stderr.contains("hush"), "{ended:?}");
}

#[test]
fn a_background_function_runs_with_its_attempts_and_stores_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(job());
    let variables = [ID, ("WEBHOOK_PAYLOAD", &json(discussion_opened()))];
    command.arg("deliver").env_clear().envs(variables);
    let ended = Program::spawn(command.current_dir(folder.path())).unwrap().wait();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    for attempt in 1..=3 {
        // A retry of the Hub has the same id.
        let printed = format!("{}: attempt {attempt} of 3 with tiny\n", ID.1);
        assert!(ended.stdout.contains(&printed), "{ended:?}");
    }
    assert!(line(&ended, "index").starts_with("succeeded in "), "{ended:?}");
    assert!(ended.stderr.contains("retry_in="), "{ended:?}");
    assert_eq!(folder.path().read_dir().unwrap().count(), 0);
}

#[test]
fn a_function_that_fails_for_good_ends_the_job_with_1_after_the_others_ran() {
    let ended = run(&json(repo_made_private()));
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let audit = line(&ended, "audit");
    assert!(
        audit.starts_with("failed after ") && audit.ends_with(": no quota\\nleft"),
        "{ended:?}"
    );
    assert!(line(&ended, "note").starts_with("succeeded in "), "{ended:?}");
    let failures = ended.stderr.lines().filter(|line| line.contains("the function failed"));
    assert_eq!(failures.count(), 2, "{ended:?}");

    let ended = run(&sample("repo-moved"));
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(line(&ended, "slow").contains("100ms"), "{ended:?}");
}

#[test]
fn each_way_to_fail_is_1_and_a_body_that_an_argument_cannot_read_is_2() {
    for (name, function, code, text) in [
        ("error", "error", 1, ": no space left"),
        ("panic", "panics", 1, ": out of cheese"),
        ("refusal", "refuses", 1, ": The function responded with this status."),
        ("stream", "breaks", 1, ": its response broke off"),
        ("typed", "typed", 2, "rejected: "),
    ] {
        let ended = run(&json(space_commit().repo(format!("me/{name}"))));
        assert_eq!(ended.code, Some(code), "{ended:?}");
        assert!(line(&ended, function).contains(text), "{ended:?}");
        assert!(!ended.stdout.contains("succeeded"), "{ended:?}");
    }
}

#[test]
fn a_filter_that_needs_a_field_of_another_shape_rejects_the_delivery() {
    let mut payload = serde_json::to_value(WebhookPayload::from(dataset_commit().repo("me/data")));
    payload.as_mut().unwrap()["updatedRefs"] = "main".into();
    let ended = run(&payload.unwrap().to_string());
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(line(&ended, "retrain").contains("updatedRefs"), "{ended:?}");
}

#[test]
fn a_larger_body_than_the_limit_is_rejected() {
    let text = "x".repeat(11 * 1024 * 1024);
    let ended = in_terminal(&["--file", "-"], &json(discussion_opened().text(&text)));
    assert_eq!(ended.code, Some(2), "{}", ended.stdout);
    assert!(line(&ended, "index").starts_with("rejected: "), "{}", ended.stdout);
}

#[test]
fn a_skipped_delivery_of_a_background_function_is_not_stored() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("webhooks.db").to_str().unwrap().to_owned();
    let variables = [("RETRAIN_SECRET", "hush"), ("WEBHOOKS_STORE", &*store)];
    let server = Program::start(&job(), &["--port", "0"], &variables).unwrap();
    let url = server.local_url();
    let response = post(&url, "/webhooks/index", &json(dataset_commit())).unwrap();
    let skipped = serde_json::json!({ "skipped": "on: the event is not discussion" });
    assert_eq!((response.status, response.json()), (200, skipped));
    let listed = Program::start(&job(), &["deliveries", "--json"], &variables).unwrap().wait();
    assert_eq!(listed.stdout.trim(), "[]", "{listed:?}");
    server.stop();
}

#[test]
fn nothing_to_do_is_no_failure_of_a_job_and_3_in_a_terminal() {
    let payload = json(comment_created());
    let ended = run(&payload);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(
        ended.stderr.contains("No filter matches this delivery, so no function was called."),
        "{ended:?}"
    );
    for arguments in [&["--file", "-"][..], &["--sample", "comment-created"]] {
        let ended = in_terminal(arguments, &payload);
        assert_eq!(ended.code, Some(3), "{ended:?}");
        let skipped = ended.stdout.lines().filter(|line| line.contains("skipped ("));
        assert_eq!(skipped.count(), FUNCTIONS, "{ended:?}");
    }
    // A function that is named has its filter, too.
    let ended = in_terminal(&["retrain", "--sample", "comment-created"], "");
    assert_eq!(ended.code, Some(3), "{ended:?}");
    assert_eq!(ended.stdout.lines().count(), 1, "{ended:?}");
}

#[test]
fn a_delivery_is_named_on_the_command_line_as_for_trigger() {
    let ended = in_terminal(&["retrain", "--sample", "dataset-commit"], "");
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stdout.contains("retraining tiny on me/data "), "the watched repo: {ended:?}");
    let ended =
        in_terminal(&["--file", "-", "--set", "repo.name=me/data"], &json(dataset_commit()));
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stderr.starts_with("standard input, "), "{ended:?}");
    assert!(line(&ended, "retrain").starts_with("succeeded"), "{ended:?}");
}

#[test]
fn bad_input_is_2_and_runs_nothing() {
    for (payload, error) in [
        ("{\"event\":", "WEBHOOK_PAYLOAD is not valid JSON"),
        ("", "WEBHOOK_PAYLOAD is empty"),
        ("{}", "rejected: "),
    ] {
        let ended = run(payload);
        assert_eq!(ended.code, Some(2), "{payload}: {ended:?}");
        assert!(format!("{ended:?}").contains(error), "{payload}: {ended:?}");
        assert!(!ended.stdout.contains("succeeded"), "{payload}: {ended:?}");
    }
    let mut command = Command::new(job());
    let payload = std::ffi::OsStr::from_bytes(b"\"\xff\"");
    command.arg("deliver").env_clear().env("WEBHOOK_PAYLOAD", payload);
    let ended = Program::spawn(&mut command).unwrap().wait();
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.stderr.contains("WEBHOOK_PAYLOAD is not valid UTF-8"), "{ended:?}");
    let ended = in_terminal(&[], "");
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""));
    assert!(ended.stderr.contains("WEBHOOK_PAYLOAD is not set"), "{ended:?}");
    assert!(ended.stderr.contains("--file") && ended.stderr.contains("--sample"), "{ended:?}");
    let ended = in_terminal(&["retrian", "--sample", "dataset-commit"], "");
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.stderr.contains("'retrain'"), "{ended:?}");
}

#[test]
fn a_program_that_could_not_start_is_2() {
    let variables = [("WEBHOOK_PAYLOAD", &*json(dataset_commit()))];
    let ended = Program::start(&filtered(), &["deliver"], &variables).unwrap().wait();
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""));
    assert!(ended.stderr.contains("TEAM_WATCH"), "{ended:?}");
}

#[test]
fn sigterm_drops_what_runs_and_is_the_exit_code() {
    let program = start(&[], &sample("repo-created"));
    let _ = program.wait_for("mirroring");
    let ended = program.stop();
    assert_eq!(ended.code, Some(143), "{ended:?}");
    assert!(ended.stdout.contains("dropped\n"), "{ended:?}");
    assert!(ended.stderr.contains("SIGTERM stopped /webhooks/mirror."), "{ended:?}");

    let program = start(&["mirror"], &sample("repo-created"));
    let _ = program.wait_for("mirroring");
    program.signal(Signal::SIGINT).unwrap();
    assert_eq!(program.wait().code, Some(130));
}

#[test]
fn sigterm_ends_a_function_that_blocks_its_thread() {
    let program = start(&[], &sample("repo-deleted"));
    let _ = program.wait_for("archiving");
    assert_eq!(program.stop().code, Some(143));
}
