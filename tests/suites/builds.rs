//! Projects and programs that tests compile: those of the guide, of the READMEs and of a Space, and programs
//! in other profiles. Each module is a suite; run one with `cargo test -p tests --test builds guide::`.
//!
//! They are apart from the other suites because compilers keep every core busy.

mod guide;
mod linking;
mod readme;
mod space;
