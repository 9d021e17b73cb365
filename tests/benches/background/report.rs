//! The tables of what was measured.

use super::{BackgroundMeasurements, DrainRates, KeyRates};
use crate::numbers::{median, ratio, thousands};
use crate::table::Table;

/// What one way costs beside another one that was measured in the same rounds.
pub(super) fn ratios(measured: &BackgroundMeasurements) -> Table {
    let mut table = Table::new(&["background deliveries", "median", "lowest", "highest"]);
    let mut row = |name: &str, one: &[f64], other: &[f64]| {
        let ratio = ratio(one, other);
        let number = |value: f64| format!("{value:.3}");
        let numbers = [ratio.median, ratio.lowest, ratio.highest].map(number);
        table.row([name.to_owned()].into_iter().chain(numbers));
    };
    let all = &measured.accepted;
    row("accepted/s: in a file / answered by the function", &all.file.accepted, &all.answered);
    row(
        "accepted/s: in PostgreSQL / answered by the function",
        &all.postgres.accepted,
        &all.answered,
    );
    row("accepted/s: with a million waiting / with none", &all.full, &all.empty);
    let stores: [(&str, &KeyRates, &DrainRates); 2] = [
        ("in a file", &all.file, &measured.file),
        ("in PostgreSQL", &all.postgres, &measured.postgres),
    ];
    for (place, accepted, drained) in stores {
        let name = |what: &str| format!("{what}, {place}");
        row(&name("accepted/s: 1,000 keys / no keys"), &accepted.keyed, &accepted.plain);
        row(&name("accepted/s: 1,000 keys, `latest` / no keys"), &accepted.newest, &accepted.plain);
        row(&name("drained/s: 1,000 keys / no keys"), &drained.keyed, &drained.quiet);
        row(&name("drained/s: 1,000 keys, `latest` / no keys"), &drained.newest, &drained.quiet);
    }
    table
}

/// What depends on the machine more than the ratios.
pub(super) fn figures(measured: &BackgroundMeasurements) -> Table {
    let mut table = Table::new(&["background deliveries", "median"]);
    let mut row = |name: &str, value: String| table.row([name.to_owned(), value]);
    let all = &measured.accepted;
    row("accepted/s, in a file, 64 connections", thousands(median(&all.file.accepted)));
    row("… p99, ms", format!("{:.2}", median(&all.file_p99s)));
    row("accepted/s, in PostgreSQL, 64 connections", thousands(median(&all.postgres.accepted)));
    row(
        "from arrival to the function's start, idle, ms",
        format!("{:.2}", median(&measured.waited)),
    );
    for (place, drained) in
        [("from a file", &measured.file), ("from PostgreSQL", &measured.postgres)]
    {
        let name = format!("drained/s, functions that do nothing, {place}");
        row(&name, thousands(median(&drained.quiet)));
        row("… with a log line for each", thousands(median(&drained.lines)));
        let name = "… with a log line for each, and one of the function";
        row(name, thousands(median(&drained.lines_of_function)));
    }
    row("memory with a million waiting, MiB", format!("{:.1}", measured.memory));
    table
}
