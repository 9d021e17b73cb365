//! The programs that suites start: examples and fixtures of this workspace, each built once.

use std::net::TcpListener;
use std::path::PathBuf;

use crate::program::{build, build_bin, fail};

/// The example `quickstart`: one endpoint.
#[must_use]
pub fn quickstart() -> PathBuf {
    build("quickstart", "dev")
}

/// The example `multiple-endpoints`.
#[must_use]
pub fn multiple_endpoints() -> PathBuf {
    build("multiple-endpoints", "dev")
}

/// The example `custom-server`: a server with a secret and a page of its own.
#[must_use]
pub fn custom_server() -> PathBuf {
    build("custom-server", "dev")
}

/// The example `auto-retrain`: a bot that runs the script in `TRAIN_SCRIPT`.
#[must_use]
pub fn auto_retrain() -> PathBuf {
    build("auto-retrain", "dev")
}

/// The example `discussion-bot`: a bot that asks the model at `CHAT_ENDPOINT`.
#[must_use]
pub fn discussion_bot() -> PathBuf {
    build("discussion-bot", "dev")
}

/// The example `metadata-review`: a bot that reports on model cards.
#[must_use]
pub fn metadata_review() -> PathBuf {
    build("metadata-review", "dev")
}

/// The example `spaces-ci`: a bot that copies a Space for each pull request.
#[must_use]
pub fn spaces_ci() -> PathBuf {
    build("spaces-ci", "dev")
}

/// Functions that act on the Hub.
#[must_use]
pub fn acting() -> PathBuf {
    build("fixture-acting", "dev")
}

/// Background functions that write what they do to a journal.
#[must_use]
pub fn background() -> PathBuf {
    build("fixture-background", "dev")
}

/// Two functions of two modules at the same path, with which no server starts.
#[must_use]
pub fn doubled() -> PathBuf {
    build("fixture-doubled", "dev")
}

/// Functions with filters, one of which needs the variable `TEAM_WATCH`.
#[must_use]
pub fn filtered() -> PathBuf {
    build("fixture-filtered", "dev")
}

/// A bot that watches `dataset:me/data`: `count` commits and opens a discussion, `reply` replies to comments.
#[must_use]
pub fn hub_bot() -> PathBuf {
    build("fixture-hub-bot", "dev")
}

/// Functions that `deliver` runs, each for another event.
#[must_use]
pub fn job() -> PathBuf {
    build("fixture-job", "dev")
}

/// Functions to call through a public URL: `echo` responds with the body, `take` prints it, `endless` never ends.
#[must_use]
pub fn public() -> PathBuf {
    build("fixture-public", "dev")
}

/// An endpoint with the common secret and one with its own.
#[must_use]
pub fn secrets() -> PathBuf {
    build("fixture-secrets", "dev")
}

/// Functions that take long, block their thread, fail or panic.
#[must_use]
pub fn slow() -> PathBuf {
    build("fixture-slow", "dev")
}

/// Functions that watch repos, with a tunnel of its own at the address in `TUNNEL`.
#[must_use]
pub fn watching() -> PathBuf {
    build("fixture-watching", "dev")
}

/// A program whose name is not that of its package.
#[must_use]
pub fn token() -> PathBuf {
    build_bin("fixture-token", "token-bot", "dev")
}

/// Returns a port that was free a moment ago.
///
/// # Panics
///
/// When this machine has none.
#[must_use]
pub fn free_port() -> u16 {
    let port = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    port.map_or_else(|error| fail(&error.to_string()), |address| address.port())
}
