//! The errors that a mistake gets, word for word. Each case is one rule.
//!
//! `TRYBUILD=overwrite cargo test -p compile-errors -- --ignored` takes them anew. Read
//! them as prose before you keep them.

/// The compiler that the texts were taken with; another one words and draws some of them otherwise.
const COMPILER: &str = "rustc 1.95.0";

#[test]
#[ignore = "needs rustc 1.95.0, which the texts were taken with"]
fn each_mistake_is_explained_where_it_is() {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let version = std::process::Command::new(rustc).arg("--version").output().unwrap();
    let version = String::from_utf8_lossy(&version.stdout).into_owned();
    assert!(version.starts_with(COMPILER), "this is {version}, the texts are from {COMPILER}");
    trybuild::TestCases::new().compile_fail("compile_fail/*.rs");
}
