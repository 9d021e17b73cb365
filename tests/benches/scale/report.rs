//! The tables: the constants of the model, and each point with its prediction.

use tests::scale::{AcceptLimits, ComparedPoint, run_rate, turnaround};

use super::{ACCEPTS, FEW_CONNECTIONS, MANY_CONNECTIONS, Measurements, RUNS};
use crate::numbers::{median, thousands};
use crate::table::Table;

/// The limits of accepting, from the points with a few connections and with many.
fn accept_limits(accepted: &[Measurements]) -> AcceptLimits {
    let rate_with = |connections: u32| {
        let index = ACCEPTS.iter().position(|it| (it.replicas, it.connections) == (1, connections));
        (connections, index.map_or(0.0, |index| median(&accepted[index].rates)))
    };
    AcceptLimits::through(rate_with(FEW_CONNECTIONS), rate_with(MANY_CONNECTIONS))
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

/// Returns each point with its prediction.
pub(super) fn points(accepted: &[Measurements], run: &[Measurements]) -> Vec<ComparedPoint> {
    let limits = accept_limits(accepted);
    let accepts = ACCEPTS.iter().zip(accepted).map(|(point, measured)| {
        let connections = point.connections;
        let s = if connections == 1 { "" } else { "s" };
        let replicas = replicas_text(point.replicas);
        ComparedPoint {
            name: format!("accept, {replicas}, {connections} connection{s}"),
            measured: median(&measured.rates),
            model: limits.rate(connections),
            gives_constants: point.gives_constants,
        }
    });
    let runs = RUNS.iter().zip(run).map(|(point, measured)| {
        let (replicas, concurrency) = (replicas_text(point.replicas), point.concurrency);
        let turnaround = turnaround_with(point.replicas, run);
        ComparedPoint {
            name: format!(
                "run, {replicas}, `concurrency = {concurrency}`, {} ms each",
                point.takes
            ),
            measured: median(&measured.rates),
            model: run_rate(concurrency, f64::from(point.takes) / 1e3, turnaround),
            gives_constants: point.takes == 0,
        }
    });
    accepts.chain(runs).collect()
}

pub(super) fn points_table(points: &[ComparedPoint]) -> Table {
    let mut table = Table::new(&["point", "measured/s", "model/s", "difference"]);
    for point in points {
        let difference = match (point.gives_constants, point.is_beyond_bound()) {
            (true, _) => "gives constants".to_owned(),
            (false, true) => format!("{:+.0} %, beyond the bound", point.difference() * 100.0),
            (false, false) => format!("{:+.0} %", point.difference() * 100.0),
        };
        let (measured, model) = (thousands(point.measured), thousands(point.model));
        table.row([point.name.clone(), measured, model, difference]);
    }
    table
}

fn replicas_text(replicas: u32) -> String {
    if replicas == 1 { "1 replica".to_owned() } else { format!("{replicas} replicas") }
}
