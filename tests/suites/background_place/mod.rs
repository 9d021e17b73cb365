//! Where background deliveries are kept, and what is said when they cannot be.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on")]

mod files;
mod setting;
mod shared;

use std::path::Path;

use tests::background::program;
use tests::program::{Ended, Program};

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
