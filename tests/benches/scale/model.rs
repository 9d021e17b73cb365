//! The model: a few constants, and what they say of the rates.

/// What limits how many deliveries are accepted.
#[derive(Clone, Copy)]
pub(super) struct AcceptLimits {
    /// The part of the time from request to response that does not depend on the number of connections, in seconds.
    pub(super) single: f64,
    /// The rate that is approached as connections increase, in deliveries a second.
    pub(super) limit: f64,
}

impl AcceptLimits {
    /// Returns how many deliveries a second are accepted from this many connections that each wait for their response.
    pub(super) fn rate(self, connections: u32) -> f64 {
        let connections = f64::from(connections);
        connections / (self.single + connections / self.limit)
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
