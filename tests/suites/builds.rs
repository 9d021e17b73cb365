//! Projects and programs that tests compile: those of the guide, of the READMEs and of a Space, and programs
//! in other profiles. Each module is a suite; run one with `cargo test -p tests --test builds guide::`.
//!
//! They are apart from the other suites because compilers keep every core busy.

mod guide;
mod linking;
mod readme;
mod space;

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Waits for the turn of a test that builds and runs `my-bot`. All of these projects are built in one target directory,
/// where a program has one name.
fn turn_of_my_bot() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}
