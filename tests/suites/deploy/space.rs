//! A Space from its first deployment to a later one.

use std::fs;
use std::thread::sleep;
use std::time::{Duration, Instant};

use tests::client::PATIENCE;

use super::*;

/// Waits until the Space has a secret, as a Space starts with it.
fn secret_of_space(developer: &Developer) -> String {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if developer.hub.has_repo(SPACE)
            && let Some(secret) = developer.hub.space_secrets(SPACE).remove("WEBHOOK_SECRET")
        {
            return secret;
        }
        assert!(Instant::now() < deadline, "no secret");
        sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_bot_is_deployed_receives_deliveries_and_later_only_changes_are_uploaded() {
    let developer = Developer::new();
    let port = developer.set_port();
    let deploy = developer.start(&["--yes"], &[]);
    // The program on the Space, which has the secret that `deploy` has made.
    let secret = secret_of_space(&developer);
    let server = developer.serve_at(port, &secret);
    let ended = deploy.wait();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    developer.assert_no_secret(&ended);
    let expected = [
        ".gitattributes",
        ".gitignore",
        MARKER,
        "Cargo.lock",
        "Cargo.toml",
        "Dockerfile",
        "README.md",
        "src/main.rs",
    ];
    assert_eq!(developer.hub.files(SPACE, "main"), expected);
    let readme = developer.hub.file(SPACE, "main", "README.md").unwrap();
    assert!(readme.starts_with(b"---\ntitle: Fixture watching\n"), "{readme:?}");
    assert!(!developer.path("README.md").exists() && !developer.path("Dockerfile").exists());
    for line in
        ["  stage      BUILDING\n", "  stage      RUNNING\n", "  responds   http://127.0.0.1"]
    {
        assert!(ended.stdout.contains(line), "{}", ended.stdout);
    }
    let webhooks = developer.hub.webhooks();
    assert_eq!(webhooks.len(), 2, "{webhooks:#?}");
    assert!(webhooks.iter().all(|webhook| webhook.secret.as_deref() == Some(&*secret)));
    developer.hub.push("dataset:me/data", "main", &[("a.csv", Some(b"1,2"))]);
    let _ = server.wait_for("retrain runs for me/data");

    // Nothing has changed.
    let before = developer.changes().len();
    let ended = developer.deploy(0, &[]);
    assert!(ended.stderr.contains("There is nothing to change."), "{}", ended.stderr);
    assert_eq!(developer.changes().len(), before, "{:?}", developer.changes());

    // One file is changed, one is new, one is deleted. One is that of a person.
    let by_person = [("notes.md", Some(&b"mine"[..]))];
    developer.hub.push(SPACE, "main", &by_person);
    developer.write("src/main.rs", "fn main() { todo!() }\n");
    developer.write("src/lib.rs", "");
    fs::remove_file(developer.path(".gitignore")).unwrap();
    let ended = developer.deploy(0, &["--yes"]);
    let change = |key: &str, path: &str| (key.to_owned(), path.to_owned());
    let expected = [
        change("file", MARKER),
        change("file", "src/lib.rs"),
        change("file", "src/main.rs"),
        change("deletedFile", ".gitignore"),
    ];
    assert_eq!(developer.last_commit(), expected, "{ended:?}");
    assert!(developer.hub.files(SPACE, "main").contains(&"notes.md".to_owned()));
    assert_eq!(secret_of_space(&developer), secret);
    assert_eq!(developer.hub.webhooks().len(), 2);
    developer.hub.assert_no_faults();
    server.stop();
}

#[test]
fn a_private_space_gets_no_webhook_and_says_why() {
    let developer = Developer::new();
    let ended = developer.deploy(0, &["--yes", "--visibility", "private"]);
    assert!(ended.stdout.contains("because the Space is private"), "{}", ended.stdout);
    assert!(!ended.stdout.contains("everyone can read"), "{}", ended.stdout);
    assert!(developer.hub.webhooks().is_empty());
    let ended = developer.deploy(1, &["--yes", "--visibility", "public"]);
    assert!(ended.stderr.contains("The Space me/my-bot is private."), "{}", ended.stderr);
    developer.hub.assert_no_faults();
}

#[test]
fn a_space_of_somebody_else_is_changed_only_by_force_and_loses_no_file() {
    let developer = Developer::new();
    let _server = developer.serve("hush");
    developer.hub.create_repo(SPACE);
    developer.hub.push(SPACE, "main", &[("app.py", Some(b"print()"))]);
    developer.hub.forget_requests();
    let ended = developer.deploy(1, &["--yes"]);
    assert!(ended.stderr.contains("`deploy` has not made it"), "{}", ended.stderr);
    assert_eq!(developer.changes(), <[&str; 0]>::default());
    developer.deploy(0, &["--yes", "--force"]);
    let files = developer.hub.files(SPACE, "main");
    assert!(
        files.contains(&"app.py".to_owned()) && files.contains(&MARKER.to_owned()),
        "{files:?}"
    );
    // Now it is one of `deploy`.
    developer.deploy(0, &["--yes"]);
    developer.hub.assert_no_faults();
}

#[test]
fn a_dry_run_and_a_missing_answer_change_nothing() {
    let developer = Developer::new();
    for (arguments, code) in [(&["--dry-run"][..], 0), (&[], 2)] {
        let ended = developer.deploy(code, arguments);
        for line in ["  create     the Space\n", "  upload     src/main.rs\n"] {
            assert!(ended.stdout.contains(line), "{}", ended.stdout);
        }
        assert!(ended.stderr.contains("Nothing was changed"), "{}", ended.stderr);
    }
    assert_eq!(developer.changes(), <[&str; 0]>::default());
    assert!(!developer.hub.has_repo(SPACE));
    assert!(fs::read_dir(developer.home.path()).unwrap().next().is_none());
}
