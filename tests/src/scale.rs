//! A model of how far one process and one PostgreSQL server go: a few constants, and the rates that follow from them. The
//! benchmark compares it with what it measures, and the suite `scale` with the tables of the guide.

/// How far a prediction may be off.
const BOUND: f64 = 0.2;

/// What limits how many deliveries are accepted.
#[derive(Clone, Copy, Debug)]
pub struct AcceptLimits {
    /// The part of the time from request to response that does not depend on the number of connections, in seconds.
    pub single: f64,
    /// The rate that is approached as connections increase, in deliveries a second.
    pub limit: f64,
}

impl AcceptLimits {
    /// Returns the limits with which two numbers of connections have these rates.
    #[must_use]
    pub fn through(few: (u32, f64), many: (u32, f64)) -> Self {
        // From the request to the response, in seconds.
        let time = |(connections, rate): (u32, f64)| f64::from(connections) / rate;
        let each = (time(many) - time(few)) / (f64::from(many.0) - f64::from(few.0));
        Self { single: time(few) - f64::from(few.0) * each, limit: 1.0 / each }
    }

    /// Returns how many deliveries a second are accepted from this many connections that each wait for their response.
    #[must_use]
    pub fn rate(self, connections: u32) -> f64 {
        let connections = f64::from(connections);
        connections / (self.single + connections / self.limit)
    }
}

/// Returns how many functions a second are run, `concurrency` at a time in all replicas, if one takes `seconds`, and
/// `turnaround` seconds pass from the end of a run to the start of the next one in its slot.
#[must_use]
pub fn run_rate(concurrency: u32, seconds: f64, turnaround: f64) -> f64 {
    f64::from(concurrency) / (seconds + turnaround)
}

/// Returns how many seconds pass between two runs in one slot, if functions that do nothing are run at this rate.
#[must_use]
pub fn turnaround(concurrency: u32, rate: f64) -> f64 {
    f64::from(concurrency) / rate
}

/// A measured point and its prediction. Rates are in deliveries a second.
#[derive(Clone, Debug)]
pub struct ComparedPoint {
    /// The name of the point in the table.
    pub name: String,
    /// The measured rate.
    pub measured: f64,
    /// The rate that the model predicts.
    pub model: f64,
    /// Whether the constants are taken from this point, so that it says nothing about the model.
    pub gives_constants: bool,
}

impl ComparedPoint {
    /// Returns how much higher the prediction is, as a part of the measured rate.
    #[must_use]
    pub fn difference(&self) -> f64 {
        self.model / self.measured - 1.0
    }

    /// Returns whether the prediction is off by more than the guide promises. A rate that is no number is off, too.
    #[must_use]
    pub fn is_beyond_bound(&self) -> bool {
        let is_within = self.difference().abs() <= BOUND;
        !self.gives_constants && !is_within
    }
}

/// Checks that each prediction is within the bound.
///
/// # Errors
///
/// Names the points that are not.
pub fn check_predictions(points: &[ComparedPoint]) -> Result<(), String> {
    let beyond = points.iter().filter(|point| point.is_beyond_bound());
    let beyond: Vec<_> = beyond
        .map(|point| format!("{} ({:+.0} %)", point.name, point.difference() * 100.0))
        .collect();
    if beyond.is_empty() {
        return Ok(());
    }
    let percent = BOUND * 100.0;
    Err(format!("the model is off by more than {percent:.0} % at: {}", beyond.join("; ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assert_close(value: f64, expected: f64) {
        assert!((value / expected - 1.0).abs() < 1e-9, "{value}, not {expected}");
    }

    #[test]
    fn one_connection_waits_for_each_response_and_many_approach_the_limit() {
        let limits = AcceptLimits { single: 0.001, limit: 10_000.0 };
        assert_close(limits.rate(1), 1.0 / 0.0011);
        assert_close(limits.rate(10), 5_000.0);
        let many = limits.rate(1_000_000);
        assert!(many < 10_000.0 && many > 9_999.0, "{many}");
    }

    #[test]
    fn limits_are_found_again_from_two_of_their_rates() {
        let limits = AcceptLimits { single: 0.001, limit: 10_000.0 };
        let found = AcceptLimits::through((4, limits.rate(4)), (64, limits.rate(64)));
        assert_close(found.single, limits.single);
        assert_close(found.limit, limits.limit);
    }

    #[test]
    fn a_slot_runs_a_function_and_then_waits_for_the_next_one() {
        assert_close(run_rate(16, 0.095, 0.005), 160.0);
        assert_close(turnaround(16, 3_200.0), 0.005);
        assert_close(run_rate(16, 0.0, turnaround(16, 2_754.0)), 2_754.0);
    }

    #[test]
    fn predictions_that_are_off_by_more_than_a_fifth_are_named() {
        let point = |name: &str, model, gives_constants| ComparedPoint {
            name: name.to_owned(),
            measured: 1_000.0,
            model,
            gives_constants,
        };
        let within = [point("low", 801.0, false), point("high", 1_199.0, false)];
        assert_eq!(check_predictions(&within), Ok(()));
        assert_eq!(check_predictions(&[point("constants", 10.0, true)]), Ok(()));
        let beyond = [
            point("low", 790.0, false),
            point("right", 1_000.0, false),
            point("high", 1_210.0, false),
        ];
        let error = "the model is off by more than 20 % at: low (-21 %); high (+21 %)";
        assert_eq!(check_predictions(&beyond), Err(error.to_owned()));
        assert!(check_predictions(&[point("nothing", f64::NAN, false)]).is_err());
    }
}
