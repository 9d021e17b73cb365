//! The tables: the constants of the model, and each point with its prediction.

use super::model::{AcceptLimits, run_rate, turnaround};
use super::{ACCEPTS, FEW_CONNECTIONS, MANY_CONNECTIONS, Measurements, RUNS};
use crate::numbers::{median, thousands};
use crate::table::Table;

/// How far a prediction may be off.
const BOUND: f64 = 0.2;

/// The limits of accepting, from the points with a few connections and with many.
fn accept_limits(accepted: &[Measurements]) -> AcceptLimits {
    // From the request to the response, in seconds.
    let time_with = |connections: u32| {
        let index = ACCEPTS.iter().position(|it| (it.replicas, it.connections) == (1, connections));
        index.map_or(0.0, |index| f64::from(connections) / median(&accepted[index].rates))
    };
    let (few, many) = (FEW_CONNECTIONS, MANY_CONNECTIONS);
    let each = (time_with(many) - time_with(few)) / f64::from(many - few);
    AcceptLimits { single: time_with(few) - f64::from(few) * each, limit: 1.0 / each }
}

/// The time between two runs in one slot with this many replicas, from functions that do nothing.
fn turnaround_with(replicas: u32, run: &[Measurements]) -> f64 {
    let points = RUNS.iter().zip(run);
    let point = points.clone().find(|(point, _)| (point.replicas, point.takes) == (replicas, 0));
    point.map_or(0.0, |(point, measured)| turnaround(point.concurrency, median(&measured.rates)))
}

pub(super) fn constants(accepted: &[Measurements], run: &[Measurements], bytes: f64) -> Table {
    let mut table = Table::new(&["constant", "value"]);
    let mut row = |name: &str, value: String| table.row([name.to_owned(), value]);
    let limits = accept_limits(accepted);
    row("`single`, ms", format!("{:.2}", limits.single * 1e3));
    row("`limit`, accepted/s", thousands(limits.limit));
    for replicas in [1, 2, 4] {
        let milliseconds = turnaround_with(replicas, run) * 1e3;
        let name = format!("turnaround of a slot, {}, ms", replicas_text(replicas));
        row(&name, format!("{milliseconds:.1}"));
    }
    let micros = |seconds: &[f64]| format!("{:.0}", median(seconds) * 1e6);
    let most = ACCEPTS.iter().zip(accepted).max_by_key(|(point, _)| point.connections);
    if let Some((_, measured)) = most {
        row("CPU time to accept one, the program, µs", micros(&measured.program));
        row("CPU time to accept one, PostgreSQL, µs", micros(&measured.database));
    }
    row("CPU time to run one, the program, µs", micros(&run[0].program));
    row("CPU time to run one, PostgreSQL, µs", micros(&run[0].database));
    row("a waiting delivery in PostgreSQL, KiB", format!("{:.1}", bytes / 1024.0));
    table
}

pub(super) fn points(accepted: &[Measurements], run: &[Measurements]) -> Table {
    let mut table = Table::new(&["point", "measured/s", "model/s", "difference"]);
    let mut row = |name: String, measured: &Measurements, model: f64, gives_constants: bool| {
        let measured = median(&measured.rates);
        let difference = model / measured - 1.0;
        let difference = match (gives_constants, difference.abs() > BOUND) {
            (true, _) => "gives constants".to_owned(),
            (false, true) => format!("{:+.0} %, beyond the bound", difference * 100.0),
            (false, false) => format!("{:+.0} %", difference * 100.0),
        };
        table.row([name, thousands(measured), thousands(model), difference]);
    };
    let limits = accept_limits(accepted);
    for (point, measured) in ACCEPTS.iter().zip(accepted) {
        let connections = point.connections;
        let s = if connections == 1 { "" } else { "s" };
        let name =
            format!("accept, {}, {connections} connection{s}", replicas_text(point.replicas));
        row(name, measured, limits.rate(connections), point.gives_constants);
    }
    for (point, measured) in RUNS.iter().zip(run) {
        let name = format!(
            "run, {}, `concurrency = {}`, {} ms each",
            replicas_text(point.replicas),
            point.concurrency,
            point.takes
        );
        let turnaround = turnaround_with(point.replicas, run);
        let rate = run_rate(point.concurrency, f64::from(point.takes) / 1e3, turnaround);
        row(name, measured, rate, point.takes == 0);
    }
    table
}

fn replicas_text(replicas: u32) -> String {
    if replicas == 1 { "1 replica".to_owned() } else { format!("{replicas} replicas") }
}
