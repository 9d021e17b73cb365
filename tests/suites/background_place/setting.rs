//! The setting that names the store.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use tests::background::accepted;

use super::{refused, refused_with, start_in};

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
