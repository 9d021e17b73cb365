//! Builds programs of this workspace, and reserves the port that the guide names.

use std::collections::BTreeMap;
use std::fs::File;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::fail;
use crate::repository::root;

/// Builds a package of this workspace and returns the path of the program of the same name.
///
/// # Panics
///
/// When it cannot be built; the message holds cargo's.
#[must_use]
pub fn build(package: &str, profile: &str) -> PathBuf {
    build_bin(package, package, profile)
}

/// Builds one of several programs of a package of this workspace and returns its path. Each is built once.
///
/// # Panics
///
/// When it cannot be built; the message holds cargo's.
#[must_use]
pub fn build_bin(package: &str, bin: &str, profile: &str) -> PathBuf {
    static BUILT: Mutex<BTreeMap<[String; 2], Arc<OnceLock<PathBuf>>>> =
        Mutex::new(BTreeMap::new());
    let mut built = BUILT.lock().unwrap_or_else(PoisonError::into_inner);
    let program = Arc::clone(built.entry([bin, profile].map(str::to_owned)).or_default());
    // Builds in other profiles go on meanwhile.
    drop(built);
    program.get_or_init(|| cargo_build(package, bin, profile)).clone()
}

fn cargo_build(package: &str, bin: &str, profile: &str) -> PathBuf {
    let mut command = cargo("build", bin, profile);
    if profile == "dev" {
        // `cargo test --workspace` has compiled the dependencies with the features that all packages and their
        // tests need together. A build of one package has fewer and would compile them again, so this builds a
        // test of the package with the most dependencies as well.
        command.args(["--workspace", "--test", "builds"]);
    } else {
        command.args(["--package", package]);
    }
    executable(command, bin)
}

/// Builds a program of a package of this workspace in the profile `panic-abort`, but with full link-time optimization,
/// and returns its path. The crates it depends on are those of the profile as it is, compiled once for both.
///
/// # Panics
///
/// When it cannot be built; the message holds cargo's.
#[must_use]
pub fn build_with_full_lto(package: &str, bin: &str) -> PathBuf {
    let mut command = cargo("rustc", bin, "panic-abort");
    command.args(["--package", package, "--", "-C", "lto=fat", "-C", "codegen-units=1"]);
    executable(command, bin)
}

fn cargo(subcommand: &str, bin: &str, profile: &str) -> Command {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command
        .args([subcommand, "--bin", bin, "--profile", profile])
        .args(["--message-format", "json-render-diagnostics"])
        .current_dir(root());
    forget_package(&mut command);
    command
}

/// Removes the variables in which cargo describes the tests' own package. The build script of `ring` asks to run again
/// when they change, and with it all that depends on `ring` would be compiled again.
pub fn forget_package(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy();
        if name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&*name);
        }
    }
}

/// Runs cargo and returns the path of the program that it built.
fn executable(mut command: Command, bin: &str) -> PathBuf {
    let output = command.output();
    let output = output.unwrap_or_else(|error| fail(&format!("cargo doesn't start: {error}")));
    let messages = String::from_utf8_lossy(&output.stdout);
    let program = messages.lines().find_map(|line| {
        let message: serde_json::Value = serde_json::from_str(line).ok()?;
        let named = message["target"]["name"] == bin;
        message["executable"].as_str().filter(|_| named).map(PathBuf::from)
    });
    program.unwrap_or_else(|| fail(&String::from_utf8_lossy(&output.stderr)))
}

/// Port 7860, which a program has without a setting, a Space forwards, and the guide names. No other test has it until
/// this is dropped, not even one of another process.
#[derive(Debug)]
pub struct ReservedPort {
    /// Locked while it is open.
    _file: File,
}

/// Waits until no other test uses port 7860.
///
/// # Panics
///
/// When another program has the port.
#[must_use]
pub fn reserve_port_7860() -> ReservedPort {
    let port = turn_of_port_7860();
    assert!(TcpListener::bind("127.0.0.1:7860").is_ok(), "these tests need port 7860 to be free");
    port
}

/// The same for a test that does without the port when another program has it.
#[must_use]
pub fn turn_of_port_7860() -> ReservedPort {
    let path = std::env::temp_dir().join("webhooks-port-7860.lock");
    let file = File::options().create(true).append(true).open(path);
    let file = file.and_then(|file| file.lock().map(|()| file));
    ReservedPort { _file: file.unwrap_or_else(|error| fail(&format!("no lock: {error}"))) }
}
