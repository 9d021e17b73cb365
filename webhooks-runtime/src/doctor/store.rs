//! Checks that the store of background deliveries can be opened and written, and that its disk has space left.

use std::fs::OpenOptions;
use std::io::{self, ErrorKind};
use std::path::Path;

use super::commands::shell_word;
use super::finding::{Diagnosis, Finding};
use super::input::DoctorInput;
use crate::jobs::{StoreRemedy, StoreUrl};

/// How much space a disk should have left, in bytes.
const MIN_SPACE: u64 = 256 << 20;

const MIB: u64 = 1 << 20;

/// The command that frees space: it requires a selection.
const PURGE: &str = "deliveries purge --dead --older-than 30d";

/// Why a store that does not work is a fault.
const WHY: &str = "background deliveries are stored before they are accepted";

const NAME_ANOTHER: &str = "name another store with --store or WEBHOOKS_STORE";

pub(super) fn check(input: &DoctorInput) -> Diagnosis {
    let Some(store) = &input.store else {
        return Diagnosis::Unchecked("no endpoint runs in the background");
    };
    let mut findings: Vec<_> =
        store.warning(input.on_space).iter().map(|it| may_lose(it)).collect();
    let name = match store {
        StoreUrl::File(file) => {
            findings.extend(of_file(file, input, MIN_SPACE));
            file.display().to_string()
        }
        StoreUrl::Postgres { name, .. } => name.clone(),
    };
    // A file that cannot be written cannot be opened either.
    let is_unwritable = findings.iter().any(|finding| finding.why == WHY);
    if let Some(error) = input.store_error.as_ref().filter(|_| !is_unwritable) {
        findings.push(Finding::new(error.to_string(), WHY, fix(error.remedy(), store, input)));
    }
    Diagnosis::of(findings, name)
}

