//! Which files are uploaded, and that they build.

use tests::dockerfile::build;

use super::*;

#[test]
fn secrets_stores_and_ignored_files_are_never_uploaded() {
    let developer = Developer::new();
    let _server = developer.serve("hush");
    let private = [
        ".env",
        ".env.local",
        "webhooks.db",
        "webhooks.db-wal",
        ".cargo/credentials.toml",
        "state/.env",
    ];
    for path in private.iter().chain(&["a.log", "target/debug/bot", "notes/a.md", "src/keep.rs"]) {
        developer.write(path, "x");
    }
    developer.write(".dockerignore", "notes\nREADME.md\n");
    developer.write("README.md", "# Bot\n");
    let ended = developer.deploy(0, &["--yes"]);
    let files = developer.hub.files(SPACE, "main");
    for path in private {
        assert!(ended.stdout.contains(&format!("  leave out  {path}, ")), "{}", ended.stdout);
    }
    for path in private.iter().chain(&["a.log", "target/debug/bot", "notes/a.md"]) {
        assert!(!files.contains(&(*path).to_owned()), "{path}");
    }
    for path in ["src/keep.rs", "README.md", ".dockerignore"] {
        assert!(files.contains(&path.to_owned()), "{path}");
    }
    let readme = developer.hub.file(SPACE, "main", "README.md").unwrap();
    assert!(String::from_utf8(readme).unwrap().ends_with("---\n\n# Bot\n"));
    developer.hub.assert_no_faults();
}

#[test]
fn a_token_in_a_file_stops_before_anything_is_sent_and_is_not_shown() {
    let developer = Developer::new();
    let token = developer.hub.token();
    developer.write("src/secret.rs", &format!("// A comment\nconst TOKEN: &str = \"{token}\";\n"));
    let ended = developer.deploy(2, &["--yes"]);
    assert!(ended.stderr.contains("src/secret.rs:2"), "{}", ended.stderr);
    assert!(developer.hub.requests().is_empty());
    // The way out.
    developer.write(".gitignore", "src/secret.rs\n");
    developer.deploy(0, &["--dry-run"]);
}

#[test]
fn a_package_outside_of_the_folder_is_refused_with_the_way_out() {
    let developer = Developer::new();
    let outside = tempfile::tempdir().unwrap();
    fs::create_dir(outside.path().join("src")).unwrap();
    fs::write(outside.path().join("src/lib.rs"), "").unwrap();
    fs::write(outside.path().join("Cargo.toml"), manifest("library")).unwrap();
    let path = outside.path().canonicalize().unwrap();
    let dependency = format!("[dependencies]\nlibrary = {{ path = {:?} }}\n", path.display());
    developer.write("Cargo.toml", &(manifest(&developer.name()) + &dependency));
    let ended = developer.deploy(2, &["--yes"]);
    assert!(ended.stderr.contains(path.to_str().unwrap()), "{}", ended.stderr);
    assert!(ended.stderr.contains("cargo add --path"), "{}", ended.stderr);
    assert!(developer.hub.requests().is_empty());
}

#[test]
fn the_folder_of_another_program_is_refused() {
    let developer = Developer::new();
    developer.write("Cargo.toml", &manifest("other"));
    let ended = developer.deploy(2, &["--yes"]);
    assert!(ended.stderr.contains("is not the project of the program"), "{}", ended.stderr);
}

/// Builds the files on the Space with their `Dockerfile`, and returns what the program prints.
fn output_of_space(developer: &Developer) -> String {
    let folder = tempfile::tempdir().unwrap();
    let space = folder.path().join("space");
    for path in developer.hub.files(SPACE, "main") {
        let file = space.join(&path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, developer.hub.file(SPACE, "main", &path).unwrap()).unwrap();
    }
    let image = build(&space, &folder.path().join("stages"), &[("CARGO_NET_OFFLINE", "true")]);
    String::from_utf8(image.command().output().unwrap().stdout).unwrap()
}

#[test]
fn the_uploaded_files_build_also_those_of_a_workspace() {
    let developer = Developer::new();
    let _server = developer.serve("hush");
    developer.write("src/main.rs", "fn main() { print!(\"alone\") }\n");
    developer.deploy(0, &["--yes"]);
    assert_eq!(output_of_space(&developer), "alone");

    let developer = Developer::new();
    let _server = developer.serve("hush");
    let name = developer.name();
    let package = |name: &str| format!("[[package]]\nname = \"{name}\"\nversion = \"0.0.0\"\n");
    let lock = [
        "version = 4\n\n".to_owned(),
        package("common") + "\n",
        package(&name) + "dependencies = [\n \"common\",\n]\n",
    ];
    developer.write("Cargo.lock", &lock.concat());
    let workspace = "[workspace]\nresolver = \"3\"\nmembers = [\"bots/*\", \"common\"]\n";
    developer.write("Cargo.toml", workspace);
    fs::remove_dir_all(developer.path("src")).unwrap();
    developer.write("common/Cargo.toml", &manifest("common"));
    developer.write("common/src/lib.rs", "pub const TEXT: &str = \"together\";\n");
    let dependency = "[dependencies]\ncommon = { path = \"../../common\" }\n";
    developer.write("bots/mine/Cargo.toml", &(manifest(&name) + dependency));
    developer.write("bots/mine/src/main.rs", "fn main() { print!(\"{}\", common::TEXT) }\n");
    developer.deploy(0, &["--yes"]);
    assert_eq!(output_of_space(&developer), "together");
}
