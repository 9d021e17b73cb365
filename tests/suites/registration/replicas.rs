//! Several processes of one program, of which one registers, and where they remember what they have registered.

use std::path::PathBuf;

use tests::background::Place;

use super::*;

impl Bot {
    /// Starts the program with a store of background deliveries, as a replica behind the URL of a port.
    fn start_replica(&self, port: u16, public: u16, store: &str) -> Program {
        let (port, url) = (port.to_string(), url(public));
        let arguments = ["--port", &port, "--public-url", &url, "--store", store, "--register"];
        self.spawn(&arguments, &[("BACKGROUND", "1")])
    }

    fn file_of_state(&self) -> PathBuf {
        self.home.path().join("webhooks-runtime").join("hub")
    }
}

#[test]
fn of_two_processes_one_registers_and_the_other_shows_what_it_has_found() {
    let bot = Bot::new();
    let (first, second) = (free_port(), free_port());
    let one = bot.start(first);
    wait_until_registered(&one);
    bot.hub.forget_requests();
    // Behind the same URL, as replicas are.
    let arguments = ["--port", &second.to_string(), "--public-url", &url(first), "--register"];
    let other = bot.spawn(&arguments, &[]);
    let _ = other.wait_for("another process of this program registers them");
    wait_for_health(second, "ok");
    assert_ne!(health(first)["instance"], health(second)["instance"]);
    assert_eq!(bot.changes(), [""; 0]);
    assert_eq!(bot.hub.webhooks().len(), 2);
    // It takes over when the first one is gone, and nobody responds at the URL any more.
    one.kill();
    let _ = other.wait_for_log("the public URL does not work");
    other.stop();
}

#[test]
fn a_program_with_a_store_remembers_its_webhooks_there() {
    let bot = Bot::new();
    let (first, second) = (free_port(), free_port());
    let store = bot.home.path().join("webhooks.db");
    let store = store.to_str().unwrap();
    let program = bot.start_replica(first, first, store);
    wait_until_registered(&program);
    assert_eq!(bot.hub.webhooks().len(), 3);
    program.kill();
    bot.hub.forget_requests();
    let program = bot.start_replica(second, second, store);
    wait_until_registered(&program);
    assert_eq!(bot.hub.webhooks().len(), 3);
    assert_eq!(bot.changes().len(), 3);
    bot.hub.push("dataset:me/data", "main", &[("a.csv", Some(b"1,2"))]);
    let _ = program.wait_for("index runs for me/data");
    program.stop();
    assert!(!bot.file_of_state().exists());
}

#[test]
#[ignore = "needs PostgreSQL"]
fn of_the_replicas_of_a_database_one_registers_until_it_is_gone() {
    let place = Place::database();
    let store = place.store();
    let bot = Bot::new();
    let ports = [free_port(), free_port(), free_port()];
    let replicas = ports.map(|port| bot.start_replica(port, ports[0], &store));
    for (replica, port) in replicas.iter().zip(ports) {
        let _ = replica.wait_for("* Running on local URL:");
        wait_for_health(port, "ok");
    }
    assert_eq!(bot.hub.webhooks().len(), 3);
    let changes = bot.changes();
    assert_eq!(changes, ["POST /api/settings/webhooks"; 3], "{changes:?}");
    for replica in replicas {
        replica.stop();
    }
    assert!(!bot.file_of_state().exists());
}
