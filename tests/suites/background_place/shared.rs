//! Two processes that want the same store.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::Duration;

use nix::sys::signal::Signal;
use sqlx::migrate::Migrate;
use sqlx::{Connection, PgConnection};
use tests::background::{Place, accepted};
use tokio::runtime::Runtime;
use webhooks_runtime::{WebhooksServer, webhook_endpoint};

use super::{refused, start_in};

#[test]
fn a_second_process_on_the_same_file_says_so_and_stops() {
    let place = Place::file();
    let first = place.start(&[]);
    let url = first.local_url();
    let ended = place.start(&[]).wait();
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""));
    for part in [&place.store(), "Another process", "--store", "WEBHOOKS_STORE"] {
        assert!(ended.stderr.contains(part), "{part}: {}", ended.stderr);
    }
    // The first one has lost nothing by it.
    let id = accepted(&url, "quick", None, 0);
    place.wait_for(&id, "done");
    assert_eq!(first.stop().code, Some(0));
    let next = place.start(&[]);
    let _ = next.local_url();
    assert_eq!(next.stop().code, Some(0));
}

/// Whatever a second process calls the file, it says that the first one has it.
#[test]
fn a_second_process_is_refused_whatever_name_it_gives_the_file() {
    let place = Place::file();
    let other = tempfile::tempdir().unwrap();
    let link = |name: &str| other.path().join(name).to_str().unwrap().to_owned();
    // One that leads to the file before the file exists.
    symlink(place.store(), link("early.db")).unwrap();
    let first = start_in(place.folder(), &["--store", &link("early.db")], &[]);
    let url = first.local_url();
    assert!(Path::new(&place.store()).exists());
    symlink(place.folder(), link("folder")).unwrap();
    symlink(link("early.db"), link("twice.db")).unwrap();
    for name in [link("early.db"), link("twice.db"), link("folder/webhooks.db"), place.store()] {
        let ended = refused(&["--store", &name]);
        assert!(ended.stderr.contains("Another process"), "{name}: {}", ended.stderr);
    }
    fs::hard_link(place.store(), link("hard.db")).unwrap();
    let ended = refused(&["--store", &link("hard.db")]);
    assert!(ended.stderr.contains("hard link"), "{}", ended.stderr);
    let id = accepted(&url, "quick", None, 0);
    place.wait_for(&id, "done");
    assert_eq!(first.stop().code, Some(0));
}

#[test]
fn a_server_waits_for_another_programs_lock_on_its_file_and_says_so() {
    let place = Place::file();
    let first = place.start(&[]);
    let _ = first.local_url();
    first.stop();
    let lock = || {
        let other = rusqlite::Connection::open(place.store()).unwrap();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        other
    };
    let other = lock();
    let program = place.start(&[]);
    let line = program.wait_for_log("Waiting for the store of background deliveries in");
    assert!(line.contains(&place.store()), "{line}");
    other.execute_batch("COMMIT").unwrap();
    let _ = program.local_url();
    assert_eq!(program.stop().code, Some(0));

    let _other = lock();
    let ended = place.start(&[]).wait();
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains("another program has locked it"), "{}", ended.stderr);
}

/// Background deliveries of a program that starts its server itself.
#[webhook_endpoint(background)]
async fn trained() {}

#[test]
fn other_tasks_of_a_runtime_go_on_while_a_start_waits_for_the_store() {
    let place = Place::file();
    let server =
        || WebhooksServer::empty().endpoint(trained::endpoint()).port(0).store(place.store());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        server().start().await.unwrap().stop().await;
        let other = rusqlite::Connection::open(place.store()).unwrap();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        let starting = tokio::spawn(server().start());
        // On the same thread.
        for _ in 0..50 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert!(!starting.is_finished());
        other.execute_batch("COMMIT").unwrap();
        starting.await.unwrap().unwrap().stop().await;
    });
}

/// Holds the lock that migrations run under, as a replica does that was stopped inside one.
fn in_a_migration(place: &Place) -> (PgConnection, Runtime) {
    let runtime = Runtime::new().unwrap();
    let mut other = runtime.block_on(PgConnection::connect(&place.store())).unwrap();
    runtime.block_on(other.lock()).unwrap();
    (other, runtime)
}

#[test]
#[ignore = "needs PostgreSQL"]
fn a_server_waits_for_another_ones_migration_and_says_so() {
    let place = Place::database();
    let (mut other, runtime) = in_a_migration(&place);
    let process = sqlx::query_scalar::<_, i32>("SELECT pg_backend_pid()");
    let process = runtime.block_on(process.fetch_one(&mut other)).unwrap();
    let store = place.store().replace("postgres@", "postgres:hush@");
    let start = || start_in(place.folder(), &["--store", &store], &[]);

    let program = start();
    let line = program.wait_for_log("Waiting for the store of background deliveries in");
    let holder = format!("process {process} of the database server");
    assert!(line.contains(&holder) && !line.contains("hush"), "{line}");
    // A signal ends the wait.
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        let stopped = start();
        let _ = stopped.wait_for_log("Waiting for the store of background deliveries in");
        stopped.signal(signal).unwrap();
        assert_eq!(stopped.wait().code, Some(0), "{signal}");
    }
    runtime.block_on(other.close()).unwrap();
    let id = accepted(&program.local_url(), "quick", None, 0);
    place.wait_for(&id, "done");
    assert_eq!(program.stop().code, Some(0));
}
