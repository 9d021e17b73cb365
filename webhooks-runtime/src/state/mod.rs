//! Stores small values that outlive a process and that replicas share: the webhooks that a program has registered,
//! the commits that it has made.
//!
//! - `memory` keeps the values in this process, for tests and for a program that needs nothing more.
//! - `file` keeps them in a file of the user, for a program without a store of background deliveries.
//! - The stores of background deliveries keep them in a table; see [`jobs`](crate::jobs).
//! - `secret_file` is the secret that `webhooks sync` has made.
//! - `folder` finds the folder of such files, `private_file` opens files that only their user can read, and `error` is
//!   what can fail.

#[cfg(test)]
pub(crate) mod conformance;
mod error;
mod file;
mod folder;
mod memory;
pub(crate) mod private_file;
mod secret_file;
mod values;

use std::time::Duration;

use futures_util::future::BoxFuture;
use uuid::Uuid;

pub(crate) use error::StateError;
pub(crate) use file::FileState;
pub(crate) use folder::{file_name, state_folder, unnamed_project, working_directory};
pub(crate) use memory::MemoryState;
pub(crate) use secret_file::SecretFile;

/// The future that a method of [`SharedState`] returns.
pub(crate) type StateFuture<'a, T> = BoxFuture<'a, Result<T, StateError>>;

/// Small values that outlive a process and that replicas share.
///
/// Where the values are stored, there is one clock, which decides when a value expires or a lease is over.
pub(crate) trait SharedState: Send + Sync {
    /// Returns a value; `None` if there is none, or it has expired.
    ///
    /// # Errors
    ///
    /// When the values cannot be read.
    fn get<'a>(&'a self, key: &'a str) -> StateFuture<'a, Option<String>>;

    /// Sets a value, which replaces the former one. It expires after `ttl`, by default never.
    ///
    /// # Errors
    ///
    /// When the values cannot be changed.
    fn set<'a>(
        &'a self,
        key: &'a str,
        value: &'a str,
        ttl: Option<Duration>,
    ) -> StateFuture<'a, ()>;

    /// Appends text to a value, or sets the value if there is none. The last `most` characters are kept. The value
    /// expires after `ttl`.
    ///
    /// # Errors
    ///
    /// When the values cannot be changed.
    fn append<'a>(
        &'a self,
        key: &'a str,
        text: &'a str,
        most: usize,
        ttl: Duration,
    ) -> StateFuture<'a, ()>;

    /// Removes a value, if there is one.
    ///
    /// # Errors
    ///
    /// When the values cannot be changed.
    fn remove<'a>(&'a self, key: &'a str) -> StateFuture<'a, ()>;

    /// Takes or renews a lease, and returns whether `holder` has it. It ends after `duration` unless it is renewed
    /// or released, and a process that has ended has no lease for longer than that.
    ///
    /// # Errors
    ///
    /// When the leases cannot be changed.
    fn lease<'a>(
        &'a self,
        name: &'a str,
        holder: Uuid,
        duration: Duration,
    ) -> StateFuture<'a, bool>;

    /// Ends a lease, if `holder` has it.
    ///
    /// # Errors
    ///
    /// When the leases cannot be changed.
    fn release<'a>(&'a self, name: &'a str, holder: Uuid) -> StateFuture<'a, ()>;
}
