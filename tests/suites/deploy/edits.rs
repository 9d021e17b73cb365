//! What a person changes on the Space itself is not lost.

use super::*;

/// A developer who has deployed the project.
fn deployed() -> (Developer, Program) {
    let developer = Developer::new();
    developer.write("src/lib.rs", "pub fn a() {}\n");
    let server = developer.serve("hush");
    developer.deploy(0, &["--yes"]);
    (developer, server)
}

fn text(developer: &Developer, path: &str) -> String {
    String::from_utf8(developer.hub.file(SPACE, "main", path).unwrap()).unwrap()
}

#[test]
fn a_file_that_was_changed_on_the_space_stops_the_next_deployment_with_its_name() {
    let (developer, _server) = deployed();
    let changed = [
        ("src/main.rs", Some(&b"fn main() { theirs() }\n"[..])),
        ("src/new.rs", Some(b"theirs")),
        ("notes.md", Some(b"theirs")),
    ];
    developer.hub.push(SPACE, "main", &changed);
    let before = developer.changes().len();
    // Changed there only, changed in both places, and added in both places.
    for arguments in [&["--yes"][..], &["--dry-run"]] {
        let ended = developer.deploy(1, arguments);
        assert!(ended.stderr.contains("since the last `deploy`: src/main.rs. Copy"), "{ended:?}");
    }
    developer.write("src/main.rs", "fn main() { mine() }\n");
    developer.write("src/new.rs", "mine");
    let ended = developer.deploy(1, &["--yes", "--json"]);
    let error = events(&ended).pop().unwrap();
    let message = error["message"].as_str().unwrap();
    assert!(message.contains(": src/main.rs, src/new.rs. Copy the changes"), "{message}");
    assert_eq!(developer.changes().len(), before);
    assert_eq!(text(&developer, "src/main.rs"), "fn main() { theirs() }\n");

    // They are replaced only by force, which the plan says.
    let ended = developer.deploy(0, &["--yes", "--force"]);
    for path in ["src/main.rs", "src/new.rs"] {
        let line = format!("  upload     {path}, which was changed on the Space\n");
        assert!(ended.stdout.contains(&line), "{}", ended.stdout);
    }
    assert_eq!(text(&developer, "src/main.rs"), "fn main() { mine() }\n");
    assert_eq!(text(&developer, "notes.md"), "theirs");
    developer.deploy(0, &["--yes"]);
    developer.hub.assert_no_faults();
}

#[test]
fn a_file_that_was_changed_on_the_space_is_not_deleted_there() {
    let (developer, _server) = deployed();
    developer.hub.push(SPACE, "main", &[("src/lib.rs", Some(b"pub fn theirs() {}\n"))]);
    fs::remove_file(developer.path("src/lib.rs")).unwrap();
    let ended = developer.deploy(1, &["--yes"]);
    assert!(ended.stderr.contains(": src/lib.rs. Copy the changes"), "{}", ended.stderr);
    let ended = developer.deploy(0, &["--yes", "--force"]);
    let line = "  delete     src/lib.rs, which was changed on the Space\n";
    assert!(ended.stdout.contains(line), "{}", ended.stdout);
}

#[test]
fn a_change_that_was_copied_into_the_project_stays() {
    let (developer, _server) = deployed();
    let theirs = "fn main() { theirs() }\n";
    developer.hub.push(SPACE, "main", &[("src/main.rs", Some(theirs.as_bytes()))]);
    developer.write("src/main.rs", theirs);
    let ended = developer.deploy(0, &[]);
    assert!(ended.stderr.contains("There is nothing to change."), "{}", ended.stderr);
    // It counts as uploaded from then on, so that it can be changed here again.
    developer.write("src/lib.rs", "pub fn b() {}\n");
    developer.deploy(0, &["--yes"]);
    developer.write("src/main.rs", "fn main() { mine() }\n");
    developer.deploy(0, &["--yes"]);
    assert_eq!(text(&developer, "src/main.rs"), "fn main() { mine() }\n");
    developer.hub.assert_no_faults();
}
