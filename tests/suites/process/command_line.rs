//! The command line.

use tests::programs::{background, multiple_endpoints, quickstart, token};

use std::process::Command;

use serde_json::{Value, json};

use super::start;

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
    assert_eq!(json[1]["background"], Value::Null);
}

#[test]
fn the_endpoints_are_listed_with_their_keys() {
    let listed = start(&background(), &["endpoints"], &[]).wait().stdout;
    let keyed = "  Has a key that depends on the refs.\n    one delivery per ref at a time\n";
    assert!(listed.contains(keyed), "{listed}");

    let listed = start(&background(), &["endpoints", "--json"], &[]).wait().stdout;
    let json: Value = serde_json::from_str(&listed).unwrap();
    let options = |path: &str| {
        let mut endpoints = json.as_array().unwrap().iter();
        endpoints.find(|endpoint| endpoint["path"] == path).unwrap()["background"].clone()
    };
    let with_key =
        |key: Value| json!({ "key": key, "latest": false, "cancel": false, "debounce": null });
    assert_eq!(options("/webhooks/quick"), with_key(Value::Null));
    assert_eq!(options("/webhooks/keyed"), with_key("ref".into()));
    assert_eq!(options("/webhooks/keyed_by_function"), with_key("function".into()));
    let debounced = json!({
        "key": "repo", "latest": true, "cancel": true, "debounce": { "quiet": 2.0, "at_most": 10.0 },
    });
    assert_eq!(options("/webhooks/debounced"), debounced);
}
