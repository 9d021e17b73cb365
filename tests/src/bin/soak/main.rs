//! Soaks servers: mixed load and faults by a seed for as long as it is told, and then proof that no promise was broken.
//!
//! `./tests/soak` starts it. The schedule of faults and the deliveries follow from the seed. What the processes make of
//! them depends on the machine, so a seed that failed may have to be repeated several times.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on")]
#![allow(clippy::panic, clippy::print_stdout, clippy::print_stderr, reason = "it is run by people")]

mod cable;
mod figures;
mod options;
mod plan;
mod records;
mod run;
mod servers;
mod traffic;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::thread;

use options::Options;

fn main() -> ExitCode {
    let options = Options::read();
    if options.is_plan {
        for store in &options.stores {
            println!("{store}:");
            options.schedule(store).iter().for_each(|step| println!("{step}"));
        }
        return ExitCode::SUCCESS;
    }
    println!("seed {}, {} minutes", options.seed, options.minutes);
    let passed = thread::scope(|scope| {
        let runs: Vec<_> = options
            .stores
            .iter()
            .map(|store| {
                let options = &options;
                let run = move || catch_unwind(AssertUnwindSafe(|| run::run(store, options)));
                scope.spawn(move || run().unwrap_or(false))
            })
            .collect();
        let held: Vec<_> = runs.into_iter().map(|run| run.join().unwrap_or(false)).collect();
        held.into_iter().all(|held| held)
    });
    if passed {
        println!("no promise was broken");
        return ExitCode::SUCCESS;
    }
    eprintln!("failed; this repeats it: {}", options.command());
    ExitCode::FAILURE
}
