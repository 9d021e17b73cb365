//! `webhooks sync`.

use std::time::Instant;

use tests::client::PATIENCE;
use tests::hub::Scope;
use tests::hub::TestWebhookState::{Disabled, Enabled, Suspended};

use super::*;

#[test]
fn each_endpoint_with_watch_gets_a_webhook_that_works_and_a_second_sync_changes_nothing() {
    let person = Person::new();
    let port = free_port();
    let server = person.start(&["--port", &port.to_string()]);
    let _ = server.wait_for(&url(port));
    let ended = person.run(&["sync", "--yes", "--public-url", &url(port)]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let line = "  created     /webhooks/retrain  ";
    assert!(ended.stdout.contains(line), "{}", ended.stdout);
    assert!(ended.stdout.contains("it has no `watch`, so it gets no webhook"), "{}", ended.stdout);
    let retrain = person.webhook(&url(port), "retrain");
    assert_eq!(
        (&retrain.watched[..], &retrain.domains[..]),
        (&["dataset:me/data".to_owned()][..], &["repo".to_owned()][..])
    );
    assert_eq!(person.webhook(&url(port), "reply").domains, ["discussion"]);

    person.hub.push("dataset:me/data", "main", &[("a.csv", Some(b"1,2"))]);
    let _ = server.wait_for("retrain runs for me/data");
    server.stop();

    let before = person.changes().len();
    let ended = person.run(&["sync", "--public-url", &url(port)]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stderr.contains("There is nothing to change."), "{}", ended.stderr);
    assert_eq!((person.changes().len(), person.hub.webhooks().len()), (before, 2));
    for text in [&ended.stdout, &ended.stderr] {
        assert!(!text.contains("hush") && !text.contains(person.hub.token()), "{text}");
    }
    person.hub.assert_no_faults();
}

#[test]
fn without_a_terminal_and_without_yes_nothing_is_changed() {
    let person = Person::new();
    for (arguments, code) in [(&["sync"][..], 2), (&["sync", "--dry-run"], 0)] {
        let ended = person.run(&[arguments, &["--public-url", "https://x.example"]].concat());
        assert_eq!(ended.code, Some(code), "{ended:?}");
        assert!(ended.stdout.contains("  create      /webhooks/retrain\n"), "{}", ended.stdout);
        assert!(ended.stderr.contains("Nothing was changed"), "{}", ended.stderr);
    }
    assert_eq!(person.changes(), <[&str; 0]>::default());
}

#[test]
fn another_url_is_one_update_for_each_webhook_and_other_webhooks_stay_as_they_are() {
    let person = Person::new();
    let other = person.hub.create_webhook("me", "https://other.example/hook", &["dataset:me/data"]);
    let before = person.hub.webhook(&other);
    person.sync("https://old.example");
    let id = person.webhook("https://old.example", "retrain").id;
    person.sync("https://new.example/bots");
    assert_eq!(person.webhook("https://new.example/bots", "retrain").id, id);
    assert_eq!(person.hub.webhooks().len(), 3);
    assert_eq!(format!("{:?}", person.hub.webhook(&other)), format!("{before:?}"));
    person.hub.assert_no_faults();
}

#[test]
fn a_suspended_webhook_is_enabled_and_one_that_a_person_disabled_is_not() {
    let person = Person::new();
    person.sync("https://x.example");
    let ids = ["retrain", "reply"].map(|it| person.webhook("https://x.example", it).id);
    person.hub.set_webhook_state(&ids[0], Suspended);
    person.hub.set_webhook_state(&ids[1], Disabled);
    person.sync("https://x.example");
    assert_eq!(ids.map(|id| person.hub.webhook(&id).state), [Enabled, Disabled]);
}

#[test]
fn the_url_of_a_server_with_a_tunnel_is_remembered() {
    let person = Person::new();
    let ended = person.run(&["sync", "--yes"]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.stderr.contains("Name it with --public-url"), "{}", ended.stderr);
    let port = free_port();
    let address = format!("127.0.0.1:{port}");
    let variables = [("TUNNEL", &*address), ("WEBHOOK_SECRET", "hush")];
    let server = person.start_with(&["--port", "0", "--share"], &variables);
    let _ = server.wait_for(&format!("{}/webhooks/retrain", url(port)));
    // The server remembers the URL while it prints it.
    let deadline = Instant::now() + PATIENCE;
    loop {
        let ended = person.run(&["sync", "--yes"]);
        if ended.code == Some(0) {
            break;
        }
        assert!(Instant::now() < deadline, "{ended:?}");
    }
    person.hub.push("dataset:me/data", "main", &[("a.csv", Some(b"1,2"))]);
    let _ = server.wait_for("retrain runs for me/data");
    server.stop();
    // Also when it has stopped.
    assert_eq!(person.run(&["sync"]).code, Some(0));
}

#[test]
fn errors_say_what_to_do() {
    let person = Person::new();
    let arguments = ["webhooks", "sync", "--yes", "--public-url", "https://x.example"];
    let without = [("HF_TOKEN", ""), ("HOME", "/nonexistent")];
    let ended = person.start_with(&arguments, &without).wait();
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.stderr.contains("set HF_TOKEN, or run `hf auth login`"), "{}", ended.stderr);

    let token = person.hub.token_with(&[Scope::Read]);
    let ended = person.start_with(&arguments, &[("HF_TOKEN", &token)]).wait();
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("webhooks"), "{}", ended.stderr);
    assert!(!ended.stderr.contains(&token), "{}", ended.stderr);
    assert!(person.hub.webhooks().is_empty());

    let ended = person.run(&["sync", "--public-url", "x.example"]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.stderr.contains("https://hooks.example.com"), "{}", ended.stderr);
}
