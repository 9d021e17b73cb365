//! The webhooks on the Hub, counted by their states.

use tests::client::request;
use tests::hub::TestWebhookState::{Disabled, Suspended};
use tests::hub::{TestHub, Trouble};
use tests::program::Program;
use tests::programs::watching;

use super::{metrics_url, scrape_until};

/// Scrapes until as many webhooks are enabled, disabled, suspended and missing.
fn wait_for_states(metrics: &str, expected: [f64; 4]) {
    let states = ["enabled", "disabled", "suspended", "missing"];
    let _ = scrape_until(metrics, &format!("{expected:?}"), |scrape| {
        let value = |state| scrape.value("webhooks_hub_webhooks", &[("state", state)]);
        states.map(value) == expected.map(Some)
    });
}

#[test]
fn webhooks_are_counted_by_their_states_on_the_hub() {
    let hub = TestHub::start();
    hub.create_repo("dataset:me/data");
    hub.create_repo("model:me/tiny");
    let home = tempfile::tempdir().unwrap();
    let store = home.path().join("webhooks.db");
    let mut variables = vec![
        ("XDG_STATE_HOME", home.path().to_str().unwrap()),
        ("WEBHOOKS_STORE", store.to_str().unwrap()),
        ("BACKGROUND", "1"),
        ("WEBHOOK_SECRET", "hush"),
        ("WEBHOOKS_TEST_REGISTRATION_INTERVAL_MS", "200"),
    ];
    variables.extend(hub.variables());
    let port = tests::programs::free_port().to_string();
    let url = format!("http://127.0.0.1:{port}");
    let arguments = ["--port", &port, "--public-url", &url, "--register", "--metrics-port", "0"];
    let program = Program::start(&watching(), &arguments, &variables).unwrap();
    let metrics = metrics_url(&program);
    wait_for_states(&metrics, [3.0, 0.0, 0.0, 0.0]);
    let webhooks = hub.webhooks();
    let [first, second, third] = &webhooks[..] else { panic!("{webhooks:#?}") };

    // The program may not enable it again, so it stays as it is.
    let enable = format!("POST /api/settings/webhooks/{}/enable", first.id);
    hub.trouble_at(&enable, 1000, Trouble::Status(403));
    hub.set_webhook_state(&first.id, Suspended);
    wait_for_states(&metrics, [2.0, 0.0, 1.0, 0.0]);
    hub.set_webhook_state(&second.id, Disabled);
    wait_for_states(&metrics, [1.0, 1.0, 1.0, 0.0]);
    // A person deletes it.
    let delete = format!("DELETE /api/settings/webhooks/{}", third.id);
    let token = format!("Authorization: Bearer {}", hub.token());
    assert_eq!(request(hub.url(), &delete, &[&token], "").unwrap().status, 200);
    wait_for_states(&metrics, [0.0, 1.0, 1.0, 1.0]);
    program.stop();
}