/// Returns the command that makes a store usable again, or what to do where none does.
fn fix(remedy: StoreRemedy, store: &StoreUrl, input: &DoctorInput) -> String {
    let file = match store {
        StoreUrl::File(file) => shell_word(&file.display().to_string()),
        StoreUrl::Postgres { .. } => String::new(),
    };
    let text = match remedy {
        StoreRemedy::NameAnother => NAME_ANOTHER,
        StoreRemedy::DeleteFile => return format!("rm {file}"),
        StoreRemedy::DeleteLink => {
            return format!(
                "delete the other name, which this prints: find / -xdev -samefile {file}"
            );
        }
        StoreRemedy::Recover => return format!("sqlite3 {file} .recover | sqlite3 recovered.db"),
        StoreRemedy::EndLock if file.is_empty() => {
            "end the session of the database that holds the lock: see pg_locks"
        }
        StoreRemedy::EndLock => {
            return format!(
                "end the program that uses the file, whose id this prints: fuser {file}"
            );
        }
        StoreRemedy::UpdateProgram => "update webhooks-runtime in this program",
        StoreRemedy::StartServer => return input.program.trim_end_matches(" --").to_owned(),
        StoreRemedy::StartDatabase => {
            "start the database server, or correct the host and the port in the store's URL"
        }
        StoreRemedy::CorrectLogin => "correct the user and the password in the store's URL",
        StoreRemedy::CorrectTls => "correct sslmode and sslrootcert in the store's URL",
        StoreRemedy::CreateDatabase => {
            "create the database that the store's URL names: createdb --template template0 --encoding UTF8 --locale C NAME"
        }
        StoreRemedy::Grant => {
            "grant the user in the store's URL the privilege CREATE in the database"
        }
        StoreRemedy::UsePrimary => "name the primary server in the store's URL",
        StoreRemedy::SetPoolMode => "set pool_mode = session in the configuration of the pooler",
        StoreRemedy::RemoveParameter => "remove the parameter from the store's URL",
    };
    text.to_owned()
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
    let unwritable = match (writable(file), can_create_in(folder)) {
        (Err(error), _) => Some((file, error)),
        (Ok(()), Err(error)) => Some((folder, error)),
        (Ok(()), Ok(())) => None,
    };
    if let Some((path, error)) = unwritable {
        let what = format!("{} cannot be written: {error}", file.display());
        findings.push(Finding::new(what, WHY, fix_of_path(path, error.kind())));
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

/// Returns the command that makes a file or a folder writable, or what to do where none does.
fn fix_of_path(path: &Path, error: ErrorKind) -> String {
    let path = shell_word(&path.display().to_string());
    match error {
        ErrorKind::NotFound => format!("mkdir -p {path}"),
        ErrorKind::PermissionDenied => {
            format!("sudo chown \"$(id -u)\" {path} && chmod u+rwX {path}")
        }
        _ => NAME_ANOTHER.to_owned(),
    }
}

/// Checks that a file can be written, if it exists.
fn writable(file: &Path) -> io::Result<()> {
    match OpenOptions::new().append(true).open(file) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Checks that files can be created in a folder: SQLite's log is beside the store. Creates none.
#[cfg(unix)]
fn can_create_in(folder: &Path) -> io::Result<()> {
    Ok(rustix::fs::access(folder, rustix::fs::Access::WRITE_OK)?)
}

#[cfg(not(unix))]
fn can_create_in(folder: &Path) -> io::Result<()> {
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
    use crate::jobs::StoreError;

    fn checked(store: StoreUrl, error: Option<StoreError>, on_space: bool) -> Diagnosis {
        let mut input = DoctorInput::for_test(Err("no token".to_owned()), Vec::new());
        (input.store, input.on_space) = (Some(store), on_space);
        input.store_error = error;
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
    fn a_folder_that_does_not_exist_is_to_be_made() {
        let found = findings(checked(StoreUrl::File("/nonexistent/a b.db".into()), None, false));
        assert!(found[0].what.starts_with("/nonexistent/a b.db cannot be written: "), "{found:?}");
        assert_eq!(found[0].fix, "mkdir -p /nonexistent");
    }

    #[test]
    fn what_cannot_be_written_has_a_fix_by_its_reason() {
        let path = Path::new("/data/a b.db");
        let fix = |kind: ErrorKind| fix_of_path(path, kind);
        assert_eq!(
            fix(ErrorKind::PermissionDenied),
            "sudo chown \"$(id -u)\" '/data/a b.db' && chmod u+rwX '/data/a b.db'"
        );
        for kind in [ErrorKind::ReadOnlyFilesystem, ErrorKind::NotADirectory] {
            assert_eq!(fix(kind), NAME_ANOTHER);
        }
        // A folder in place of the file.
        let folder = tempfile::tempdir().unwrap();
        let found = findings(checked(StoreUrl::File(folder.path().to_owned()), None, false));
        assert_eq!((found.len(), found[0].fix.as_str()), (1, NAME_ANOTHER));
    }

    #[test]
    fn each_remedy_has_its_own_fix() {
        let mut input = DoctorInput::for_test(Err("no token".to_owned()), Vec::new());
        input.program = "cargo run --".to_owned();
        let file = StoreUrl::File("bot.db".into());
        let database =
            StoreUrl::Postgres { url: "postgres://hush".to_owned(), name: "db/bot".to_owned() };
        for (remedy, store, expected) in [
            (StoreRemedy::DeleteFile, &file, "rm bot.db"),
            (StoreRemedy::DeleteLink, &file, "find / -xdev -samefile bot.db"),
            (StoreRemedy::Recover, &file, "sqlite3 bot.db .recover | sqlite3 recovered.db"),
            (StoreRemedy::EndLock, &file, "fuser bot.db"),
            (StoreRemedy::EndLock, &database, "see pg_locks"),
            (StoreRemedy::StartServer, &file, "cargo run"),
            (StoreRemedy::UpdateProgram, &file, "update webhooks-runtime"),
            (StoreRemedy::StartDatabase, &database, "start the database server"),
            (StoreRemedy::CorrectLogin, &database, "correct the user and the password"),
            (StoreRemedy::CorrectTls, &database, "correct sslmode"),
            (StoreRemedy::CreateDatabase, &database, "createdb --template"),
            (StoreRemedy::Grant, &database, "the privilege CREATE"),
            (StoreRemedy::UsePrimary, &database, "name the primary server"),
            (StoreRemedy::SetPoolMode, &database, "set pool_mode = session"),
            (StoreRemedy::RemoveParameter, &database, "remove the parameter"),
            (StoreRemedy::NameAnother, &file, NAME_ANOTHER),
        ] {
            let fix = fix(remedy, store, &input);
            assert!(fix.contains(expected), "{remedy:?}: {fix}");
        }
    }

    #[test]
    fn a_store_that_cannot_be_opened_or_loses_deliveries_is_a_finding() {
        let folder = tempfile::tempdir().unwrap();
        let store = StoreUrl::File(folder.path().join("webhooks.db"));
        let damaged = StoreError::Open { store: "bot.db".to_owned(), cause: "damaged".into() };
        let found = findings(checked(store.clone(), Some(damaged), false));
        assert_eq!(found[0].what, "The background deliveries in bot.db cannot be opened: damaged.");
        assert_eq!(found[0].fix, NAME_ANOTHER);
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
