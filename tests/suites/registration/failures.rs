//! Starts at which something is missing, wrong, or down.

use std::path::PathBuf;

use tests::client::post;
use tests::hub::{Scope, Trouble};

use super::*;

#[test]
fn while_the_hub_is_down_the_server_works_says_so_once_and_registers_later() {
    let bot = Bot::new();
    let port = free_port();
    bot.hub.set_outage(Trouble::Lost);
    let program = bot.start(port);
    let _ = program.wait_for_log("the webhooks are not registered on the Hub yet");
    wait_for_health(port, "pending");
    assert_eq!(post(&url(port), "/webhooks/unwatched", "{}").unwrap().status, 401);
    bot.hub.wait_for_requests("GET /api/settings/webhooks", 5);
    bot.hub.clear_troubles();
    wait_until_registered(&program);
    assert_eq!(bot.hub.webhooks().len(), 2);
    wait_for_health(port, "ok");
    let stderr = program.stop().stderr;
    assert_eq!(stderr.matches("are not registered on the Hub yet").count(), 1, "{stderr}");
}

#[test]
fn a_token_without_the_scope_is_reported_with_what_to_do() {
    let bot = Bot::new();
    let port = free_port();
    let token = bot.hub.token_with(&[Scope::Read]);
    let program = bot.start_with(port, &["--register"], &[("HF_TOKEN", &token)]);
    let line = program.wait_for_log("the webhooks are not registered on the Hub yet");
    assert!(line.contains("token") && line.contains("webhooks"), "{line}");
    assert!(!line.contains(&token), "{line}");
    wait_for_health(port, "pending");
    program.stop();
    assert!(bot.hub.webhooks().is_empty());
}

#[test]
fn without_a_token_the_program_does_not_start() {
    let bot = Bot::new();
    let program = bot.start_with(free_port(), &["--register"], &[("HF_TOKEN", "")]);
    let ended = program.wait();
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains("cannot be registered on the Hub"), "{}", ended.stderr);
    assert!(ended.stderr.contains("HF_TOKEN"), "{}", ended.stderr);
}

#[test]
fn without_a_public_url_nothing_is_registered() {
    let bot = Bot::new();
    let port = free_port();
    let program = bot.spawn(&["--port", &port.to_string(), "--register"], &[]);
    let _ = program
        .wait_for_log("no webhook is registered on the Hub, because the server has no public URL");
    assert_eq!(health(port)["status"], "stopped");
    let ended = program.stop();
    assert!(!ended.stdout.contains("to set up your webhooks"), "{}", ended.stdout);
    assert!(bot.hub.requests().is_empty());
}

#[test]
fn a_public_url_of_another_server_is_not_registered() {
    let bot = Bot::new();
    let (port, other_port) = (free_port(), free_port());
    let other = bot.start_with(other_port, &[], &[]);
    let _ = other.wait_for("to set up your webhooks");
    let arguments = ["--port", &port.to_string(), "--public-url", &url(other_port), "--register"];
    let program = bot.spawn(&arguments, &[]);
    let line = program.wait_for_log("the webhooks are not registered on the Hub yet");
    assert!(line.contains("another server responds at"), "{line}");
    other.stop();
    program.stop();
    assert!(bot.hub.webhooks().is_empty());
}

#[test]
fn a_public_url_that_works_later_is_registered_later() {
    let bot = Bot::new();
    let (port, public_port) = (free_port(), free_port());
    let arguments = ["--port", &port.to_string(), "--public-url", &url(public_port), "--register"];
    let program = bot.spawn(&arguments, &[]);
    let line = program.wait_for_log("the webhooks are not registered on the Hub yet");
    assert!(line.contains("cannot be reached from here"), "{line}");
    assert!(bot.hub.webhooks().is_empty());
    // The proxy starts.
    let listener = std::net::TcpListener::bind(("127.0.0.1", public_port)).unwrap();
    std::thread::spawn(move || forward(&listener, port));
    wait_until_registered(&program);
    assert_eq!(bot.hub.webhooks().len(), 2);
    program.stop();
}

/// Forwards each connection to a port of this machine.
fn forward(listener: &std::net::TcpListener, port: u16) {
    for outside in listener.incoming().map_while(Result::ok) {
        let inside = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
        let ends = [(outside.try_clone(), inside.try_clone()), (Ok(inside), Ok(outside))];
        for (from, to) in ends {
            let (mut from, mut to) = (from.unwrap(), to.unwrap());
            std::thread::spawn(move || {
                let _ = std::io::copy(&mut from, &mut to);
                let _ = to.shutdown(std::net::Shutdown::Both);
            });
        }
    }
}

#[test]
fn a_space_without_a_secret_registers_nothing_and_says_so_in_one_line() {
    let bot = Bot::new();
    let port = free_port().to_string();
    let variables = [
        ("XDG_STATE_HOME", bot.home.path().to_str().unwrap()),
        ("SPACE_ID", "me/bot"),
        ("SPACE_HOST", "me-bot.hf.space"),
    ];
    let variables = [&variables[..], &bot.hub.variables()].concat();
    let arguments = ["--port", &port, "--register"];
    let program = Program::start(&watching(), &arguments, &variables).unwrap();
    let line = program.wait_for_log("no webhook is registered, because /webhooks/re");
    assert!(line.contains("have no secret: set WEBHOOK_SECRET"), "{line}");
    program.stop();
    assert!(bot.hub.requests().is_empty());
}

#[test]
fn what_another_version_has_stored_stops_the_registration_and_stays_as_it_is() {
    let bot = Bot::new();
    let port = free_port();
    let program = bot.start(port);
    wait_until_registered(&program);
    program.stop();
    let folder = bot.home.path().join("webhooks-runtime").join("hub");
    let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let is_state = |file: &PathBuf| std::fs::read(file).is_ok_and(|text| text.starts_with(b"{"));
    let file = files.into_iter().find(is_state).unwrap();
    let mut state: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    let newer = r#"{"version":2,"webhooks":[]}"#;
    state["values"]["registration.webhooks"]["text"] = newer.into();
    std::fs::write(&file, state.to_string()).unwrap();
    bot.hub.forget_requests();

    let program = bot.start(port);
    let line = program.wait_for_log("the registration on the Hub has stopped");
    assert!(line.contains("registration.webhooks") && line.contains("version is 2"), "{line}");
    wait_for_health(port, "stopped");
    let listed = bot.spawn(&["webhooks", "list"], &[]).wait();
    assert_eq!(listed.code, Some(1), "{listed:?}");
    assert!(listed.stderr.contains("version is 2"), "{}", listed.stderr);
    let stderr = program.stop().stderr;
    assert_eq!(stderr.matches("version is 2").count(), 1, "{stderr}");
    assert_eq!(bot.changes(), [""; 0]);
    let state: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    assert_eq!(state["values"]["registration.webhooks"]["text"], newer);
}
