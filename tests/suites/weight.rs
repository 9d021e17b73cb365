//! How much a first program compiles.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on")]

use std::collections::BTreeSet;
use std::process::Command;

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
