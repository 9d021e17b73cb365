//! Webhooks that the Hub suspends or a person disables.

use serde_json::json;
use tests::client::request;
use tests::hub::TestWebhookState::{Disabled, Enabled, Suspended};

use super::*;

#[test]
fn a_webhook_that_was_suspended_while_the_program_was_stopped_is_enabled_at_the_start() {
    let bot = Bot::new();
    let port = free_port();
    let program = bot.start(port);
    wait_until_registered(&program);
    let id = bot.webhook(&url(port), "retrain").id;
    program.stop();
    // Nobody responds any more.
    for number in 0..3 {
        let contents = [number];
        bot.hub.push("dataset:me/data", "main", &[("a.csv", Some(&contents))]);
    }
    bot.hub.wait_for_webhook_state(&id, Suspended);

    let program = bot.start(port);
    wait_until_registered(&program);
    assert_eq!(bot.hub.webhook(&id).state, Enabled);
    bot.hub.push("dataset:me/data", "main", &[("a.csv", Some(b"last"))]);
    let _ = program.wait_for("retrain runs for me/data");
    let ended = program.stop();
    let line = "/webhooks/retrain: enabled, because the Hub had suspended it after failures";
    assert!(ended.stdout.contains(line), "{}", ended.stdout);
    bot.hub.assert_no_faults();
}

#[test]
fn a_webhook_that_is_suspended_while_the_program_runs_is_enabled_again_three_times_a_day() {
    let bot = Bot::new();
    let port = free_port();
    let program = bot.start(port);
    wait_until_registered(&program);
    let id = bot.webhook(&url(port), "retrain").id;
    for times in 1..=3 {
        bot.hub.set_webhook_state(&id, Suspended);
        bot.hub.wait_for_webhook_state(&id, Enabled);
        program.wait_for_logs("the Hub has suspended the webhook, because", times);
        program.wait_for_logs("the webhook on the Hub is enabled again", times);
    }
    bot.hub.set_webhook_state(&id, Suspended);
    let _ = program.wait_for_log("the Hub has suspended the webhook again and again today");
    wait_for_health(port, "suspended");
    assert_eq!(bot.hub.webhook(&id).state, Suspended);

    // Another start does not count anew.
    program.stop();
    let program = bot.start(port);
    wait_until_registered(&program);
    assert_eq!(bot.hub.webhook(&id).state, Suspended);
    assert!(program.stop().stdout.contains("again and again today"));
}

#[test]
fn the_page_and_the_health_show_a_suspended_webhook() {
    let bot = Bot::new();
    let port = free_port();
    let token = ("WEBHOOKS_PAGE_TOKEN", "a-token-of-16-characters");
    let program = bot.start_with(port, &["--register"], &[token]);
    wait_until_registered(&program);
    wait_for_health(port, "ok");
    assert!(health(port)["suspended"] == 0 && health(port)["instance"].is_string());
    let webhook = bot.webhook(&url(port), "retrain");
    let page = get(&url(port), "/").unwrap().body;
    assert!(page.contains("Webhook enabled") && page.contains("checked at"), "{page}");
    assert!(!page.contains(&webhook.id), "{page}");
    let opened = Viewer::open(Some(format!("{}/?token={}", url(port), token.1)));
    assert!(opened.get("/").unwrap().body.contains(&webhook.id));

    // It cannot be enabled again, so it stays suspended.
    let enable = format!("POST /api/settings/webhooks/{}/enable", webhook.id);
    bot.hub.trouble_at(&enable, 1000, tests::hub::Trouble::Status(403));
    bot.hub.set_webhook_state(&webhook.id, Suspended);
    wait_for_health(port, "suspended");
    let whole = get(&url(port), "/health").unwrap().body;
    assert!(whole.contains(r#""status":"degraded""#) && !whole.contains(&webhook.id), "{whole}");
    let page = get(&url(port), "/").unwrap().body;
    assert!(page.contains("Webhook suspended by the Hub"), "{page}");
    program.stop();
}

#[test]
fn what_a_person_changes_while_the_program_runs_stays_until_the_next_start() {
    let bot = Bot::new();
    let port = free_port();
    let program = bot.start(port);
    wait_until_registered(&program);
    let (retrain, reply) = (bot.webhook(&url(port), "retrain"), bot.webhook(&url(port), "reply"));
    let by_person = |first: &str, body: &str| {
        let token = format!("Authorization: Bearer {}", bot.hub.token());
        let headers = ["Content-Type: application/json", &token];
        assert_eq!(request(bot.hub.url(), first, &headers, body).unwrap().status, 200);
    };
    by_person(&format!("DELETE /api/settings/webhooks/{}", reply.id), "");
    let watched =
        json!([{ "type": "dataset", "name": "me/data" }, { "type": "user", "name": "me" }]);
    let body = json!({ "url": retrain.url, "domains": ["repo"], "watched": watched });
    by_person(&format!("POST /api/settings/webhooks/{}", retrain.id), &body.to_string());
    let _ = program.wait_for_log("the webhook on the Hub was deleted");
    // Also when it is enabled again.
    bot.hub.set_webhook_state(&retrain.id, Suspended);
    bot.hub.wait_for_webhook_state(&retrain.id, Enabled);
    assert_eq!(bot.hub.webhook(&retrain.id).watched.len(), 2);
    assert_eq!(bot.hub.webhooks().len(), 1);
    program.stop();

    let program = bot.start(port);
    wait_until_registered(&program);
    assert_eq!(bot.webhook(&url(port), "retrain").watched, ["dataset:me/data"]);
    assert_eq!(bot.hub.webhooks().len(), 2);
    program.stop();
}

#[test]
fn a_webhook_that_a_person_has_disabled_stays_disabled_and_is_reported() {
    let bot = Bot::new();
    let port = free_port();
    let program = bot.start(port);
    wait_until_registered(&program);
    let id = bot.webhook(&url(port), "retrain").id;
    bot.hub.set_webhook_state(&id, Disabled);
    let _ = program.wait_for_log("the webhook on the Hub was disabled by a person");
    program.stop();
    bot.hub.forget_requests();
    let program = bot.start(port);
    wait_until_registered(&program);
    assert_eq!(bot.changes(), [""; 0]);
    assert_eq!(bot.hub.webhook(&id).state, Disabled);
    let ended = program.stop();
    let line = "/webhooks/retrain: not changed: a person has disabled it";
    assert!(ended.stdout.contains(line), "{}", ended.stdout);
}
