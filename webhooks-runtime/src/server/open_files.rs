//! The limit of open files of this process.

/// How many open files a program with a tunnel wants: three for each connection through it.
#[cfg(unix)]
const WANTED: u64 = 4096;

/// Returns how many files this process may have open.
#[cfg(unix)]
pub(super) fn limit() -> u64 {
    use rustix::process::{Resource, getrlimit};
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}

#[cfg(not(unix))]
pub(super) fn limit() -> u64 {
    u64::MAX
}

/// Raises the limit, which many systems set to 1,024, to what a tunnel needs. Child processes inherit it, because the
/// standard library cannot give them another one. So it is only raised for programs of `webhooks_main!()`, no higher
/// than needed, and logged.
#[cfg(unix)]
pub(super) fn raise() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let before = getrlimit(Resource::Nofile);
    let wanted = before.maximum.map_or(WANTED, |maximum| WANTED.min(maximum));
    let Some(from) = before.current.filter(|current| *current < wanted) else {
        return;
    };
    let raised = Rlimit { current: Some(wanted), maximum: before.maximum };
    if setrlimit(Resource::Nofile, raised).is_ok() {
        tracing::info!(from, to = wanted, "raised the limit of open files for the tunnel");
    }
}

#[cfg(not(unix))]
pub(super) fn raise() {}
