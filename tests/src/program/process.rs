//! What the system knows of a program's process.

use std::{fs, io};

use super::Program;

impl Program {
    /// The process's resident memory, in bytes.
    ///
    /// # Errors
    ///
    /// When it has ended.
    pub fn memory(&self) -> io::Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kibibytes = resident.and_then(|text| text.trim().strip_suffix(" kB"));
        let kibibytes: u64 = kibibytes.and_then(|text| text.parse().ok()).unwrap_or_default();
        Ok(kibibytes * 1024)
    }

    /// Whether it has not ended yet.
    #[must_use]
    pub fn is_running(&self) -> bool {
        // Its state is after its name, which is in brackets; `Z` when it has ended.
        let status = fs::read_to_string(format!("/proc/{}/stat", self.child.id()));
        status.is_ok_and(|status| {
            !status.rsplit_once(") ").is_some_and(|(_, it)| it.starts_with('Z'))
        })
    }
}
