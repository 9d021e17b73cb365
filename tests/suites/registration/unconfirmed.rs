//! Webhooks that the Hub creates without confirming it: the response is lost, or the program is killed before.

use tests::hub::TestWebhookState::{Disabled, Enabled};
use tests::hub::Trouble;

use super::*;

const CREATE: &str = "POST /api/settings/webhooks";

/// Returns the sorted ids of all webhooks of the account.
fn ids(bot: &Bot) -> Vec<String> {
    let mut ids: Vec<_> = bot.hub.webhooks().into_iter().map(|webhook| webhook.id).collect();
    ids.sort();
    ids
}

#[test]
fn a_webhook_whose_response_was_lost_moves_to_another_url_and_is_not_created_again() {
    let bot = Bot::new();
    let (first, second) = (free_port(), free_port());
    bot.hub.trouble_at(CREATE, 1, Trouble::LostResponse);
    let program = bot.start(first);
    wait_until_registered(&program);
    program.kill();
    let before = ids(&bot);
    assert_eq!(before.len(), 2);
    bot.hub.forget_requests();

    let program = bot.start(second);
    wait_until_registered(&program);
    program.stop();
    assert_eq!(ids(&bot), before);
    for endpoint in ["retrain", "reply"] {
        let webhook = bot.webhook(&url(second), endpoint);
        assert_eq!((webhook.state, webhook.secret.as_deref()), (Enabled, Some(SECRET)));
    }
    let updates: Vec<_> = before.iter().map(|id| format!("{CREATE}/{id}")).collect();
    let mut changes = bot.changes();
    changes.sort();
    assert_eq!(changes, updates);
}

#[test]
fn a_program_that_is_killed_before_the_response_recognizes_its_webhook_at_the_next_start() {
    let bot = Bot::new();
    let (first, second) = (free_port(), free_port());
    bot.hub.trouble_at(CREATE, 1, Trouble::Late { milliseconds: 60_000 });
    let program = bot.start(first);
    let deadline = Instant::now() + PATIENCE;
    while ids(&bot).is_empty() {
        assert!(Instant::now() < deadline, "none is created");
        std::thread::sleep(Duration::from_millis(10));
    }
    program.kill();
    let before = ids(&bot);
    bot.hub.clear_troubles();

    let program = bot.start(second);
    wait_until_registered(&program);
    program.stop();
    let after = ids(&bot);
    assert_eq!((before.len(), after.len()), (1, 2));
    assert!(after.contains(&before[0]));
}

#[test]
fn a_tunnels_webhook_whose_response_was_lost_is_disabled_at_the_stop_and_enabled_at_the_start() {
    let bot = Bot::new();
    let port = free_port();
    bot.hub.trouble_at(CREATE, 1, Trouble::LostResponse);
    let program = bot.start_with_tunnel(port, &["--register"]);
    wait_until_registered(&program);
    program.stop();
    let states = || ["retrain", "reply"].map(|endpoint| bot.webhook(&url(port), endpoint).state);
    assert_eq!(states(), [Disabled; 2]);
    let program = bot.start_with_tunnel(port, &["--register"]);
    wait_until_registered(&program);
    assert_eq!(states(), [Enabled; 2]);
    program.stop();
}
