//! The secret name that a link's URL is made of, kept from one start to the next.
//!
//! The share server makes the URL of the name, so who keeps the name keeps the URL, and who knows it
//! can take the URL. It is in a file that only its user can read, one for each project, which is
//! locked for as long as a program uses it.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use etcetera::BaseStrategy;
use ring::digest::{SHA256, digest};
use ring::rand::{SecureRandom, SystemRandom};

use super::hex;

/// The random part of a name, in bytes.
const RANDOM: usize = 32;

/// The same in base64.
const LENGTH: usize = 43;

/// Random bytes that nobody can guess.
pub(crate) fn random<const N: usize>() -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    SystemRandom::new()
        .fill(&mut bytes)
        .map_err(|_| io::Error::other("the system gives no random numbers"))?;
    Ok(bytes)
}

/// A secret name.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Name(String);

impl Name {
    fn new() -> io::Result<Self> {
        Ok(Self(BASE64.encode(random::<RANDOM>()?)))
    }

    /// What stands in a file, if it is a name.
    fn parse(text: &str) -> Option<Self> {
        let name = text.trim_end();
        let decoded = BASE64.decode(name).ok().filter(|bytes| bytes.len() == RANDOM);
        decoded.map(|_| Self(name.to_owned()))
    }

    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

/// A program's name, and how long it will have it.
pub(crate) struct Identity {
    pub(crate) name: Name,
    pub(crate) term: Term,
}

/// How long a name is kept.
#[derive(Debug)]
pub(crate) enum Term {
    /// From start to start. The file stays locked while this lives.
    Kept(#[expect(dead_code, reason = "held for its lock")] File),
    /// Until the program ends: another process has the project's name.
    Taken,
    /// Until the program ends: the file cannot be used.
    Unkept { file: PathBuf, error: io::Error },
    /// Until the program ends: there is no place for files.
    Homeless,
}

/// Whose name it is, and where names are kept.
#[derive(Clone, Debug)]
pub(crate) struct Owner {
    /// The program, whatever tells it from others.
    pub(crate) project: String,
    /// The share server. Each gets to know the name, and one that knew that of another could take the
    /// URL there.
    pub(crate) server: String,
    pub(crate) folder: Option<PathBuf>,
    /// Take a new name, and with it a new URL.
    pub(crate) renew: bool,
}

/// Where names are kept: one file for each project, in the user's folder for state.
///
/// `$XDG_STATE_HOME/webhooks-runtime/share`, by default in `~/.local/state`; on Windows in
/// `%LOCALAPPDATA%`.
pub(crate) fn folder() -> Option<PathBuf> {
    let folders = etcetera::choose_base_strategy().ok()?;
    // Windows has no folder for state.
    let state = folders.state_dir().unwrap_or_else(|| folders.cache_dir());
    Some(state.join("webhooks-runtime").join("share"))
}

impl Identity {
    /// The name of an owner. It never fails for want of a file: then the name is for this time only.
    pub(crate) fn of(owner: &Owner) -> io::Result<Self> {
        let Some(folder) = &owner.folder else {
            return Ok(Self { name: Name::new()?, term: Term::Homeless });
        };
        let file = folder.join(file_name(owner));
        let (name, term) = match keep(&file, owner.renew) {
            Ok(Some((name, lock))) => (name, Term::Kept(lock)),
            Ok(None) => (Name::new()?, Term::Taken),
            Err(error) => (Name::new()?, Term::Unkept { file, error }),
        };
        Ok(Self { name, term })
    }
}

/// A file's name: the end of the project's path for people, and a digest so that no two are the same.
fn file_name(owner: &Owner) -> String {
    let end = owner.project.rsplit(['/', '\\']).next().unwrap_or_default();
    let plain = |letter: &char| letter.is_ascii_alphanumeric() || "-_".contains(*letter);
    let readable: String = end.chars().filter(plain).take(40).collect();
    let digest = digest(&SHA256, format!("{}\n{}", owner.project, owner.server).as_bytes());
    format!("{readable}-{}", hex(&digest.as_ref()[..8]))
}

/// Reads the name in a file or writes a new one there; `None` when another process has it. A file that
/// this program did not write is left as it is.
fn keep(path: &Path, renew: bool) -> io::Result<Option<(Name, File)>> {
    if let Some(folder) = path.parent() {
        private_folder(folder)?;
    }
    regular_or_absent(path)?;
    let (mut file, unwritable) = match private(&mut OpenOptions::new()).open(path) {
        Ok(file) => (file, None),
        // What cannot be written may still be read.
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
        only_for_its_user(&file)?;
    }
    let name = match found.filter(|_| !renew) {
        Some(name) => name,
        None => {
            if let Some(error) = unwritable {
                return Err(error);
            }
            let name = Name::new()?;
            file.set_len(0)?;
            file.rewind()?;
            file.write_all(format!("{}\n", name.reveal()).as_bytes())?;
            file.sync_all()?;
            name
        }
    };
    Ok(Some((name, file)))
}

/// Refuses a link, which may lead to somebody else's file, and what is no file, such as a device.
fn regular_or_absent(path: &Path) -> io::Result<()> {
    match path.symlink_metadata() {
        Ok(metadata) if metadata.is_file() && !has_second_name(&metadata) => Ok(()),
        Ok(_) => Err(io::Error::other("it is not a regular file with one name")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

/// The name that a file holds; `None` when it holds what a program leaves that was stopped while it wrote.
fn read(file: &File) -> io::Result<Option<Name>> {
    let mut text = Vec::new();
    file.take(2 * LENGTH as u64).read_to_end(&mut text)?;
    let name = std::str::from_utf8(&text).ok().and_then(Name::parse);
    // After a power cut a file can be full of zeros.
    let of_a_name = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_\n\0".contains(byte);
    if name.is_none() && (text.len() > LENGTH + 1 || !text.iter().all(of_a_name)) {
        return Err(io::Error::other("it holds something else than the name of a share link"));
    }
    Ok(name)
}

#[cfg(unix)]
fn private_folder(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// How to open or create a file that only its user can read.
fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    options.read(true).write(true).create(true).truncate(false)
}

/// Takes the right to read a name from everybody else, as anyone who knows it can take the URL.
#[cfg(unix)]
fn only_for_its_user(file: &File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    if file.metadata()?.permissions().mode() & 0o077 != 0 {
        file.set_permissions(fs::Permissions::from_mode(0o600))?;
    }
    Ok(())
}

#[cfg(unix)]
fn has_second_name(metadata: &fs::Metadata) -> bool {
    std::os::unix::fs::MetadataExt::nlink(metadata) > 1
}

// A user's folders are the user's own on other systems.
#[cfg(not(unix))]
fn private_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).create(path)
}

#[cfg(not(unix))]
fn only_for_its_user(_: &File) -> io::Result<()> {
    Ok(())
}

#[cfg(not(unix))]
fn has_second_name(_: &fs::Metadata) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner(project: &str, folder: &Path) -> Owner {
        let (project, folder) = (project.to_owned(), Some(folder.to_owned()));
        Owner { project, server: "share.example:7000".to_owned(), folder, renew: false }
    }

    fn of(project: &str, folder: &Path) -> Identity {
        Identity::of(&owner(project, folder)).unwrap()
    }

    fn only_file(folder: &Path) -> PathBuf {
        let mut files = fs::read_dir(folder).unwrap();
        let file = files.next().unwrap().unwrap().path();
        assert!(files.next().is_none());
        file
    }

    #[test]
    fn a_project_keeps_its_name_at_a_share_server_and_no_other_has_it() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("state/share");
        let first = of("/home/me/bot", &folder).name;
        assert!(first == of("/home/me/bot", &folder).name);
        assert!(first != of("/home/you/bot", &folder).name);
        assert!(first != of("/home/me/other", &folder).name);
        let elsewhere = Owner { server: "other.example".into(), ..owner("/home/me/bot", &folder) };
        assert!(first != Identity::of(&elsewhere).unwrap().name);
        assert_eq!(first.reveal().len(), LENGTH);
        assert!(Name::parse(first.reveal()).is_some());
    }

