//! Secrets, variables and hardware of the Space.

use tests::programs::acting;

use super::*;

#[test]
fn named_secrets_variables_and_hardware_are_set_and_secrets_are_not_shown() {
    let developer = Developer::new();
    let _server = developer.serve("hush");
    let key = ("API_KEY", "a very secret key");
    let arguments =
        ["--yes", "--secret", "API_KEY", "--variable", "LEVEL=info", "--hardware", "cpu-upgrade"];
    let ended = developer.start(&arguments, &[key]).wait();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    developer.assert_no_secret(&ended);
    assert_eq!(developer.hub.space_secrets(SPACE)["API_KEY"], key.1);
    assert_eq!(developer.hub.space_variables(SPACE)["LEVEL"], "info");
    assert!(ended.stdout.contains("  variable   LEVEL=info\n"), "{}", ended.stdout);

    // An update sets what has changed.
    let update =
        ["--yes", "--secret", "API_KEY", "--variable", "LEVEL=debug", "--hardware", "cpu-upgrade"];
    let ended = developer.start(&update, &[("API_KEY", "another secret key")]).wait();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(developer.hub.space_secrets(SPACE)["API_KEY"], "another secret key");
    assert_eq!(developer.hub.space_variables(SPACE)["LEVEL"], "debug");
    assert!(!ended.stdout.contains("cpu-upgrade"), "{}", ended.stdout);
    developer.hub.assert_no_faults();
}

#[test]
fn the_webhook_secret_of_a_space_is_not_replaced_unless_it_is_named() {
    let developer = Developer::new();
    let _server = developer.serve("hush");
    developer.deploy(0, &["--yes"]);
    let own = developer.hub.space_secrets(SPACE)["WEBHOOK_SECRET"].clone();
    // Another machine does not know it.
    let elsewhere = tempfile::tempdir().unwrap();
    let elsewhere = [("XDG_STATE_HOME", path(elsewhere.path()))];
    let ended = developer.start(&["--yes"], &elsewhere).wait();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stdout.contains("a secret that this machine does not know"), "{}", ended.stdout);
    assert_eq!(developer.hub.space_secrets(SPACE)["WEBHOOK_SECRET"], own);

    let named = [elsewhere[0], ("WEBHOOK_SECRET", "another webhook secret")];
    let ended = developer.start(&["--yes", "--secret", "WEBHOOK_SECRET"], &named).wait();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    developer.assert_no_secret(&ended);
    assert_eq!(developer.hub.space_secrets(SPACE)["WEBHOOK_SECRET"], "another webhook secret");
    let webhooks = developer.hub.webhooks();
    assert_eq!(webhooks.len(), 2);
    assert!(webhooks.iter().all(|it| it.secret.as_deref() == Some("another webhook secret")));
    // The first machine notices that its own is old.
    let ended = developer.deploy(0, &["--yes"]);
    assert!(ended.stdout.contains("a secret that this machine does not know"), "{}", ended.stdout);
    developer.hub.assert_no_faults();
}

#[test]
fn the_token_is_copied_only_when_it_is_named() {
    let developer = Developer::of(acting());
    let _server = developer.serve("hush");
    let ended = developer.deploy(0, &["--yes"]);
    assert!(ended.stdout.contains("Add --secret HF_TOKEN"), "{}", ended.stdout);
    assert!(!developer.hub.space_secrets(SPACE).contains_key("HF_TOKEN"));
    let ended = developer.deploy(0, &["--yes", "--secret", "HF_TOKEN"]);
    assert!(!ended.stdout.contains("Warning"), "{}", ended.stdout);
    assert_eq!(developer.hub.space_secrets(SPACE)["HF_TOKEN"], developer.hub.token());
    // The Space has it now.
    let ended = developer.deploy(0, &[]);
    assert!(!ended.stdout.contains("Warning"), "{}", ended.stdout);
    developer.hub.assert_no_faults();
}

#[test]
fn values_that_cannot_be_set_are_refused_before_anything_is_sent() {
    let developer = Developer::new();
    let token = developer.hub.token().to_owned();
    let in_variable = format!("KEY={token}");
    for arguments in [
        &["--secret", "NOT_SET"][..],
        &["--secret", "KEY=hush"],
        &["--variable", "WEBHOOK_SECRET=hush"],
        &["--variable", &in_variable],
        &["--variable", "LEVEL"],
        &["--visibility", "secret"],
    ] {
        let ended = developer.start(arguments, &[]).wait();
        assert_eq!(ended.code, Some(2), "{arguments:?} {ended:?}");
        assert!(!ended.stderr.contains("hush"), "{}", ended.stderr);
        developer.assert_no_secret(&ended);
    }
    assert!(developer.hub.requests().is_empty());
}
