//! The secret that `webhooks sync` makes.

use tests::client::post;
use webhooks_runtime::WebhookPayload;
use webhooks_runtime::testing::dataset_commit;

use super::*;

#[test]
fn a_program_without_a_secret_gets_one_that_the_server_and_trigger_use() {
    let person = Person::new();
    let port = free_port().to_string();
    let address = format!("http://127.0.0.1:{port}");
    let sync = ["webhooks", "sync", "--yes", "--public-url", &address];
    let ended = person.start_with(&sync, &[]).wait();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stdout.contains("a new secret, which is stored in"), "{}", ended.stdout);
    let secret = person.webhook(&address, "retrain").secret.unwrap();
    assert_eq!(person.webhook(&address, "reply").secret.as_deref(), Some(&*secret));
    for text in [&ended.stdout, &ended.stderr] {
        assert!(!text.contains(&secret), "{text}");
    }

    let server = person.start_with(&["--port", &port], &[]);
    let _ = server.wait_for(&address);
    let payload = serde_json::to_string(&WebhookPayload::from(dataset_commit().repo("me/data")));
    let payload = payload.unwrap();
    assert_eq!(post(&address, "/webhooks/retrain", &payload).unwrap().status, 401);
    // Other webhooks do not have the new secret.
    assert_eq!(post(&address, "/webhooks/unwatched", &payload).unwrap().status, 200);
    person.hub.push("dataset:me/data", "main", &[("a.csv", Some(b"1,2"))]);
    let _ = server.wait_for("retrain runs for me/data");
    let trigger = ["trigger", "retrain", "--port", &port, "--set", "repo.name=me/data"];
    assert_eq!(person.start_with(&trigger, &[]).wait().code, Some(0));
    let ended = server.stop();
    assert!(!(ended.stdout + &ended.stderr).contains(&secret));

    // Once it exists, it is the program's secret.
    let ended = person.start_with(&sync, &[]).wait();
    assert!(ended.stderr.contains("There is nothing to change."), "{ended:?}");
    person.hub.assert_no_faults();
}

#[test]
fn a_secret_of_the_server_that_the_command_does_not_know_is_not_replaced() {
    let person = Person::new();
    person.sync("https://x.example");
    let sync = ["webhooks", "sync", "--yes", "--public-url", "https://x.example"];
    let ended = person.start_with(&sync, &[]).wait();
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.stderr.contains("Set WEBHOOK_SECRET to the secret"), "{}", ended.stderr);
    assert_eq!(person.webhook("https://x.example", "retrain").secret.as_deref(), Some("hush"));
}

#[test]
fn on_a_space_a_missing_secret_stops_the_registration() {
    let person = Person::new();
    let space = [("SPACE_ID", "me/bot"), ("SPACE_HOST", "me-bot.hf.space")];
    let ended = person.start_with(&["webhooks", "sync", "--yes"], &space).wait();
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(
        ended.stderr.contains("set WEBHOOK_SECRET in the Space's settings"),
        "{}",
        ended.stderr
    );
    let secret = [&space[..], &[("WEBHOOK_SECRET", "hush")]].concat();
    let ended = person.start_with(&["webhooks", "sync", "--yes"], &secret).wait();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    person.webhook("https://me-bot.hf.space", "retrain");
}
