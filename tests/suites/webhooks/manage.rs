//! `webhooks list`, `enable`, `disable` and `remove`.

use serde_json::Value;
use tests::hub::TestWebhookState::{Disabled, Enabled};

use super::*;

#[test]
fn all_webhooks_are_listed_and_ours_are_marked() {
    let person = Person::new();
    let other = "https://other.example/hook?secret=theirs";
    person.hub.create_webhook("me", other, &["dataset:me/data"]);
    person.sync("https://x.example");
    let ended = person.run(&["list"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(ended.stdout.lines().count(), 4, "{}", ended.stdout);
    assert!(!ended.stdout.contains("theirs"), "{}", ended.stdout);
    let ended = person.run(&["list", "--json"]);
    let webhooks: Vec<Value> = serde_json::from_str(&ended.stdout).unwrap();
    let ours = webhooks.iter().filter(|webhook| webhook["ours"] == true);
    let mut endpoints: Vec<_> = ours.map(|webhook| webhook["endpoint"].clone()).collect();
    endpoints.sort_by_key(ToString::to_string);
    assert_eq!(endpoints, ["/webhooks/reply", "/webhooks/retrain"]);
    person.hub.assert_no_faults();
}

#[test]
fn a_webhook_is_disabled_and_enabled_by_the_name_of_its_function() {
    let person = Person::new();
    person.sync("https://x.example");
    let id = person.webhook("https://x.example", "retrain").id;
    for (command, state) in [("disable", Disabled), ("enable", Enabled)] {
        let ended = person.run(&[command, "retrain"]);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert_eq!(person.hub.webhook(&id).state, state);
    }
    person.hub.assert_no_faults();
}

#[test]
fn only_webhooks_of_the_program_are_removed_and_not_without_a_yes() {
    let person = Person::new();
    let other = person.hub.create_webhook("me", "https://other.example/hook", &["model:me/tiny"]);
    person.sync("https://x.example");
    for arguments in [&["remove", "retrain"][..], &["remove", &other, "--yes"]] {
        let ended = person.run(arguments);
        assert_eq!(ended.code, Some(2), "{ended:?}");
    }
    assert_eq!(person.hub.webhooks().len(), 3);
    let ended = person.run(&["remove", "retrain", "--yes"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(person.hub.webhooks().len(), 2);
    person.webhook("https://x.example", "reply");
    assert_eq!(person.hub.webhook(&other).id, other);
    person.hub.assert_no_faults();
}

#[test]
fn a_delivery_is_sent_again() {
    let person = Person::new();
    let port = free_port();
    let server = person.start(&["--port", &port.to_string()]);
    let _ = server.wait_for(&url(port));
    person.sync(&url(port));
    person.hub.push("dataset:me/data", "main", &[("a.csv", Some(b"1,2"))]);
    let id = person.webhook(&url(port), "retrain").id;
    let log_id = person.hub.wait_for_delivery(&id, "update repo.content").log_id;
    let ended = person.run(&["replay", "retrain", &log_id]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let status = "The response has the status 200.\n";
    assert!(ended.stdout.ends_with(status), "{}", ended.stdout);
    server.stop();
    assert_eq!(person.run(&["replay", "retrain", &log_id]).code, Some(1));
    assert_eq!(person.run(&["replay", "retrain", "nothing"]).code, Some(1));
}
