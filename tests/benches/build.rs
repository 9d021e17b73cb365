//! What a dependency costs to compile.

use std::collections::HashSet;
use std::error::Error;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use serde_json::Value;

/// A package of this workspace that is built from nothing.
pub(crate) struct CleanBuild {
    package: &'static str,
    /// How many crates are compiled, build scripts not counted.
    pub(crate) crates: usize,
    /// The seconds that each build took.
    pub(crate) seconds: Vec<f64>,
}

impl CleanBuild {
    pub(crate) fn new(package: &'static str) -> Self {
        Self { package, crates: 0, seconds: Vec::new() }
    }

    /// Builds it once more, in a folder of its own.
    pub(crate) fn run(&mut self) -> Result<(), Box<dyn Error>> {
        let folder = tempfile::tempdir()?;
        let started = Instant::now();
        let output = Command::new(env!("CARGO"))
            .args(["build", "--locked", "--message-format", "json", "--package", self.package])
            .arg("--target-dir")
            .arg(folder.path())
            .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."))
            .output()?;
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into());
        }
        self.seconds.push(started.elapsed().as_secs_f64());
        let text = String::from_utf8_lossy(&output.stdout);
        let compiled = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let packages: HashSet<String> = compiled
            .filter(|message| message["reason"] == "compiler-artifact")
            .filter_map(|message| message["package_id"].as_str().map(str::to_owned))
            .collect();
        // Without the package itself.
        self.crates = packages.len().saturating_sub(1);
        Ok(())
    }
}
