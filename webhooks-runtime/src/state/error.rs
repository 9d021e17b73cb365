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
    /// The store of the values failed.
    #[error("{0}")]
    Store(Box<dyn Error + Send + Sync>),
}
