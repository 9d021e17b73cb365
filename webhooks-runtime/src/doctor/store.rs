//! Checks that the store of background deliveries can be opened and written, and that its disk has space left.

use std::fs::OpenOptions;
use std::io;
use std::path::Path;

use super::finding::{Diagnosis, Finding};
use super::input::DoctorInput;
use crate::jobs::StoreUrl;

/// How much space a disk should have left, in bytes.
const MIN_SPACE: u64 = 256 << 20;

const MIB: u64 = 1 << 20;

/// The command that frees space: it requires a selection.
const PURGE: &str = "deliveries purge --dead --older-than 30d";

pub(super) fn check(input: &DoctorInput) -> Diagnosis {
    let Some(store) = &input.store else {
        return Diagnosis::Unchecked("no endpoint runs in the background");
    };
    if let Some(error) = &input.store_error {
        return Finding::new(
            error.as_str(),
            "background deliveries are stored before they are accepted",
            "correct --store or WEBHOOKS_STORE",
        )
        .into();
    }
    let mut findings: Vec<_> =
        store.warning(input.on_space).iter().map(|it| may_lose(it)).collect();
    match store {
        StoreUrl::File(file) => {
            findings.extend(of_file(file, input, MIN_SPACE));
            Diagnosis::of(findings, file.display().to_string())
        }
        StoreUrl::Postgres { name, .. } => Diagnosis::of(findings, name.as_str()),
    }
}

/// Returns the finding of a store that may lose deliveries.
fn may_lose(warning: &str) -> Finding {
    let mut lines = warning.trim_start_matches("Warning: ").lines();
    Finding::new(
        lines.next().unwrap_or_default().trim_end_matches('.'),
        "deliveries that have not run yet can be lost",
        lines.next().unwrap_or_default().trim_end_matches('.'),
    )
}

/// Returns what is wrong with a file whose disk should have this many bytes left.
fn of_file(file: &Path, input: &DoctorInput, min_space: u64) -> Vec<Finding> {
    let mut findings = Vec::new();
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    if let Err(error) = writable(file, folder) {
        findings.push(Finding::new(
            format!("{} cannot be written: {error}", file.display()),
            "background deliveries are stored before they are accepted",
            "correct --store or WEBHOOKS_STORE",
        ));
    }
    if let Some(free) = free_space(folder).filter(|free| *free < min_space) {
        findings.push(Finding::new(
            format!("the disk of {} has only {} MiB left", file.display(), free / MIB),
            "on a full disk, background deliveries are rejected with 503",
            input.command(PURGE),
        ));
    }
    findings
}

/// Checks that the file can be written, and others beside it: SQLite's log. Creates none.
#[cfg(unix)]
fn writable(file: &Path, folder: &Path) -> io::Result<()> {
    if file.exists() {
        OpenOptions::new().append(true).open(file)?;
    }
    Ok(rustix::fs::access(folder, rustix::fs::Access::WRITE_OK)?)
}

#[cfg(not(unix))]
fn writable(file: &Path, folder: &Path) -> io::Result<()> {
    if file.exists() {
        OpenOptions::new().append(true).open(file)?;
    }
    folder.metadata().map(drop)
}

/// Returns how many bytes are left on the disk of a folder.
#[cfg(unix)]
fn free_space(folder: &Path) -> Option<u64> {
    let disk = rustix::fs::statvfs(folder).ok()?;
    Some(disk.f_bavail.saturating_mul(disk.f_frsize))
}

#[cfg(not(unix))]
fn free_space(_: &Path) -> Option<u64> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(store: StoreUrl, error: Option<&str>, on_space: bool) -> Diagnosis {
        let mut input = DoctorInput::for_test(Err("no token".to_owned()), Vec::new());
        (input.store, input.on_space) = (Some(store), on_space);
        input.store_error = error.map(str::to_owned);
        check(&input)
    }

    fn findings(diagnosis: Diagnosis) -> Vec<Finding> {
        let Diagnosis::Faulty(findings) = diagnosis else { panic!("{diagnosis:?}") };
        findings
    }

    #[test]
    fn a_file_that_can_be_written_is_healthy_and_not_created() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("webhooks.db");
        let healthy = Diagnosis::Healthy(file.display().to_string());
        assert_eq!(checked(StoreUrl::File(file.clone()), None, false), healthy);
        assert!(!file.exists());
        std::fs::write(&file, "").unwrap();
        assert_eq!(checked(StoreUrl::File(file.clone()), None, false), healthy);
        assert_eq!(std::fs::read(&file).unwrap(), b"");
    }

    #[test]
    fn a_folder_that_does_not_exist_is_a_finding() {
        let found = findings(checked(StoreUrl::File("/nonexistent/bot.db".into()), None, false));
        assert!(found[0].what.starts_with("/nonexistent/bot.db cannot be written: "), "{found:?}");
    }

    #[test]
    fn a_store_that_cannot_be_opened_or_loses_deliveries_is_a_finding() {
        let folder = tempfile::tempdir().unwrap();
        let store = StoreUrl::File(folder.path().join("webhooks.db"));
        let found = findings(checked(store.clone(), Some("it is damaged"), false));
        assert_eq!(found[0].what, "it is damaged");
        let found = findings(checked(store, None, true));
        assert!(found[0].what.contains("which this Space LOSES at each restart"), "{found:?}");
        assert!(found[0].fix.contains("WEBHOOKS_STORE"), "{found:?}");
    }

    #[cfg(unix)]
    #[test]
    fn the_space_of_a_disk_is_known() {
        assert!(free_space(Path::new(".")).is_some_and(|bytes| bytes > 0));
        assert_eq!(free_space(Path::new("/nonexistent")), None);
    }

    #[cfg(unix)]
    #[test]
    fn a_disk_that_is_nearly_full_is_a_finding() {
        let folder = tempfile::tempdir().unwrap();
        let input = DoctorInput::for_test(Err("no token".to_owned()), Vec::new());
        let found = of_file(&folder.path().join("webhooks.db"), &input, u64::MAX);
        assert!(found[0].what.starts_with("the disk of "), "{found:?}");
        assert_eq!(found[0].fix, "my-bot deliveries purge --dead --older-than 30d");
    }

    #[test]
    fn a_program_without_background_functions_needs_no_store() {
        let input = DoctorInput::for_test(Err("no token".to_owned()), Vec::new());
        assert!(matches!(check(&input), Diagnosis::Unchecked(_)));
    }
}
