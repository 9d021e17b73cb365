//! The webhooks of a tunnel, whose URL works only while the program runs.

use nix::sys::signal::Signal;
use tests::hub::TestWebhookState::{Disabled, Enabled};
use tests::hub::Trouble;

use super::*;

#[test]
fn the_webhooks_of_a_tunnel_are_disabled_when_the_program_stops_and_enabled_when_it_starts() {
    let bot = Bot::new();
    let port = free_port();
    let program = bot.start_with_tunnel(port, &["--register"]);
    wait_until_registered(&program);
    let ids = ["retrain", "reply"].map(|endpoint| bot.webhook(&url(port), endpoint).id);
    let states = || ids.clone().map(|id| bot.hub.webhook(&id).state);
    assert_eq!(states(), [Enabled; 2]);
    let _ = program.stop();
    assert_eq!(states(), [Disabled; 2]);

    let program = bot.start_with_tunnel(port, &["--register"]);
    wait_until_registered(&program);
    assert_eq!(states(), [Enabled; 2]);
    bot.hub.push("dataset:me/data", "main", &[("a.csv", Some(b"1,2"))]);
    let _ = program.wait_for("retrain runs for me/data");
    let ended = program.stop();
    let line = "/webhooks/retrain: enabled, because it was disabled while the server was stopped";
    assert!(ended.stdout.contains(line), "{}", ended.stdout);
    bot.hub.assert_no_faults();
}

#[test]
fn what_a_person_disables_while_a_tunnel_is_open_stays_disabled_at_the_next_start() {
    let bot = Bot::new();
    let port = free_port();
    let program = bot.start_with_tunnel(port, &["--register"]);
    wait_until_registered(&program);
    let ids = ["retrain", "reply"].map(|endpoint| bot.webhook(&url(port), endpoint).id);
    bot.hub.set_webhook_state(&ids[0], Disabled);
    program.stop();
    let program = bot.start_with_tunnel(port, &["--register"]);
    wait_until_registered(&program);
    let states = ids.map(|id| bot.hub.webhook(&id).state);
    assert_eq!(states, [Disabled, Enabled]);
    program.stop();
}

#[test]
fn a_deployed_server_and_a_tunnel_have_a_webhook_each() {
    let bot = Bot::new();
    let (deployed, tunnel) = (free_port(), free_port());
    let server = bot.start(deployed);
    wait_until_registered(&server);
    server.stop();
    let program = bot.start_with_tunnel(tunnel, &["--register"]);
    wait_until_registered(&program);
    let _ = program.wait_for_log("so /webhooks/retrain runs twice for each event");
    assert_eq!(bot.hub.webhooks().len(), 4);
    program.stop();
    assert_eq!(bot.webhook(&url(tunnel), "retrain").state, Disabled);
    assert_eq!(bot.webhook(&url(deployed), "retrain").state, Enabled);
}

#[test]
fn a_start_without_registration_says_that_the_webhooks_are_still_disabled() {
    let bot = Bot::new();
    let port = free_port();
    let program = bot.start_with_tunnel(port, &["--register"]);
    wait_until_registered(&program);
    let ids = ["retrain", "reply"].map(|endpoint| bot.webhook(&url(port), endpoint).id);
    program.stop();
    bot.hub.forget_requests();
    let program = bot.start_with_tunnel(port, &[]);
    let line = program.wait_for_log("does not enable them: start it with --register");
    for text in ["/webhooks/retrain", "/webhooks/reply", "`webhooks enable`"] {
        assert!(line.contains(text), "{line}");
    }
    assert!(bot.hub.requests().is_empty());
    program.stop();
    assert_eq!(ids.clone().map(|id| bot.hub.webhook(&id).state), [Disabled; 2]);

    let enabled = bot.spawn(&["webhooks", "enable", "retrain", "reply"], &[]).wait();
    assert_eq!(enabled.code, Some(0), "{enabled:?}");
    let program = bot.start_with_tunnel(port, &[]);
    let _ = program.wait_for("to set up your webhooks");
    assert!(!program.stop().stderr.contains("does not enable them"));
    assert_eq!(ids.map(|id| bot.hub.webhook(&id).state), [Enabled; 2]);
}

#[test]
fn a_webhook_that_the_hub_did_not_confirm_as_disabled_in_time_is_left_to_a_person() {
    let bot = Bot::new();
    let port = free_port();
    let program = bot.start_with_tunnel(port, &["--register"]);
    wait_until_registered(&program);
    let ids = ["retrain", "reply"].map(|endpoint| bot.webhook(&url(port), endpoint).id);
    // The process ends while it waits for the response.
    for id in &ids {
        let disable = format!("POST /api/settings/webhooks/{id}/disable");
        bot.hub.trouble_at(&disable, 1, Trouble::Late { milliseconds: 60_000 });
    }
    program.signal(Signal::SIGTERM).unwrap();
    let is_disabled = |id: &&String| bot.hub.webhook(id).state == Disabled;
    let deadline = Instant::now() + PATIENCE;
    while !ids.iter().any(|id| is_disabled(&id)) {
        assert!(Instant::now() < deadline, "none is disabled");
        std::thread::sleep(Duration::from_millis(10));
    }
    program.kill();
    let disabled: Vec<_> = ids.iter().filter(is_disabled).cloned().collect();
    assert_eq!(disabled.len(), 1);
    bot.hub.clear_troubles();

    // A person may have enabled and disabled it meanwhile.
    let program = bot.start_with_tunnel(port, &["--register"]);
    wait_until_registered(&program);
    assert_eq!(bot.hub.webhook(&disabled[0]).state, Disabled);
    let ended = program.stop();
    let line = "not changed: it is disabled, and the Hub has not confirmed in time";
    assert!(ended.stdout.contains(line), "{}", ended.stdout);
}
