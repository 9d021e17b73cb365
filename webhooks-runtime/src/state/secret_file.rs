//! Keeps a secret that the command `webhooks sync` has made, in a file that only its user can read, so that the server
//! uses it as well.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use super::private_file::{self, check_regular_or_absent, restrict_to_user};
use super::{file_name, state_folder};
use crate::text::hash;

/// The size of the largest secret that is read, in bytes.
const MAX_SIZE: u64 = 4096;

/// The file of a program's secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SecretFile(PathBuf);

impl SecretFile {
    /// Returns the file of a project; `None` if the user has no folder for files.
    pub(crate) fn of_project(project: &str) -> Option<Self> {
        let unique = format!("{:016x}", hash(project));
        Some(Self(state_folder()?.join("secrets").join(file_name(project, &unique))))
    }

    #[cfg(test)]
    pub(crate) fn at(path: PathBuf) -> Self {
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// Reads the secret; `None` if there is no file, or if its folder cannot be opened.
    ///
    /// # Errors
    ///
    /// When the file cannot be read, or is not one of this program. No error shows its content.
    pub(crate) fn read(&self) -> io::Result<Option<String>> {
        match check_regular_or_absent(&self.0) {
            // Its folder is no folder, or belongs to somebody else: a service often runs without access to a home.
            Err(error)
                if matches!(
                    error.kind(),
                    ErrorKind::NotADirectory | ErrorKind::PermissionDenied
                ) =>
            {
                return Ok(None);
            }
            checked => checked?,
        }
        let file = match File::open(&self.0) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        restrict_to_user(&file)?;
        let mut text = String::new();
        file.take(MAX_SIZE).read_to_string(&mut text)?;
        let secret = text.trim_end_matches(['\r', '\n']);
        if secret.is_empty() {
            return Err(io::Error::other(
                "it is empty: delete it, so that `webhooks sync` makes a new one",
            ));
        }
        Ok(Some(secret.to_owned()))
    }

    /// Stores a new secret.
    ///
    /// # Errors
    ///
    /// When the file cannot be written, or exists already: it may be the secret of webhooks.
    pub(crate) fn create(&self, secret: &str) -> io::Result<()> {
        if let Some(folder) = self.0.parent() {
            private_file::create_folder(folder)?;
        }
        let mut options = OpenOptions::new();
        let mut file = private_file::options(&mut options).create_new(true).open(&self.0)?;
        file.write_all(format!("{secret}\n").as_bytes())?;
        file.sync_all()
    }

    /// Stores a secret in place of one that is there.
    ///
    /// # Errors
    ///
    /// When the file cannot be written, or is not a regular one.
    pub(crate) fn replace(&self, secret: &str) -> io::Result<()> {
        check_regular_or_absent(&self.0)?;
        match std::fs::remove_file(&self.0) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
            _ => self.create(secret),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn file(folder: &tempfile::TempDir) -> SecretFile {
        SecretFile::at(folder.path().join("secrets").join("bot"))
    }

    #[test]
    fn a_secret_is_stored_once_and_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let file = file(&folder);
        assert_eq!(file.read().unwrap(), None);
        file.create("hush").unwrap();
        assert_eq!(file.read().unwrap().as_deref(), Some("hush"));
        assert_eq!(file.create("other").unwrap_err().kind(), ErrorKind::AlreadyExists);
        assert_eq!(file.read().unwrap().as_deref(), Some("hush"));
        file.replace("other").unwrap();
        assert_eq!(file.read().unwrap().as_deref(), Some("other"));
    }

    #[test]
    fn without_a_usable_folder_there_is_no_secret() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("secrets"), "").unwrap();
        assert_eq!(file(&folder).read().unwrap(), None);
    }

    #[test]
    fn a_file_that_holds_no_secret_is_an_error_that_does_not_show_it() {
        let folder = tempfile::tempdir().unwrap();
        let file = file(&folder);
        fs::create_dir(file.path().parent().unwrap()).unwrap();
        for text in [&b""[..], b"\n", b"hush\xff"] {
            fs::write(file.path(), text).unwrap();
            let error = file.read().unwrap_err().to_string();
            assert!(!error.contains("hush"), "{error}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn only_its_user_can_read_it_and_links_are_not_followed() {
        use std::os::unix::fs::{PermissionsExt, symlink};
        let folder = tempfile::tempdir().unwrap();
        let file = file(&folder);
        file.create("hush").unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(file.path().parent().unwrap()), mode(file.path())), (0o700, 0o600));
        fs::set_permissions(file.path(), fs::Permissions::from_mode(0o644)).unwrap();
        file.read().unwrap();
        assert_eq!(mode(file.path()), 0o600);
        let other = folder.path().join("other");
        fs::rename(file.path(), &other).unwrap();
        symlink(&other, file.path()).unwrap();
        assert!(file.read().is_err());
        assert!(file.create("new").is_err() && file.replace("new").is_err());
        assert_eq!(fs::read_to_string(other).unwrap(), "hush\n");
    }
}
