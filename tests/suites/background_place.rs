//! Where background deliveries are kept, and what is said when they cannot be.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on")]

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use nix::sys::signal::Signal;
use sqlx::migrate::Migrate;
use sqlx::{Connection, PgConnection};
use tests::background::{Place, accepted, program, wait_until};
use tests::client::{get, post};
use tests::program::{Ended, Program};
use tokio::runtime::Runtime;
use webhooks_runtime::{WebhooksServer, webhook_endpoint};

/// Starts the program in a folder.
fn start_in(folder: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Program {
    let script = format!("cd '{}' && exec \"$0\" --port 0 \"$@\"", folder.display());
    let arguments = [&["-c", &script, program().to_str().unwrap()], arguments].concat();
    Program::start(Path::new("/bin/sh"), &arguments, variables).unwrap()
}

/// What a program says that cannot start, before it has opened a port.
fn refused(arguments: &[&str]) -> Ended {
    refused_with(1, arguments)
}

/// The same with an exit code.
fn refused_with(code: i32, arguments: &[&str]) -> Ended {
    let folder = tempfile::tempdir().unwrap();
    let ended = start_in(folder.path(), arguments, &[]).wait();
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(code), ""), "{arguments:?}: {ended:?}");
    assert!(folder.path().read_dir().unwrap().next().is_none(), "it made a file: {arguments:?}");
    assert!(!ended.stderr.contains("hush") && !ended.stderr.contains("panicked"), "{ended:?}");
    ended
}

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

/// All that can be seen of the files in a folder.
fn traces(folder: &Path) -> BTreeMap<String, String> {
    let trace = |file: fs::DirEntry| {
        let metadata = file.metadata().unwrap();
        let bytes = metadata.is_file().then(|| fs::read(file.path()).unwrap());
        let (mode, changed) = (metadata.mode(), (metadata.mtime_nsec(), metadata.ctime_nsec()));
        let content = format!("{mode:o} {changed:?} {:?} {bytes:?}", metadata.ino());
        (file.file_name().into_string().unwrap(), content)
    };
    folder.read_dir().unwrap().map(|file| trace(file.unwrap())).collect()
}

#[test]
fn what_is_not_a_store_is_left_without_a_trace() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    fs::write(path("passwd"), "root:x:0:0:root:/root:/bin/sh\n").unwrap();
    fs::write(path("empty"), "").unwrap();
    fs::create_dir(path("folder")).unwrap();
    assert!(Command::new("mkfifo").arg(path("fifo")).status().unwrap().success());
    let _listener = UnixListener::bind(path("socket")).unwrap();
    let mut others = vec!["folder", "fifo", "link", "socket"];
    // Like `/dev/null`; only root makes one.
    if Command::new("mknod").args([&path("null"), "c", "1", "3"]).status().unwrap().success() {
        fs::set_permissions(path("null"), fs::Permissions::from_mode(0o666)).unwrap();
        others.push("null");
    }
    for (name, log) in [("app.db", "DELETE"), ("app-wal.db", "WAL")] {
        let app = rusqlite::Connection::open(path(name)).unwrap();
        app.pragma_update(None, "journal_mode", log).unwrap();
        app.execute_batch("CREATE TABLE users (name); INSERT INTO users VALUES ('me')").unwrap();
        app.close().unwrap();
    }
    let names = ["passwd", "empty", "app.db", "app-wal.db"];
    for name in names {
        fs::set_permissions(path(name), fs::Permissions::from_mode(0o644)).unwrap();
    }
    symlink(path("passwd"), path("link")).unwrap();
    let before = traces(folder.path());
    for name in names.into_iter().chain(others) {
        let ended = refused(&["--store", &path(name)]);
        assert!(ended.stderr.contains(&path(name)), "{name}: {}", ended.stderr);
        assert_eq!(traces(folder.path()), before, "{name}");
    }
}

#[test]
fn a_store_that_was_cut_off_is_said_to_be_damaged() {
    let place = Place::file();
    let program = place.start(&[]);
    let _ = program.local_url();
    assert_eq!(program.stop().code, Some(0));
    let file = fs::OpenOptions::new().write(true).open(place.store()).unwrap();
    file.set_len(6000).unwrap();
    let ended = place.start(&[]).wait();
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("it is damaged"), "{ended:?}");
    assert_eq!(file.metadata().unwrap().len(), 6000);
}

/// SQLite takes a file of this name for the log of the new database, and deletes it.
#[test]
fn a_file_that_only_sounds_like_a_part_of_the_store_is_kept() {
    for name in ["trip-journal", "trip-wal", "trip-shm"] {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(name), "my trip\n").unwrap();
        let empty = folder.path().join("empty");
        fs::write(&empty, "").unwrap();
        fs::set_permissions(&empty, fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(folder.path().join(name.replace("trip", "empty")), "my trip\n").unwrap();
        let before = traces(folder.path());
        for store in ["trip", "empty"] {
            let ended = start_in(folder.path(), &["--store", store], &[]).wait();
            assert_eq!(ended.code, Some(1), "{ended:?}");
            assert!(ended.stderr.contains(store), "{ended:?}");
            assert_eq!(traces(folder.path()), before, "{name}");
        }
    }
}

