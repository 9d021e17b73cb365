//! Files of this repository that hold what the code makes, so that a change of it is seen and reviewed.

use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};

use crate::program::fail;
use crate::repository::root;

/// Compares a text with a file of this repository. When the variable `update` is set, the file is written instead.
///
/// # Panics
///
/// When they differ; the message shows each line that does, and how to write the file.
pub fn assert_golden(file: &str, made: &str, update: &str) {
    let path = root().join(file);
    if std::env::var_os(update).is_some() {
        fs::write(&path, made).unwrap_or_else(|error| fail(&format!("{file}: {error}")));
    }
    if fs::read_to_string(&path).is_ok_and(|kept| kept == made) {
        return;
    }
    let hint = format!("{file} differs; `{update}=1` writes it anew. Read the difference first:");
    let mut diff = Command::new("diff");
    diff.args(["--new-file", "--unified=2"]).arg(&path).arg("-");
    let shown = diff.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().and_then(|mut diff| {
        // Dropped after this, which is its end.
        diff.stdin.take().map_or(Ok(()), |mut input| input.write_all(made.as_bytes()))?;
        diff.wait_with_output()
    });
    match shown {
        Ok(output) => fail(&format!("{hint}\n{}", String::from_utf8_lossy(&output.stdout))),
        Err(error) => fail(&format!("{hint}\n(diff cannot be run: {error})")),
    }
}
