//! Failed deployments and their messages.

use tests::hub::{Scope, Trouble};

use super::*;

#[test]
fn a_failed_build_ends_with_the_last_lines_of_its_log() {
    let developer = Developer::new();
    developer.hub.set_build(&["BUILDING", "BUILD_ERROR"]);
    let lines: Vec<_> = (1..=30).map(|line| format!("build line {line}")).collect();
    let lines: Vec<_> = lines.iter().map(String::as_str).collect();
    developer.hub.set_log("build", &lines);
    let ended = developer.deploy(1, &["--yes"]);
    assert!(ended.stdout.contains("  log        build line 11\n"), "{}", ended.stdout);
    assert!(ended.stdout.contains("  log        build line 30\n"), "{}", ended.stdout);
    assert!(!ended.stdout.contains("build line 10\n"), "{}", ended.stdout);
    assert!(ended.stderr.contains("BUILD_ERROR") && ended.stderr.contains("?logs="), "{ended:?}");
    assert!(developer.hub.webhooks().is_empty());

    // It is mended: the old error does not count.
    let _server = developer.serve("hush");
    developer.hub.set_build(&SUCCESS);
    developer.write("src/main.rs", "fn main() { mended() }\n");
    developer.deploy(0, &["--yes"]);
    assert_eq!(developer.hub.webhooks().len(), 2);
    developer.hub.assert_no_faults();
}

#[test]
fn a_program_that_fails_at_its_start_shows_its_own_log_without_secrets() {
    let developer = Developer::new();
    developer.hub.set_build(&["BUILDING", "APP_STARTING", "RUNTIME_ERROR"]);
    developer.hub.set_log("run", &["the key is a very secret key", "panicked"]);
    let key = [("API_KEY", "a very secret key")];
    let ended = developer.start(&["--yes", "--secret", "API_KEY"], &key).wait();
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stdout.contains("  log        the key is ***\n"), "{}", ended.stdout);
    developer.assert_no_secret(&ended);
}

#[test]
fn errors_of_the_hub_say_what_to_do() {
    let developer = Developer::new();
    let create = "POST /api/repos/create";
    for (status, expected) in [(402, "needs a paid plan"), (409, "is taken")] {
        developer.hub.trouble_at(create, 1, Trouble::Status(status));
        let ended = developer.deploy(1, &["--yes"]);
        assert!(ended.stderr.contains(expected), "{}", ended.stderr);
    }
    let token = developer.hub.token_with(&[Scope::Read]);
    let ended = developer.start(&["--yes"], &[("HF_TOKEN", &token)]).wait();
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("lacks the scope `write`"), "{}", ended.stderr);
    assert!(!ended.stderr.contains(&token), "{}", ended.stderr);
    let without = [("HF_TOKEN", ""), ("HF_HOME", "/nonexistent")];
    let ended = developer.start(&["--yes"], &without).wait();
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.stderr.contains("set HF_TOKEN, or run `hf auth login`"), "{}", ended.stderr);
    assert!(!developer.hub.has_repo(SPACE));
}

#[test]
fn a_large_file_is_named_and_the_next_deployment_goes_on() {
    let developer = Developer::new();
    developer.write("model.safetensors", "weights");
    let ended = developer.deploy(1, &["--yes"]);
    assert!(ended.stderr.contains("model.safetensors as a large file"), "{}", ended.stderr);
    developer.write(".gitignore", "*.safetensors\n");
    let _server = developer.serve("hush");
    developer.deploy(0, &["--yes"]);
    assert_eq!(developer.hub.webhooks().len(), 2);
    developer.hub.assert_no_faults();
}