    #[test]
    fn the_second_process_of_a_project_has_a_name_of_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let first = of("/bot", folder.path());
        let second = of("/bot", folder.path());
        assert!(matches!((&first.term, &second.term), (Term::Kept(_), Term::Taken)));
        assert!(first.name != second.name);
        let name = first.name.clone();
        drop((first, second));
        assert!(of("/bot", folder.path()).name == name);
    }

    #[test]
    fn a_new_name_takes_the_place_of_the_old_one() {
        let folder = tempfile::tempdir().unwrap();
        let old = of("/bot", folder.path()).name;
        let renewing = Owner { renew: true, ..owner("/bot", folder.path()) };
        let new = Identity::of(&renewing).unwrap().name;
        assert!(old != new);
        assert!(of("/bot", folder.path()).name == new);
    }

    #[test]
    fn a_file_whose_writing_was_cut_off_gets_a_name() {
        let folder = tempfile::tempdir().unwrap();
        let old = of("/bot", folder.path()).name;
        let file = only_file(folder.path());
        for text in [&b""[..], b"short", &[b'A'; 44], &[0; 44]] {
            fs::write(&file, text).unwrap();
            let new = of("/bot", folder.path()).name;
            assert!(new != old);
            assert_eq!(fs::read_to_string(&file).unwrap(), format!("{}\n", new.reveal()));
        }
    }

