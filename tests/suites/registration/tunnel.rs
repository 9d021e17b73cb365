//! The webhooks of a tunnel, whose URL works only while the program runs.

use tests::hub::TestWebhookState::{Disabled, Enabled};

use super::*;

impl Bot {
    /// Starts the program with its own tunnel at a port.
    fn start_with_tunnel(&self, port: u16) -> Program {
        let address = format!("127.0.0.1:{port}");
        self.spawn(&["--port", "0", "--share", "--register"], &[("TUNNEL", &address)])
    }
}

#[test]
fn the_webhooks_of_a_tunnel_are_disabled_when_the_program_stops_and_enabled_when_it_starts() {
    let bot = Bot::new();
    let port = free_port();
    let program = bot.start_with_tunnel(port);
    wait_until_registered(&program);
    let ids = ["retrain", "reply"].map(|endpoint| bot.webhook(&url(port), endpoint).id);
    let states = || ids.clone().map(|id| bot.hub.webhook(&id).state);
    assert_eq!(states(), [Enabled; 2]);
    let _ = program.stop();
    assert_eq!(states(), [Disabled; 2]);

    let program = bot.start_with_tunnel(port);
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
    let program = bot.start_with_tunnel(port);
    wait_until_registered(&program);
    let ids = ["retrain", "reply"].map(|endpoint| bot.webhook(&url(port), endpoint).id);
    bot.hub.set_webhook_state(&ids[0], Disabled);
    program.stop();
    let program = bot.start_with_tunnel(port);
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
    let program = bot.start_with_tunnel(tunnel);
    wait_until_registered(&program);
    let _ = program.wait_for_log("so /webhooks/retrain runs twice for each event");
    assert_eq!(bot.hub.webhooks().len(), 4);
    program.stop();
    assert_eq!(bot.webhook(&url(tunnel), "retrain").state, Disabled);
    assert_eq!(bot.webhook(&url(deployed), "retrain").state, Enabled);
}
