//! The figures as a table in Markdown, as the guide has it: a row for each figure, a column for each store.

use std::fmt;
use std::time::Duration;

/// The rows, in their order.
const ROWS: [&str; 46] = [
    "kills",
    "kills during a start",
    "shutdowns",
    "freezes",
    "log readers that stall",
    "log readers that are gone",
    "restarts of the share server",
    "clock jumps",
    "full disks",
    "network faults",
    "database restarts",
    "database failovers",
    "deliveries accepted",
    "… through the share link",
    "… done",
    "… superseded",
    "… dead",
    "… cancelled",
    "attempts",
    "… ended by a kill",
    "deliveries that succeeded more than once",
    "cancels",
    "runs again",
    "pauses",
    "time to accept, median, ms",
    "time to accept, p99, ms",
    "longest time without an accept, s",
    "time to drain the queue afterwards, s",
    "oldest due delivery while nothing failed, s",
    "inline requests that succeeded",
    "… with a large body",
    "… failed, 500",
    "… rejected, 401, 403, 409, 413, 422",
    "servers whose counts were compared",
    "rejected deliveries: secret",
    "rejected deliveries: body",
    "requests of strangers",
    "requests of viewers",
    "scrapes of the metrics",
    "exports of traces",
    "clients that stall",
    "memory before, MiB",
    "memory after, MiB",
    "descriptors before",
    "descriptors after",
    "broken promises",
];

/// The figures of a store.
#[derive(Clone, Debug, Default)]
pub(crate) struct SoakFigures(Vec<(&'static str, String)>);

impl SoakFigures {
    pub(crate) fn set(&mut self, row: &'static str, value: impl fmt::Display) {
        assert!(ROWS.contains(&row), "no row {row:?}");
        self.0.push((row, value.to_string()));
    }

    /// A number with commas between its thousands.
    pub(crate) fn count(&mut self, row: &'static str, count: usize) {
        let digits = count.to_string();
        let groups: Vec<_> =
            digits.as_bytes().rchunks(3).rev().map(String::from_utf8_lossy).collect();
        self.set(row, groups.join(","));
    }

    pub(crate) fn seconds(&mut self, row: &'static str, time: Duration) {
        self.set(row, format!("{:.1}", time.as_secs_f64()));
    }

    pub(crate) fn milliseconds(&mut self, row: &'static str, time: Duration) {
        self.set(row, format!("{:.1}", time.as_secs_f64() * 1000.0));
    }

    fn value(&self, row: &str) -> &str {
        self.0.iter().find(|(name, _)| *name == row).map_or("–", |(_, value)| value)
    }
}

/// The figures of each store that was soaked.
#[derive(Debug)]
pub(crate) struct FigureTable(pub(crate) Vec<(&'static str, SoakFigures)>);

impl fmt::Display for FigureTable {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stores: String = self.0.iter().map(|(store, _)| format!(" {store} |")).collect();
        writeln!(formatter, "| figure |{stores}")?;
        writeln!(formatter, "| --- |{}", " ---: |".repeat(self.0.len()))?;
        for row in ROWS {
            let values: String =
                self.0.iter().map(|(_, figures)| format!(" {} |", figures.value(row))).collect();
            writeln!(formatter, "| {row} |{values}")?;
        }
        Ok(())
    }
}