    #[test]
    fn a_file_that_holds_something_else_is_left_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        of("/bot", folder.path());
        let file = only_file(folder.path());
        for text in [&b"export PATH=/bin"[..], b"\xff\xfe", &[b'A'; 45], &[b'\n'; 1 << 20]] {
            fs::write(&file, text).unwrap();
            #[cfg(unix)]
            fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o644))
                .unwrap();
            let permissions = fs::metadata(&file).unwrap().permissions();
            for renew in [false, true] {
                let owner = Owner { renew, ..owner("/bot", folder.path()) };
                let identity = Identity::of(&owner).unwrap();
                assert!(matches!(identity.term, Term::Unkept { .. }));
            }
            assert_eq!(fs::read(&file).unwrap(), text);
            assert_eq!(fs::metadata(&file).unwrap().permissions(), permissions);
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_link_to_another_file_is_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let names = folder.path().join("share");
        of("/bot", &names);
        let file = only_file(&names);
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
            assert!(matches!(of("/bot", &names).term, Term::Unkept { .. }));
            assert_eq!(fs::read_to_string(&other).unwrap(), "");
        }
    }

    #[test]
    fn without_a_place_for_files_the_name_is_for_this_time() {
        let folder = tempfile::tempdir().unwrap();
        let no_folder = folder.path().join("file");
        fs::write(&no_folder, "").unwrap();
        let identity = of("/bot", &no_folder.join("share"));
        assert!(matches!(identity.term, Term::Unkept { .. }));
        let homeless = Owner { folder: None, ..owner("/bot", &no_folder) };
        assert!(matches!(Identity::of(&homeless).unwrap().term, Term::Homeless));
    }

    #[test]
    fn a_name_that_can_only_be_read_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let name = of("/bot", folder.path()).name;
        let file = only_file(folder.path());
        let mut permissions = fs::metadata(&file).unwrap().permissions();
        permissions.set_readonly(true);
        fs::set_permissions(&file, permissions).unwrap();
        assert!(of("/bot", folder.path()).name == name);
    }

    #[cfg(unix)]
    #[test]
    fn only_its_user_can_read_a_name() {
        use std::os::unix::fs::PermissionsExt;
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("share");
        of("/bot", &folder);
        let file = only_file(&folder);
        assert_eq!((mode(&folder), mode(&file)), (0o700, 0o600));
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
        of("/bot", &folder);
        assert_eq!(mode(&file), 0o600);
    }
}
