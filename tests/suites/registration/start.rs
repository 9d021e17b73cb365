//! What a start registers, and what it leaves alone.

use tests::hub::TestWebhookState;

use super::*;

#[test]
fn from_an_empty_account_each_endpoint_with_watch_gets_a_webhook_that_works() {
    let bot = Bot::new();
    let port = free_port();
    let program = bot.start(port);
    wait_until_registered(&program);
    let retrain = bot.webhook(&url(port), "retrain");
    assert_eq!(retrain.watched, ["dataset:me/data"]);
    assert_eq!(retrain.domains, ["repo"]);
    assert_eq!(retrain.secret.as_deref(), Some(SECRET));
    assert_eq!(retrain.state, TestWebhookState::Enabled);
    let reply = bot.webhook(&url(port), "reply");
    assert_eq!(reply.watched, ["model:me/tiny", "user:me"]);
    assert_eq!(reply.domains, ["discussion"]);
    assert_eq!(bot.hub.webhooks().len(), 2);

    bot.hub.push("dataset:me/data", "main", &[("a.csv", Some(b"1,2"))]);
    let _ = program.wait_for("retrain runs for me/data");
    assert_eq!(bot.hub.wait_for_delivery(&retrain.id, "update repo.content").status(), Some(200));
    bot.hub.assert_no_faults();
    let ended = program.stop();
    for line in [
        "  - /webhooks/retrain: created, watches dataset:me/data",
        "  - /webhooks/reply: created, watches model:me/tiny, user:me",
        "  - /webhooks/unwatched: none, because the endpoint has no `watch`",
    ] {
        assert!(ended.stdout.lines().any(|it| it == line), "{line}: {}", ended.stdout);
    }
    assert!(!ended.stdout.contains("to set up your webhooks"), "{}", ended.stdout);
    for text in [&ended.stdout, &ended.stderr] {
        assert!(!text.contains(SECRET) && !text.contains(bot.hub.token()), "{text}");
    }
    // The URL outlives the program, so the webhooks do.
    assert_eq!(bot.hub.webhook(&retrain.id).state, TestWebhookState::Enabled);
}

#[test]
fn no_level_of_the_log_has_the_token_or_the_secret() {
    for filter in ["trace", "ureq_proto::util=trace"] {
        let bot = Bot::new();
        let port = free_port();
        let program = bot.start_with(port, &["--register"], &[("RUST_LOG", filter)]);
        wait_until_registered(&program);
        let ended = program.stop();
        assert_eq!(ended.stderr.contains("TRACE"), filter == "trace");
        // A crate that logs bytes breaks them into rows, in which no text is found.
        assert!(!ended.stderr.contains("ureq"), "{}", ended.stderr);
        assert!(!ended.stderr.contains(SECRET) && !ended.stderr.contains(bot.hub.token()));
    }
}

#[test]
fn without_being_told_to_a_program_asks_the_hub_nothing() {
    let bot = Bot::new();
    let port = free_port();
    let program = bot.start_with(port, &[], &[]);
    let _ = program.wait_for("to set up your webhooks");
    assert_eq!(health(port), Value::Null);
    program.stop();
    assert!(bot.hub.requests().is_empty() && bot.hub.webhooks().is_empty());
}

#[test]
fn a_variable_turns_registration_on() {
    let bot = Bot::new();
    let port = free_port();
    let program = bot.start_with(port, &[], &[("WEBHOOKS_REGISTER", "1")]);
    wait_until_registered(&program);
    assert_eq!(bot.hub.webhooks().len(), 2);
    program.stop();
}

#[test]
fn a_killed_program_that_starts_with_another_url_updates_its_webhooks_and_makes_no_more() {
    let bot = Bot::new();
    let (first, second) = (free_port(), free_port());
    let program = bot.start(first);
    wait_until_registered(&program);
    let before = bot.hub.webhooks();
    program.kill();
    bot.hub.forget_requests();

    let program = bot.start(second);
    wait_until_registered(&program);
    let ids = |webhooks: &[TestWebhook]| -> Vec<String> {
        webhooks.iter().map(|webhook| webhook.id.clone()).collect()
    };
    assert_eq!(ids(&bot.hub.webhooks()), ids(&before));
    for endpoint in ["retrain", "reply"] {
        let webhook = bot.webhook(&url(second), endpoint);
        assert_eq!(webhook.secret.as_deref(), Some(SECRET));
    }
    // One update for each, and nothing else.
    let changes = bot.changes();
    assert_eq!(changes.len(), 2, "{changes:?}");
    for id in ids(&before) {
        assert!(changes.contains(&format!("POST /api/settings/webhooks/{id}")), "{changes:?}");
    }
    bot.hub.assert_no_faults();
    assert!(program.stop().stdout.contains("/webhooks/retrain: updated (URL: "));
}

#[test]
fn a_second_start_changes_nothing() {
    let bot = Bot::new();
    let port = free_port();
    let program = bot.start(port);
    wait_until_registered(&program);
    program.stop();
    bot.hub.forget_requests();
    let program = bot.start(port);
    wait_until_registered(&program);
    assert_eq!(bot.changes(), [""; 0]);
    assert!(program.stop().stdout.contains("/webhooks/retrain: unchanged"));
}

#[test]
fn webhooks_of_others_stay_as_they_are() {
    let bot = Bot::new();
    let port = free_port();
    let watched = ["dataset:me/data"];
    let others = [
        "https://hooks.example.com/webhooks/retrain".to_owned(),
        format!("{}/other/webhooks/retrain", url(port)),
        format!("{}/webhooks/unwatched", url(port)),
    ];
    let ids = others.map(|url| bot.hub.create_webhook("me", &url, &watched));
    bot.hub.set_webhook_state(&ids[0], TestWebhookState::Suspended);
    bot.hub.set_webhook_state(&ids[1], TestWebhookState::Disabled);
    let before: Vec<_> = ids.iter().map(|id| format!("{:?}", bot.hub.webhook(id))).collect();
    let program = bot.start(port);
    wait_until_registered(&program);
    let changes = bot.changes();
    assert_eq!(changes, ["POST /api/settings/webhooks"; 2], "{changes:?}");
    assert_eq!(bot.hub.webhooks().len(), 5);
    program.stop();
    let after: Vec<_> = ids.iter().map(|id| format!("{:?}", bot.hub.webhook(id))).collect();
    assert_eq!(after, before);
}

#[test]
fn a_webhook_at_the_same_url_that_a_person_made_is_neither_changed_nor_made_again() {
    let bot = Bot::new();
    let port = free_port();
    let target = format!("{}/webhooks/retrain?secret=in-url", url(port));
    let id = bot.hub.create_webhook("me", &target, &["dataset:me/data", "dataset:me/more"]);
    let program = bot.start(port);
    wait_until_registered(&program);
    assert_eq!(bot.hub.webhooks().len(), 2);
    let webhook = bot.hub.webhook(&id);
    assert_eq!(webhook.watched, ["dataset:me/data", "dataset:me/more"]);
    assert_eq!(webhook.url.as_deref(), Some(&*target));
    let ended = program.stop();
    assert!(
        ended.stdout.contains("/webhooks/retrain: not changed: it differs"),
        "{}",
        ended.stdout
    );
    assert!(!ended.stdout.contains("in-url"), "{}", ended.stdout);
}