#[test]
fn the_systems_own_null_device_keeps_its_mode_and_gets_no_neighbors() {
    let null = || {
        let metadata = fs::metadata("/dev/null").unwrap();
        (metadata.mode(), metadata.rdev())
    };
    let neighbors = || {
        let files = Path::new("/dev").read_dir().unwrap().map(|file| file.unwrap().file_name());
        files.filter(|name| name.to_string_lossy().starts_with("null")).count()
    };
    let before = (null(), neighbors());
    let ended = refused(&["--store", "/dev/null"]);
    assert!(ended.stderr.contains("it is not a regular file"), "{}", ended.stderr);
    assert_eq!((null(), neighbors()), before);
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

#[test]
fn a_file_that_is_deleted_or_replaced_is_noticed() {
    for is_replaced in [false, true] {
        let place = Place::file();
        let program = place.start(&[]);
        let url = program.local_url();
        let id = accepted(&url, "quick", None, 0);
        place.wait_for(&id, "done");
        let store = place.store();
        if is_replaced {
            fs::copy(&store, format!("{store}.new")).unwrap();
            fs::rename(format!("{store}.new"), &store).unwrap();
        } else {
            for end in ["", "-wal", "-shm", "-lock"] {
                fs::remove_file(format!("{store}{end}")).unwrap();
            }
        }
        // Though nothing arrives.
        let said = program.wait_for_log("was deleted or replaced");
        assert!(said.contains("ERROR") && said.contains(&store), "{said}");
        let answer = post(&url, "/webhooks/quick", "{}").unwrap();
        assert_eq!(answer.status, 503, "{answer:?}");
        wait_until("the health says so", || {
            let health = get(&url, "/health").unwrap().json();
            health["status"] == "unavailable" && health["store"]["status"] == "unavailable"
        });
        program.stop();
    }
}

#[test]
fn without_a_setting_they_are_in_the_working_directory_and_private() {
    let folder = tempfile::tempdir().unwrap();
    // Whatever the rights are that files get.
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let program = start_in(folder.path(), &[], &[]);
    let _ = accepted(&program.local_url(), "quick", None, 0);
    let said = program.wait_for("webhooks.db");
    assert!(said.contains("ackground"), "{said}");
    let mut files = 0;
    for file in folder.path().read_dir().unwrap() {
        let file = file.unwrap();
        let mode = file.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{:?}", file.path());
        files += 1;
    }
    assert!(files >= 2 && folder.path().join("webhooks.db").exists());
    program.stop();
}

#[test]
fn a_flag_goes_before_the_environment() {
    let folder = tempfile::tempdir().unwrap();
    let has = |name: &str| folder.path().join(name).exists();
    let variables = [("WEBHOOKS_STORE", "variable.db")];
    let program = start_in(folder.path(), &[], &variables);
    let _ = program.local_url();
    program.stop();
    assert!(has("variable.db") && !has("webhooks.db"));
    let program = start_in(folder.path(), &["--store", "sqlite://flag.db"], &variables);
    let _ = program.local_url();
    program.stop();
    assert!(has("flag.db") && !has("webhooks.db"));
}

#[test]
fn a_space_that_loses_its_disk_is_warned_of() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = ["--host", "127.0.0.1", "--store", "webhooks.db"];
    let program = start_in(folder.path(), &arguments, &[("SPACE_ID", "me/bot")]);
    let _ = program.wait_for_log("LOSES at each restart");
    program.stop();
}

#[test]
fn a_file_that_cannot_be_used_is_told_before_the_port_is_open() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().to_str().unwrap();
    let nonsense = format!("{folder}/nonsense.db");
    fs::write(&nonsense, "no database, but long enough to be looked at. ".repeat(100)).unwrap();
    let nowhere = format!("{folder}/nothing/webhooks.db");
    // Where even root makes no file.
    for file in [folder, "/proc/webhooks.db", &nowhere, &nonsense] {
        let ended = refused(&["--store", file]);
        assert!(ended.stderr.contains(file), "{file}: {}", ended.stderr);
    }
    assert!(fs::read_to_string(&nonsense).unwrap().starts_with("no database"));
}

#[test]
fn a_store_of_no_kind_is_told_without_its_password() {
    for store in [
        "mysql://me:hush@localhost/bot",
        "redis://:hush@localhost",
        "sqlite://",
        "postgres:/me:hush@localhost/bot",
        "postgres//me:hush@localhost/bot",
        "host=localhost user=me password=hush dbname=bot",
        "postgres://me:hush@127.0.0.1:port/bot",
    ] {
        let ended = refused_with(2, &["--store", store]);
        assert!(ended.stderr.contains("must be a file, or postgres://"), "{}", ended.stderr);
    }
}

#[test]
fn a_database_that_is_not_there_is_told_without_its_password() {
    for store in [
        "postgres://me:hush@127.0.0.1:1/bot",
        "postgresql://me:hush@nowhere.invalid/bot",
        "postgres://me:hush@127.0.0.1:1/bot?pgbouncer=true&token=hush",
    ] {
        let ended = refused(&["--store", store]);
        assert!(ended.stderr.contains("ackground deliveries"), "{store}: {}", ended.stderr);
    }
}
