//! Alerts of webhooks that are no longer enabled, and of a store that is unavailable.

use serde_json::json;
use tempfile::TempDir;
use tests::background::{Place, SmallDisk, TestPostgres};
use tests::hub::TestHub;
use tests::hub::TestWebhookState::{Disabled, Enabled, Suspended};
use tests::program::Program;
use tests::programs::{free_port, watching};
use tests::receiver::AlertReceiver;

use super::{INTERVAL, alert_url, assert_documented, start};

/// Starts a program that registers its webhooks on the Hub and has no background functions.
fn register(hub: &TestHub, home: &TempDir, receiver: &AlertReceiver, port: u16) -> Program {
    let (port, public) = (port.to_string(), format!("http://127.0.0.1:{port}"));
    let url = alert_url(receiver);
    let mut variables = vec![
        ("XDG_STATE_HOME", home.path().to_str().unwrap()),
        ("WEBHOOK_SECRET", "hush"),
        ("WEBHOOKS_TEST_REGISTRATION_INTERVAL_MS", "200"),
        ("WEBHOOKS_ALERT_URL", &url),
        INTERVAL,
    ];
    variables.extend(hub.variables());
    let arguments = ["--port", &port, "--public-url", &public, "--register"];
    let program = Program::start(&watching(), &arguments, &variables).unwrap();
    let _ = program.wait_for("/webhooks/unwatched: none");
    program
}

#[test]
fn a_webhook_that_is_no_longer_enabled_is_one_alert() {
    let (hub, home, receiver) =
        (TestHub::start(), tempfile::tempdir().unwrap(), AlertReceiver::start());
    hub.create_repo("dataset:me/data");
    hub.create_repo("model:me/tiny");
    let port = free_port();
    let program = register(&hub, &home, &receiver, port);
    let at = format!("http://127.0.0.1:{port}/webhooks/retrain");
    let webhooks = hub.webhooks();
    let webhook = webhooks.iter().find(|webhook| webhook.url.as_deref() == Some(&at)).unwrap();
    hub.set_webhook_state(&webhook.id, Suspended);
    // The program enables it again.
    hub.wait_for_webhook_state(&webhook.id, Enabled);
    let alert = receiver.wait_for("webhook_suspended", 1).remove(0);
    let expected = json!({
        "kind": "webhook_suspended",
        "endpoint": "/webhooks/retrain",
        "webhook": webhook.id,
        "state": "suspended",
        "since": alert["since"],
    });
    assert_eq!(alert, expected);
    assert_documented(&alert);
    let _ = program.wait_for_log("the webhook on the Hub is enabled again");

    hub.set_webhook_state(&webhook.id, Disabled);
    let alert = receiver.wait_for("webhook_suspended", 2).remove(1);
    assert_eq!(
        (&alert["endpoint"], &alert["state"]),
        (&json!("/webhooks/retrain"), &json!("disabled"))
    );
    assert_eq!(program.stop().code, Some(0));

    // A person has disabled it, and at a start that is nothing new. What the Hub has suspended meanwhile is.
    hub.set_webhook_state(&webhook.id, Suspended);
    let program = register(&hub, &home, &receiver, port);
    let alert = receiver.wait_for("webhook_suspended", 3).remove(2);
    assert_eq!(alert["state"], "suspended");
    program.stop();
    assert_eq!(receiver.alerts().len(), 3);
}

#[test]
#[ignore = "needs PostgreSQL"]
fn a_database_that_is_stopped_is_one_alert_and_so_is_its_return() {
    let (server, receiver) = (TestPostgres::start(), AlertReceiver::start());
    let place = Place::database_on(&server.url);
    let program = start(&place, &receiver, &[]);
    let _ = program.local_url();
    server.stop();
    let alert = receiver.wait_for("store_unavailable", 1).remove(0);
    let expected =
        json!({ "kind": "store_unavailable", "store": "postgres", "since": alert["since"] });
    assert_eq!(alert, expected);
    assert_documented(&alert);
    server.start_again();
    let alert = receiver.wait_for("store_available", 1).remove(0);
    assert_eq!((&alert["store"], &alert["since"]), (&json!("postgres"), &expected["since"]));
    assert_documented(&alert);

    // Silent, and not gone.
    server.freeze();
    let _ = receiver.wait_for("store_unavailable", 2);
    server.thaw();
    let _ = receiver.wait_for("store_available", 2);
    assert_eq!(program.stop().code, Some(0));
    assert_eq!(receiver.alerts().len(), 4);
}

#[test]
fn a_file_that_is_gone_is_an_alert() {
    let (place, receiver) = (Place::file(), AlertReceiver::start());
    let program = start(&place, &receiver, &[]);
    let _ = program.local_url();
    std::fs::remove_file(place.store()).unwrap();
    let alert = receiver.wait_for("store_unavailable", 1).remove(0);
    assert_eq!(alert["store"], "sqlite");
    program.kill();
}

#[test]
#[ignore = "needs root"]
fn a_full_disk_is_one_alert_and_so_is_room_on_it() {
    let (disk, receiver) = (SmallDisk::mount("3m"), AlertReceiver::start());
    let place = Place::file_in(disk.path());
    let program = start(&place, &receiver, &[("LEASE_SECONDS", "1")]);
    let _ = program.local_url();
    let _ = disk.fill();
    let alert = receiver.wait_for("store_unavailable", 1).remove(0);
    assert_eq!(alert["store"], "sqlite");
    disk.resize("64m");
    let alert = receiver.wait_for("store_available", 1).remove(0);
    assert_eq!(alert["store"], "sqlite");
    assert_eq!(program.stop().code, Some(0));
    assert_eq!(receiver.alerts().len(), 2);
}
