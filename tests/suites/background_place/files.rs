//! Files that are no store, or stop being one.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Command;

use tests::background::{Place, accepted, wait_until};
use tests::client::{get, post};

use super::{refused, start_in};

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
