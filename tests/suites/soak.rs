//! The soak test itself: its schedule is that of its seed, a short run passes, and its figures are those of the guide.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on")]

use std::process::Command;

use tests::program::{build_bin, forget_package};
use tests::repository::{read, root};

/// The schedule of an hour, a list of lines for each store.
fn plan(seed: &str) -> [Vec<String>; 2] {
    let arguments = ["--plan", "--minutes", "60", "--seed", seed];
    let output = Command::new(build_bin("tests", "soak", "dev")).args(arguments).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    let (file, database) = text.split_once("postgres:\n").unwrap();
    let lines = |text: &str| text.lines().map(str::to_owned).collect();
    [lines(file.strip_prefix("sqlite:\n").unwrap()), lines(database)]
}

#[test]
fn a_seed_has_one_schedule_with_more_than_a_thousand_kills_of_each_store_in_an_hour() {
    let plans = plan("7");
    assert_eq!(plan("7"), plans);
    assert_ne!(plan("8"), plans);
    for (at, steps) in plans.iter().enumerate() {
        let count = |fault: &str| {
            steps.iter().filter(|step| step.split_whitespace().nth(2) == Some(fault)).count()
        };
        assert!(count("kill") >= 1000, "{}", count("kill"));
        let faults = [&["clock", "disk"][..], &["network", "database", "failover"]][at];
        let of_both = ["kill-early", "stop", "freeze", "log-stalled", "log-closed", "share-server"];
        for fault in of_both.iter().chain(faults) {
            assert!(count(fault) >= 10, "{fault}: {}", count(fault));
        }
    }
}

/// The first cells of the rows of a table.
fn rows(lines: &str, header: &str) -> Vec<String> {
    let table = lines.lines().skip_while(|line| !line.starts_with(header));
    let table = table.take_while(|line| line.starts_with('|'));
    table.map(|line| line.split('|').nth(1).unwrap().trim().to_owned()).collect()
}

#[test]
#[ignore = "needs PostgreSQL and faketime"]
fn a_short_run_breaks_no_promise_and_has_the_figures_of_the_guide() {
    let mut command = Command::new(root().join("tests/soak"));
    command.args(["--minutes", "0.4"]);
    forget_package(&mut command);
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}\n{errors}");
    assert!(text.contains("no promise was broken"), "{text}");
    let header = "| figure |";
    let figures = rows(&text, header);
    assert!(figures.len() > 30, "{text}");
    assert_eq!(rows(&read("docs/en/soak-test.md"), header), figures);
}
