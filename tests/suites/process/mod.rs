//! Whole programs: what they print, how they are told where to listen, how they stop.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test that cannot go on")]

mod command_line;
mod dotenv;
mod embedded;
mod hosting;
mod listening;
mod log;
mod log_format;
mod output;
mod setup_errors;
mod shutdown;

use std::path::Path;

use tests::program::Program;

fn start(program: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Program {
    Program::start(program, arguments, variables).unwrap()
}
