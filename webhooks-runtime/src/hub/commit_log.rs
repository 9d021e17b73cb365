//! Defines the log of the commits that a program makes.

use futures_util::future::BoxFuture;

/// Takes note of the commits that a program makes.
pub(crate) trait CommitLog: Send + Sync {
    /// Notes that a commit is being made, until [`ended`](Self::ended) is called.
    fn started(&self) {}

    /// Notes that a commit was made or has failed.
    fn ended(&self) {}

    /// Notes the id of a new commit, and returns when the other replicas can know it, too.
    fn committed<'a>(&'a self, oid: &'a str) -> BoxFuture<'a, ()>;

    /// Notes the id of a new commit at once, and lets the other replicas know it in the background.
    fn remember(&self, oid: &str);
}
