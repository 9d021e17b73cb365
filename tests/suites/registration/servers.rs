//! Two servers of one program on one machine, which remember what they have registered in one place.

use tests::hub::TestWebhookState::{Disabled, Enabled};

use super::*;

impl Bot {
    /// Returns the ids of the webhooks that call the endpoints of a server.
    fn ids(&self, url: &str) -> [String; 2] {
        ["retrain", "reply"].map(|endpoint| self.webhook(url, endpoint).id)
    }
}

#[test]
fn each_of_two_servers_with_other_urls_has_its_own_webhooks_and_neither_takes_those_of_the_other() {
    let bot = Bot::new();
    let (first, second) = (free_port(), free_port());
    let team_a = bot.start(first);
    wait_until_registered(&team_a);
    let of_a = bot.ids(&url(first));
    let team_b = bot.start(second);
    wait_until_registered(&team_b);
    let line = team_b.wait_for_log("of /webhooks/retrain stays at");
    assert!(line.contains(&url(first)) && line.contains("`webhooks remove"), "{line}");
    assert_eq!(bot.ids(&url(first)), of_a);
    let of_b = bot.ids(&url(second));
    assert_eq!(bot.hub.webhooks().len(), 4);
    for port in [first, second] {
        wait_for_health(port, "ok");
    }

    // Also when they stop and start in any order.
    bot.hub.forget_requests();
    team_b.kill();
    let team_b = bot.start(second);
    wait_until_registered(&team_b);
    team_a.kill();
    team_b.stop();
    let team_b = bot.start(second);
    wait_until_registered(&team_b);
    let team_a = bot.start(first);
    wait_until_registered(&team_a);
    assert_eq!((bot.ids(&url(first)), bot.ids(&url(second))), (of_a, of_b));
    assert_eq!(bot.changes(), [""; 0]);
    team_a.stop();
    team_b.stop();
    bot.hub.assert_no_faults();
}

#[test]
fn a_server_takes_no_webhook_from_one_that_runs_without_registering() {
    let bot = Bot::new();
    let (first, second) = (free_port(), free_port());
    let program = bot.start(first);
    wait_until_registered(&program);
    program.kill();
    let of_first = bot.ids(&url(first));
    let program = bot.start_with(first, &[], &[]);
    let _ = program.wait_for("to set up your webhooks");
    let other = bot.start(second);
    wait_until_registered(&other);
    assert_eq!(bot.ids(&url(first)), of_first);
    assert_eq!(bot.hub.webhooks().len(), 4);
    other.stop();
    program.stop();
}

#[test]
fn of_two_servers_with_a_tunnel_the_second_takes_over_when_the_first_is_gone() {
    let bot = Bot::new();
    let (first, second) = (free_port(), free_port());
    let one = bot.start_with_tunnel(first, &["--register"]);
    wait_until_registered(&one);
    let ids = bot.ids(&url(first));
    let other = bot.start_with_tunnel(second, &["--register"]);
    let _ = other.wait_for("another process of this program registers them");
    assert_eq!(bot.ids(&url(first)), ids);
    bot.hub.forget_requests();
    one.kill();
    wait_until_registered(&other);
    assert_eq!(bot.ids(&url(second)), ids);
    assert_eq!((bot.hub.webhooks().len(), bot.changes().len()), (2, 2));
    assert_eq!(ids.clone().map(|id| bot.hub.webhook(&id).state), [Enabled; 2]);
    other.stop();
    assert_eq!(ids.map(|id| bot.hub.webhook(&id).state), [Disabled; 2]);
}
