//! Resolves the paths of a store's files.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Returns the path of a file beside the database whose name adds `end`.
pub(super) fn beside(file: &Path, end: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(end);
    name.into()
}

/// Resolves symbolic links to the canonical path of a file, which need not exist.
pub(super) fn resolve(file: &Path) -> io::Result<PathBuf> {
    let mut path = std::path::absolute(file)?;
    // The limit that Linux has.
    for _ in 0..40 {
        match fs::canonicalize(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            resolved => return resolved,
        }
        let folder = path.parent().map(Path::to_owned).unwrap_or_default();
        match fs::read_link(&path) {
            Ok(target) => path = folder.join(target),
            Err(_) => {
                let name = path.file_name().ok_or_else(|| io::Error::other("it names no file"))?;
                return Ok(fs::canonicalize(folder)?.join(name));
            }
        }
    }
    Err(io::Error::other("its symbolic links form a loop"))
}

/// Returns the URI under which SQLite only reads a file: it takes no lock and creates no file.
pub(super) fn immutable(path: &Path) -> OsString {
    let mut uri = OsString::from("file:");
    uri.push(escaped(path));
    uri.push("?immutable=1");
    uri
}

#[cfg(unix)]
fn escaped(path: &Path) -> OsString {
    use std::os::unix::ffi::{OsStrExt, OsStringExt};
    let mut escaped = Vec::new();
    for byte in path.as_os_str().as_bytes() {
        match byte {
            b'%' | b'?' | b'#' => escaped.extend(format!("%{byte:02x}").bytes()),
            _ => escaped.push(*byte),
        }
    }
    OsString::from_vec(escaped)
}

#[cfg(not(unix))]
fn escaped(path: &Path) -> OsString {
    let path = path.to_string_lossy().replace('%', "%25").replace('?', "%3f").replace('#', "%23");
    format!("/{}", path.trim_start_matches(r"\\%3f\").replace('\\', "/")).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn the_path_of_a_missing_file_is_resolved() {
        let folder = tempfile::tempdir().unwrap();
        let folder = fs::canonicalize(folder.path()).unwrap();
        let link = |target: &str, name: &str| {
            std::os::unix::fs::symlink(target, folder.join(name)).unwrap();
        };
        link("b", "a");
        link("./c", "b");
        assert_eq!(resolve(&folder.join("a")).unwrap(), folder.join("c"));
        link("loop", "loop");
        assert!(resolve(&folder.join("loop")).is_err());
        assert!(resolve(&folder.join("nowhere/c")).is_err());
    }
}
