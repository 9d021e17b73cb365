//! A soak test. For a given time, it runs servers under mixed load and makes them fail. Then it checks that every promise
//! was kept.
//!
//! `./tests/soak` starts it. The seed decides the schedule of faults and the deliveries. Their effect also depends on
//! the timing of the machine, so a failure may need several runs with its seed.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on")]
#![allow(clippy::panic, clippy::print_stdout, clippy::print_stderr, reason = "it is run by people")]

mod database;
mod figures;
mod load;
mod options;
mod outcome;
mod plan;
mod proof;
mod records;
mod run;
mod servers;
mod share_link;
mod trace_sink;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::thread;

use figures::FigureTable;
use options::SoakOptions;

fn main() -> ExitCode {
    let options = SoakOptions::read();
    if options.is_plan {
        for store in &options.stores {
            println!("{store}:");
            options.schedule(store).iter().for_each(|step| println!("{step}"));
        }
        return ExitCode::SUCCESS;
    }
    // `.ci/run` waits for this line: from then on, nothing is compiled.
    let _ = tests::background::program();
    println!("seed {}, {} minutes", options.seed, options.minutes);
    let (figures, passed): (Vec<_>, Vec<_>) = thread::scope(|scope| {
        let runs: Vec<_> = options
            .stores
            .iter()
            .map(|store| {
                let options = &options;
                let run = move || catch_unwind(AssertUnwindSafe(|| run::run(store, options)));
                (*store, scope.spawn(move || run().unwrap_or_default()))
            })
            .collect();
        let runs = runs.into_iter().map(|(store, run)| {
            let (figures, passed) = run.join().unwrap_or_default();
            ((title(store), figures), passed)
        });
        runs.unzip()
    });
    println!("\n{}", FigureTable(figures));
    if passed.into_iter().all(|passed| passed) {
        println!("no promise was broken");
        return ExitCode::SUCCESS;
    }
    eprintln!("failed; this repeats it: {}", options.command());
    ExitCode::FAILURE
}

/// The name of a store in the table.
fn title(store: &str) -> &'static str {
    if store == "sqlite" { "SQLite" } else { "PostgreSQL" }
}
