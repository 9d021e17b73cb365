//! Defines the error of the shared state.

use std::error::Error;
use std::io;
use std::path::PathBuf;

/// An error of the shared state.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StateError {
    /// The file of the values cannot be used.
    #[error("the file {} cannot be used: {cause}", .file.display())]
    File { file: PathBuf, cause: io::Error },
    /// A value is damaged, or another version has stored it. It is never replaced.
    #[error(
        "the stored value {key} cannot be read ({reason}), so it stays as it is: start the version of the program that \
         has stored it, or delete the value if it is damaged"
    )]
    Unreadable { key: &'static str, reason: String },
    /// The store of the values failed.
    #[error("{0}")]
    Store(Box<dyn Error + Send + Sync>),
}
