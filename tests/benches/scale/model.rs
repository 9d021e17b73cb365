//! The model: a few constants, and what they say of the rates.

/// What limits how many deliveries are accepted.
#[derive(Clone, Copy)]
pub(super) struct AcceptLimits {
    /// From the request to the response, apart from the time for which deliveries wait for each other, in seconds.
    pub(super) alone: f64,
    /// What the rate approaches with ever more connections, in deliveries a second.
    pub(super) most: f64,
}

impl AcceptLimits {
    /// How many deliveries a second are accepted from this many connections that each wait for their response: the time of
    /// a delivery alone, and for each connection the time that the store needs for one among many.
    pub(super) fn rate(self, connections: u32) -> f64 {
        let connections = f64::from(connections);
        connections / (self.alone + connections / self.most)
    }
}

/// How many functions a second are run, `concurrency` at a time in all replicas, if one takes `seconds`, and
/// `turnaround` seconds pass from the end of a run to the start of the next one in its slot.
pub(super) fn run_rate(concurrency: u32, seconds: f64, turnaround: f64) -> f64 {
    f64::from(concurrency) / (seconds + turnaround)
}

/// How many seconds pass between two runs in one slot, if functions that do nothing are run at this rate.
pub(super) fn turnaround(concurrency: u32, rate: f64) -> f64 {
    f64::from(concurrency) / rate
}
