//! Reads and writes the file of a name, which only its user can read.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::Path;

use super::name::{LENGTH, SecretName};
use crate::state::private_file::{self, check_regular_or_absent, restrict_to_user};

/// Reads the name in a file or writes a new one. Returns `None` if another process uses the file. A file that
/// this program did not write is an error, and is left unchanged.
pub(super) fn load_or_create(path: &Path, renew: bool) -> io::Result<Option<(SecretName, File)>> {
    if let Some(folder) = path.parent() {
        private_file::create_folder(folder)?;
    }
    check_regular_or_absent(path)?;
    let (mut file, unwritable) = match private_file::options(&mut OpenOptions::new()).open(path) {
        Ok(file) => (file, None),
        // A file that cannot be written may still be readable.
        Err(error) => match File::open(path) {
            Ok(file) if !renew => (file, Some(error)),
            _ => return Err(error),
        },
    };
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Ok(None),
        // Not every file system has locks.
        Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => {}
        Err(TryLockError::Error(error)) => return Err(error),
    }
    let found = read(&file)?;
    if unwritable.is_none() {
        restrict_to_user(&file)?;
    }
    let name = match found.filter(|_| !renew) {
        Some(name) => name,
        None => {
            if let Some(error) = unwritable {
                return Err(error);
            }
            let name = SecretName::generate()?;
            file.set_len(0)?;
            file.rewind()?;
            file.write_all(format!("{}\n", name.reveal()).as_bytes())?;
            file.sync_all()?;
            name
        }
    };
    Ok(Some((name, file)))
}

/// Returns the name in a file, or `None` if writing it was interrupted.
fn read(file: &File) -> io::Result<Option<SecretName>> {
    let mut text = Vec::new();
    file.take(2 * LENGTH as u64).read_to_end(&mut text)?;
    let name = std::str::from_utf8(&text).ok().and_then(SecretName::parse);
    // After a power failure, a file can be full of zeros.
    let may_be_part = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_\n\0".contains(byte);
    if name.is_none() && (text.len() > LENGTH + 1 || !text.iter().all(may_be_part)) {
        return Err(io::Error::other("it contains something other than the name of a share link"));
    }
    Ok(name)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// Loads a name and unlocks its file.
    fn load(file: &Path) -> SecretName {
        load_or_create(file, false).unwrap().unwrap().0
    }

    #[test]
    fn a_file_whose_writing_was_interrupted_gets_a_name() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("bot");
        let old = load(&file);
        for text in [&b""[..], b"short", &[b'A'; 44], &[0; 44]] {
            fs::write(&file, text).unwrap();
            let new = load(&file);
            assert!(new != old);
            assert_eq!(fs::read_to_string(&file).unwrap(), format!("{}\n", new.reveal()));
        }
    }

    #[test]
    fn a_file_with_other_content_is_left_unchanged() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("bot");
        load(&file);
        for text in [&b"export PATH=/bin"[..], b"\xff\xfe", &[b'A'; 45], &[b'\n'; 1 << 20]] {
            fs::write(&file, text).unwrap();
            #[cfg(unix)]
            fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o644))
                .unwrap();
            let permissions = fs::metadata(&file).unwrap().permissions();
            for renew in [false, true] {
                assert!(load_or_create(&file, renew).is_err());
            }
            assert_eq!(fs::read(&file).unwrap(), text);
            assert_eq!(fs::metadata(&file).unwrap().permissions(), permissions);
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_link_to_another_file_is_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("share").join("bot");
        load(&file);
        let other = folder.path().join("other");
        for hard in [true, false] {
            fs::remove_file(&file).unwrap();
            let _ = fs::remove_file(&other);
            fs::write(&other, "").unwrap();
            if hard {
                fs::hard_link(&other, &file).unwrap();
            } else {
                std::os::unix::fs::symlink(&other, &file).unwrap();
            }
            assert!(load_or_create(&file, false).is_err());
            assert_eq!(fs::read_to_string(&other).unwrap(), "");
        }
    }

    #[test]
    fn a_read_only_name_is_used() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("bot");
        let name = load(&file);
        let mut permissions = fs::metadata(&file).unwrap().permissions();
        permissions.set_readonly(true);
        fs::set_permissions(&file, permissions).unwrap();
        assert!(load(&file) == name);
    }

    #[cfg(unix)]
    #[test]
    fn only_its_user_can_read_a_name() {
        use std::os::unix::fs::PermissionsExt;
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("share");
        let file = folder.join("bot");
        load(&file);
        assert_eq!((mode(&folder), mode(&file)), (0o700, 0o600));
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
        load(&file);
        assert_eq!(mode(&file), 0o600);
    }
}
