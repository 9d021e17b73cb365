//! Says what a person can do about a store that cannot be opened.

use std::error::Error;
use std::fmt;

use super::error::StoreError;

/// What makes a store usable again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StoreRemedy {
    /// Name another file or database.
    NameAnother,
    /// Delete an empty file.
    DeleteFile,
    /// Delete the other name of a file with a hard link.
    DeleteLink,
    /// Read what is left of a damaged file.
    Recover,
    /// End the program that holds a lock.
    EndLock,
    UpdateProgram,
    /// Start the server, which creates or updates the tables.
    StartServer,
    /// Start the database server, or name its host.
    StartDatabase,
    CorrectLogin,
    CorrectTls,
    CreateDatabase,
    /// Grant the user the privilege to create tables.
    Grant,
    /// Name the database server that accepts changes.
    UsePrimary,
    SetPoolMode,
    /// Remove the parameter that a pooler rejects.
    RemoveParameter,
}

/// The cause of a store that cannot be opened, with its remedy.
#[derive(Debug)]
pub(super) struct RemediableCause {
    cause: Box<dyn Error + Send + Sync>,
    remedy: StoreRemedy,
}

impl RemediableCause {
    pub(super) fn new(cause: impl Into<Box<dyn Error + Send + Sync>>, remedy: StoreRemedy) -> Self {
        Self { cause: cause.into(), remedy }
    }
}

impl fmt::Display for RemediableCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.cause.fmt(f)
    }
}

impl Error for RemediableCause {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.cause.source()
    }
}

impl StoreError {
    /// Returns what to do about a store that cannot be opened.
    pub(crate) fn remedy(&self) -> StoreRemedy {
        let cause = match self {
            Self::Open { cause, .. } => cause.downcast_ref::<RemediableCause>(),
            _ => None,
        };
        cause.map_or(StoreRemedy::NameAnother, |cause| cause.remedy)
    }
}
