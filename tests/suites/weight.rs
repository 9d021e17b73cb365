//! How much a first program compiles, and the tests.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on")]

use std::collections::BTreeSet;
use std::process::Command;

use serde_json::Value;
use tests::program::forget_package;
use tests::repository::root;

/// The largest number of crates that the quick start is built from.
const MOST: usize = 200;

#[test]
fn the_quick_start_is_built_from_at_most_200_crates() {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["tree", "--locked", "--offline", "--package", "quickstart"]);
    cargo.args(["--edges", "normal,build", "--prefix", "none", "--no-dedupe", "--format", "{p}"]);
    let output = cargo.current_dir(root()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    // The name and the version. More follows, such as `(proc-macro)`.
    let crates: BTreeSet<Vec<_>> =
        text.lines().map(|line| line.split(' ').take(2).collect()).collect();
    let dependencies = crates.len() - 1;
    assert!(
        (100..=MOST).contains(&dependencies),
        "the quick start is built from {dependencies} crates, and at most {MOST} are allowed: {crates:#?}"
    );
}

/// With other features of a dependency, the tests of the macros would need a runtime of their own, and so would the docs.
/// Then `tests/Cargo.toml` lacks that dependency, with its features.
#[test]
fn the_runtime_is_compiled_once_for_all_programs_and_tests() {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--workspace", "--bins", "--tests", "--message-format", "json"]);
    forget_package(&mut cargo);
    let output = cargo.current_dir(root()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let messages = serde_json::Deserializer::from_slice(&output.stdout).into_iter::<Value>();
    let compiled = messages.map(Result::unwrap).filter(|message| {
        message["target"]["name"] == "webhooks_runtime" && message["profile"]["test"] == false
    });
    let files: Vec<_> = compiled.map(|artifact| artifact["filenames"].clone()).collect();
    assert_eq!(files.len(), 1, "{files:#?}");
}
