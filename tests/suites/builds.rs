//! Projects and programs that tests compile: those of the guide, of the READMEs and of a Space, and programs
//! in other profiles. Each module is a suite; run one with `cargo test -p tests --test builds guide::`.
//!
//! They are apart from the other suites because compilers keep every core busy.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on")]

mod guide;
mod linking;
mod readme;
mod space;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use tests::repository;

/// The target directory of all of these projects, beside the workspace's own: what is compiled for one is there for
/// the next.
fn target_of_my_bot() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("my-bot")
}

/// Waits for the turn of a test that builds and runs `my-bot` without optimizing, and returns the folder of the
/// project, in which a reader has cloned this repository as `webhooks`. It is the same folder for all these tests,
/// each time: the crates in it are compiled once.
fn turn_of_my_bot() -> (MutexGuard<'static, ()>, &'static Path) {
    static TURN: Mutex<()> = Mutex::new(());
    static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| {
        let folder = repository::fixed_folder("my-bot");
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        repository::copy(&folder.join("webhooks")).unwrap();
        folder
    });
    (TURN.lock().unwrap_or_else(PoisonError::into_inner), &FOLDER)
}
