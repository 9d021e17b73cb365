//! Opens files that only their user can read, and leaves the files of other programs unchanged.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::path::Path;

/// Rejects links, which may lead to another program's file, and everything that is not a file, such as a device.
pub(crate) fn check_regular_or_absent(path: &Path) -> io::Result<()> {
    match path.symlink_metadata() {
        Ok(metadata) if metadata.is_file() && !has_hard_links(&metadata) => Ok(()),
        Ok(_) => Err(io::Error::other("it is not a regular file without hard links")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

/// Creates a folder that only its user can read, if it does not exist.
#[cfg(unix)]
pub(crate) fn create_folder(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Sets the options to open or create a file that only its user can read.
pub(crate) fn options(options: &mut OpenOptions) -> &mut OpenOptions {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    options.read(true).write(true).create(true).truncate(false)
}

/// Removes the permissions of all other users.
#[cfg(unix)]
pub(crate) fn restrict_to_user(file: &File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    if file.metadata()?.permissions().mode() & 0o077 != 0 {
        file.set_permissions(fs::Permissions::from_mode(0o600))?;
    }
    Ok(())
}

#[cfg(unix)]
fn has_hard_links(metadata: &fs::Metadata) -> bool {
    std::os::unix::fs::MetadataExt::nlink(metadata) > 1
}

// On other systems, a user's folders are private by default.
#[cfg(not(unix))]
pub(crate) fn create_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).create(path)
}

#[cfg(not(unix))]
pub(crate) fn restrict_to_user(_: &File) -> io::Result<()> {
    Ok(())
}

#[cfg(not(unix))]
fn has_hard_links(_: &fs::Metadata) -> bool {
    false
}
